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
from dae_lab.tracking.jsonable import is_finite
from dae_lab.tracking.queries import tag_query
from dae_lab.tracking.reader import RunReader
from dae_lab.tracking.store import RunStore

StoredRuns = Mapping[str, Mapping[int, RunReader]]
"""Finished runs of a store, by arm and seed."""


def keep(
    question: Question, runs: StoredRuns, long_runs: StoredRuns, circumstances: Circumstances, store: RunStore
) -> Path:
    """Write the page of a claim that was judged by ``runs``; gives where it is. What is as it was stays.

    Args:
        long_runs: those at the source's length, see ``Claim.long_arms``.
    """
    found = question.judgement
    assert found is not None
    every = {**runs, **long_runs}
    members = [run for of in every.values() for run in of.values()]
    with store.open_summary("claim", question.name, members) as record:
        drawn = record.tags.get("drawn", "")
        page, state = notebook.write(
            Path(question.claim.notebook), found, runs, circumstances, drawn, long_runs
        )
        if state != drawn:
            record.set_tag("drawn", state)
        html = as_html(page.parent, every)
        content = hashlib.sha256(html.encode()).hexdigest()[:12]
        if record.tags.get("page") != content or not record.has_artifact("claim.html"):
            record.set_tag("verdict", found.verdict.value)
            record.set_description(f"{_links(members, question.name)}\n\n{_without_pictures(page)}")
            record.log_folder(page.parent)
            record.log_text(html, "claim.html")
            record.log_metrics(_numbers(found), step=0)
            record.set_tag("page", content)  # at last: what was cut before is done again
    return page


def _numbers(found: Judgement) -> dict[str, float]:
    """What claims are compared by in MLflow: how many seeds, and each reading's effect and interval."""
    values = {"seeds": float(found.n)}
    for one in found.readings:
        values |= {f"{one.name}/effect": one.effect}
        values |= {f"{one.name}/low": one.interval.low, f"{one.name}/high": one.interval.high}
    return {name: value for name, value in values.items() if is_finite(value)}


def _links(members: Sequence[RunReader], name: str) -> str:
    """To the runs judged, as MLflow's UI finds them."""
    homes = sorted({run.experiment_id for run in members})
    query = quote(tag_query("claim", name))
    links = [f"[{len(members)} runs judged](#/experiments/{home}?searchFilter={query})" for home in homes]
    return " · ".join(links)


def _without_pictures(page: Path) -> str:
    """The page as a description, which finds no files; they are in claim.html."""
    lines = page.read_text("utf-8").splitlines()
    return "\n".join(line for line in lines if not line.startswith("!["))
