"""A verdict is kept: in the notebook, and as a run of its own in MLflow."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from dae_lab.claims import notebook
from dae_lab.claims.outcome import Runs
from dae_lab.claims.page import as_html
from dae_lab.claims.question import Question
from dae_lab.tracking.recorded import Recorded
from dae_lab.tracking.runs import part_of
from dae_lab.tracking.store import Store


def keep(question: Question, runs: Runs, command: str, store: Store) -> Path:
    """Write the page of a claim that was judged by ``runs``; gives where it is. What is as it was stays."""
    found = question.judgement
    assert found is not None
    page = notebook.write(
        Path(question.claim.notebook), question.name, found, runs, _facts(question, runs, command)
    )
    html = as_html(page.parent, runs)
    state = hashlib.sha256(html.encode()).hexdigest()[:12]
    members = [run for of in runs.values() for run in of.values()]
    with store.summary_record("claim", question.name, members) as record:
        if record.tags.get("page") != state:
            record.tag("verdict", found.verdict.value)
            record.describe(f"{_links(members, question.name)}\n\n{_without_pictures(page)}")
            record.folder(page.parent)
            record.text(html, "claim.html")
            record.tag("page", state)  # at last: what was cut before is done again
    return page


def _facts(question: Question, runs: Runs, command: str) -> dict[str, str]:
    """What the notebook tells of the runs."""
    every = [run for of in runs.values() for run in of.values()]
    spent = sum(run.values.get("time/cpu_s", 0.0) for run in every)
    early = sum(run.began < question.stated for run in every)
    facts = {"Scale": "; ".join(sorted({_scale(run) for run in every}))}
    if question.claim.scale:
        facts["Beside the source"] = question.claim.scale
    facts["Cost"] = f"{len(every)} runs, {spent / 3600:.2f} CPU hours"
    facts["Rule"] = f"`{question.claim.rule_hash()}`, recorded " + (
        f"when {early} of these runs had begun already" if early else "before the first of these runs"
    )
    if not question.settled:
        facts["Cut short"] = "it was stopped before its next look, and goes on with the same command"
    facts["Again"] = f"`{command}`"
    return facts


def _scale(run: Recorded) -> str:
    """``rows [0, 60000] of mnist, 10 epochs of 128 images a step``."""
    known = run.settings
    data = known.get("data._target_", "").rpartition(".load_")[2]
    epochs, size = known.get("training.epochs"), known.get("training.batch_size")
    plural = "" if epochs == "1" else "s"
    return f"rows {known.get('data.train')} of {data}, {epochs} epoch{plural} of {size} images a step"


def _links(members: Sequence[Recorded], name: str) -> str:
    """To the runs judged, as MLflow's UI finds them."""
    homes = sorted({run.experiment_id for run in members})
    query = quote(part_of("claim", name))
    links = [f"[{len(members)} runs judged](#/experiments/{home}?searchFilter={query})" for home in homes]
    return " · ".join(links)


def _without_pictures(page: Path) -> str:
    """The page as a description, which finds no files; they are in claim.html."""
    lines = page.read_text("utf-8").splitlines()
    return "\n".join(line for line in lines if not line.startswith("!["))
