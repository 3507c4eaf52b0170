"""A verdict is kept: in the notebook, and as a run of its own in MLflow."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

from dae_lab.claims import notebook
from dae_lab.claims.judge import Judgement
from dae_lab.claims.notebook import Circumstances
from dae_lab.claims.page import as_html
from dae_lab.claims.question import Question
from dae_lab.tracking.plain import finite
from dae_lab.tracking.recorded import Recorded
from dae_lab.tracking.runs import part_of
from dae_lab.tracking.store import Store

StoredRuns = Mapping[str, Mapping[int, Recorded]]
"""Finished runs of a store, by arm and seed."""


def keep(
    question: Question, runs: StoredRuns, long_runs: StoredRuns, circumstances: Circumstances, store: Store
) -> Path:
    """Write the page of a claim that was judged by ``runs``; gives where it is. What is as it was stays.

    Args:
        long_runs: those at the source's length, see ``Claim.long_arms``.
    """
    found = question.judgement
    assert found is not None
    every = {**runs, **long_runs}
    members = [run for of in every.values() for run in of.values()]
    with store.summary_record("claim", question.name, members) as record:
        drawn = record.tags.get("drawn", "")
        page, state = notebook.write(
            Path(question.claim.notebook), found, runs, circumstances, drawn, long_runs
        )
        if state != drawn:
            record.tag("drawn", state)
        html = as_html(page.parent, every)
        content = hashlib.sha256(html.encode()).hexdigest()[:12]
        if record.tags.get("page") != content or not record.has("claim.html"):
            record.tag("verdict", found.verdict.value)
            record.describe(f"{_links(members, question.name)}\n\n{_without_pictures(page)}")
            record.folder(page.parent)
            record.text(html, "claim.html")
            record.metrics(_numbers(found), step=0)
            record.tag("page", content)  # at last: what was cut before is done again
    return page


def _numbers(found: Judgement) -> dict[str, float]:
    """What claims are compared by in MLflow: how many seeds, and each reading's effect and interval."""
    values = {"seeds": float(found.n)}
    for one in found.readings:
        values |= {f"{one.name}/effect": one.effect}
        values |= {f"{one.name}/low": one.interval.low, f"{one.name}/high": one.interval.high}
    return {name: value for name, value in values.items() if finite(value)}


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
