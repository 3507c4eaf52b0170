"""What limits a verdict: rules that were changed, runs from before the rule, collapses, skewed effects."""

from collections.abc import Mapping, Sequence

import numpy as np

from dae_lab.claims.evidence import Evidence
from dae_lab.claims.judge import Reading, Verdict
from dae_lab.claims.measurement import ClaimRun, collapsed_seeds
from dae_lab.claims.statistics import shape

WHERE = ("tracking.", "sweep.", "plan=", "claim=", "claim.notebook=", "data.cache=", "data.download=")
"""Overrides that say where, not what."""

DOUBTFUL = 0.01
"""The p of a test of outliers or skewness below which there is a caveat."""


def caveats(
    verdict: Verdict, evidence: Evidence, stated: int, changed: str, overrides: Sequence[str]
) -> tuple[str, ...]:
    """What a reader of ``verdict`` has to know: sentences without their full stops; often none.

    Args:
        stated: when the rule was recorded, in milliseconds since 1970.
        changed: how the claim was judged by other rules; empty where it was not.
        overrides: those of the command line that change what is asked.
    """
    claim, runs = verdict.claim, evidence.runs
    every = [run for of in runs.values() for run in of.values()]
    early = sum(run.started < stated for run in every)
    found = [changed]
    if verdict.provisional:
        found.append(
            "it is provisional: other claims that are judged with it are not settled, and may change it"
        )
    if early:
        fresh = claim.seeds.first + claim.seeds.last
        found.append(
            f"{early} of the {len(every)} runs had begun before this rule was recorded; fresh seeds judge it "
            f"without them: claim.seeds.first={fresh}"
        )
    if overrides:
        found.append(f"it was asked otherwise than its file says, with {' '.join(overrides)}")
    if claim.definition.outcome.metric != "collapse":
        found += [_collapsed(arm, runs.get(arm, {})) for arm in claim.arms]
    found += [_shape(reading, claim.seeds.first) for reading in verdict.readings]
    return tuple(filter(None, found))


def changing(overrides: Sequence[str]) -> list[str]:
    """Those of ``overrides`` that change what is asked, or trained."""
    return [text for text in overrides if not text.lstrip("+~").startswith(WHERE)]


def _collapsed(arm: str, of: Mapping[int, ClaimRun]) -> str:
    count = len(collapsed_seeds(of))
    return f"{count} of {len(of)} runs of arm {arm} collapsed" if count else ""


def _shape(reading: Reading, first: int) -> str:
    """Where the effects of the seeds are not what Student's interval is made for."""
    effects = reading.measured.effects
    if not reading.measured.kind.effects_per_seed or not reading.measured.is_known:
        return ""
    found = []
    place, p = shape.outlier(effects)
    if p < DOUBTFUL:
        rest = np.delete(effects, place).mean()
        found.append(
            f"seed {first + place} is an outlier (Grubbs' p {p:.2g}); without it the mean is {rest:.3g}"
        )
    skew, p = shape.skewness(effects)
    if p < DOUBTFUL:
        side = "high" if skew > 0 else "low"
        found.append(f"the effects are skewed to the {side} side (p {p:.2g}), and rare ones may be missing")
    name = "the reading that decides" if reading.name == "definition" else f"the reading {reading.name}"
    return f"by {name}: {'; '.join(found)}" if found else ""
