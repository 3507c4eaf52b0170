"""A verdict recorded as a run of its own in MLflow, with its page."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

from dae_lab.claims.evidence import Evidence
from dae_lab.claims.judge import Verdict
from dae_lab.claims.publishing.circumstances import Circumstances
from dae_lab.claims.publishing.html import as_html
from dae_lab.claims.publishing.page import publish
from dae_lab.tracking.jsonable import is_finite
from dae_lab.tracking.queries import tag_query
from dae_lab.tracking.reader import RunReader
from dae_lab.tracking.store import RunStore

StoredRuns = Mapping[str, Mapping[int, RunReader]]
"""Finished runs of a store, by arm and seed."""


def publish_and_record(
    verdict: Verdict, evidence: Evidence, circumstances: Circumstances, runs: StoredRuns, store: RunStore
) -> Path:
    """Write the page of a claim, and record it in ``store`` where it has changed; gives the page.

    Args:
        runs: those of the evidence, the long ones too, as the store has them.
    """
    name = circumstances.claim
    records = [run for of in runs.values() for run in of.values()]
    with store.open_summary("claim", name, records) as record:
        page = publish(verdict, evidence, circumstances, Path(verdict.claim.notebook))
        html = as_html(page.parent, runs)
        content = hashlib.sha256(html.encode()).hexdigest()[:12]
        if record.tags.get("page") != content or not record.has_artifact("claim.html"):
            record.set_tag("verdict", verdict.conclusion.value)
            record.set_description(f"{_links(records, name)}\n\n{_without_pictures(page)}")
            record.log_folder(page.parent)
            record.log_text(html, "claim.html")
            record.log_metrics(_numbers(verdict), step=0)
            record.set_tag("page", content)  # at last: what was cut before is done again
    return page


def _numbers(found: Verdict) -> dict[str, float]:
    """What claims are compared by in MLflow: how many seeds, and each reading's effect and interval."""
    values = {"seeds": float(found.n)}
    for one in found.readings:
        values |= {f"{one.name}/effect": one.effect}
        values |= {f"{one.name}/low": one.interval.low, f"{one.name}/high": one.interval.high}
    return {name: value for name, value in values.items() if is_finite(value)}


def _links(runs: Sequence[RunReader], name: str) -> str:
    """To the runs judged, as MLflow's UI finds them."""
    homes = sorted({run.experiment_id for run in runs})
    query = quote(tag_query("claim", name))
    links = [f"[{len(runs)} runs judged](#/experiments/{home}?searchFilter={query})" for home in homes]
    return " · ".join(links)


def _without_pictures(page: Path) -> str:
    """The page as a description, which finds no files; they are in claim.html."""
    lines = page.read_text("utf-8").splitlines()
    return "\n".join(line for line in lines if not line.startswith("!["))
