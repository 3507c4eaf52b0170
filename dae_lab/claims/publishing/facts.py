"""What a page tells of the runs: their scale, cost, processor and code."""

from collections.abc import Sequence
from datetime import UTC, datetime

from dae_lab.claims.claim import Claim
from dae_lab.claims.evidence import Evidence
from dae_lab.claims.measurement import ClaimRun, Runs
from dae_lab.claims.publishing.circumstances import Circumstances
from dae_lab.report.markdown import code


def facts_of(claim: Claim, evidence: Evidence, circumstances: Circumstances) -> dict[str, str]:
    """Facts of the runs, by the name that the page gives them."""
    runs, long_runs = _every(evidence.runs), _every(evidence.long_runs)
    facts = {"Scale": "; ".join(sorted({_scale(run) for run in runs}))}
    if claim.scale:
        facts["Beside the source"] = claim.scale
    facts["Cost"] = _cost(runs)
    if long_runs:
        facts["Cost"] += f"; at the source's length {_cost(long_runs)}"
    for title, found in (
        ("Processor", {run.params.get("machine/cpu", "") for run in runs}),
        ("Code", {run.tags.get("mlflow.source.git.commit", "")[:12] for run in runs}),
    ):
        if known := sorted(filter(None, found)):
            facts[title] = "; ".join(known)
    facts["Rule"] = f"`{claim.rule_hash()}`, recorded {_utc(circumstances.stated)}"
    if runs:
        facts["Rule"] += f"; the first of these runs began {_utc(min(run.started for run in runs))}"
    if circumstances.cut_short:
        facts["Cut short"] = "it was stopped before its next look, and goes on with the same command"
    facts["Again"] = code(circumstances.command)
    facts["This page again"] = code(f"python -m dae_lab.run regenerate={circumstances.claim}")
    return facts


def _every(runs: Runs) -> list[ClaimRun]:
    return [run for of in runs.values() for run in of.values()]


def _cost(runs: Sequence[ClaimRun]) -> str:
    """``10 runs, 3.26 CPU hours``."""
    spent = sum(run.values.get("time/cpu_s", 0.0) for run in runs)
    return f"{len(runs)} run{'s' * (len(runs) != 1)}, {spent / 3600:.2f} CPU hours"


def _utc(milliseconds: int) -> str:
    return f"{datetime.fromtimestamp(milliseconds / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC"


def _scale(run: ClaimRun) -> str:
    """``rows [0, 60000] of mnist, 10 epochs of 128 images a step``."""
    settings = run.params
    data = settings.get("data._target_", "").rpartition(".load_")[2]
    epochs, size = settings.get("training.epochs"), settings.get("training.batch_size")
    plural = "" if epochs == "1" else "s"
    return f"rows {settings.get('data.train')} of {data}, {epochs} epoch{plural} of {size} images a step"
