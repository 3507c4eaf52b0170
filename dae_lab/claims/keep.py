"""A verdict is kept: in the notebook, and as a run of its own in MLflow."""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from dae_lab.claims import notebook
from dae_lab.claims.judge import Judgement
from dae_lab.claims.outcome import Runs
from dae_lab.claims.page import as_html
from dae_lab.claims.question import Question
from dae_lab.report.markdown import code
from dae_lab.tracking.plain import finite
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
        if record.tags.get("page") != state or not record.has("claim.html"):
            record.tag("verdict", found.verdict.value)
            record.describe(f"{_links(members, question.name)}\n\n{_without_pictures(page)}")
            record.folder(page.parent)
            record.text(html, "claim.html")
            record.metrics(_numbers(found), step=0)
            record.tag("page", state)  # at last: what was cut before is done again
    return page


def _numbers(found: Judgement) -> dict[str, float]:
    """What claims are compared by in MLflow: how many seeds, and each reading's effect and interval."""
    values = {"seeds": float(found.n)}
    for one in found.readings:
        values |= {f"{one.name}/effect": one.effect}
        values |= {f"{one.name}/low": one.interval.low, f"{one.name}/high": one.interval.high}
    return {name: value for name, value in values.items() if finite(value)}


def _facts(question: Question, runs: Runs, command: str) -> dict[str, str]:
    """What the notebook tells of the runs."""
    every = [run for of in runs.values() for run in of.values()]
    spent = sum(run.values.get("time/cpu_s", 0.0) for run in every)
    facts = {"Scale": "; ".join(sorted({_scale(run) for run in every}))}
    if question.claim.scale:
        facts["Beside the source"] = question.claim.scale
    facts["Cost"] = f"{len(every)} runs, {spent / 3600:.2f} CPU hours"
    facts["Rule"] = f"`{question.claim.rule_hash()}`, recorded {_utc(question.stated)}"
    if every:
        facts["Rule"] += f"; the first of these runs began {_utc(min(run.began for run in every))}"
    if not question.settled:
        facts["Cut short"] = "it was stopped before its next look, and goes on with the same command"
    facts["Again"] = code(command)
    return facts


def _utc(milliseconds: int) -> str:
    return f"{datetime.fromtimestamp(milliseconds / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC"


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
