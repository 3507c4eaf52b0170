"""What a reader of a verdict has to know beside it: rules that were changed, runs that were not as stated."""

from collections.abc import Mapping, Sequence

import numpy as np

from dae_lab.claims.evidence import collapsed_seeds
from dae_lab.claims.judge import Judgement, Reading
from dae_lab.claims.outcome import ClaimRun, Runs
from dae_lab.claims.question import Question
from dae_lab.claims.spec import Claim
from dae_lab.claims.statistics import shape

WHERE = ("tracking.", "sweep.", "plan=", "claim=", "claim.notebook=", "data.cache=", "data.download=")
"""Overrides that say where, not what."""

DOUBTFUL = 0.01
"""The p of a test of outliers or skewness below which it is said."""


def remarks(
    claim: Claim, found: Judgement, runs: Runs, stated: int, changed: str, own: Sequence[str]
) -> tuple[str, ...]:
    """Sentences without their full stops; none where there is nothing to mind.

    Args:
        stated: when the rule was recorded, in milliseconds since 1970. changed: what of earlier rules.
        own: overrides of the command line that change what is asked.
    """
    every = [run for of in runs.values() for run in of.values()]
    early = sum(run.started < stated for run in every)
    said = [changed]
    if found.provisional:
        said.append(
            "it is provisional: other claims that are judged with it are not settled, and may change it"
        )
    if early:
        fresh = claim.seeds.first + claim.seeds.last
        said.append(
            f"{early} of the {len(every)} runs had begun before this rule was recorded; fresh seeds judge it "
            f"without them: claim.seeds.first={fresh}"
        )
    if own:
        said.append(f"it was asked otherwise than its file says, with {' '.join(own)}")
    if claim.definition.outcome.metric != "collapse":
        said += [_collapsed(arm, runs.get(arm, {})) for arm in claim.arms]
    said += [_shape(reading, claim.seeds.first) for reading in found.readings]
    return tuple(filter(None, said))


def given(question: Question) -> list[str]:
    """The overrides of the command line that change what is asked, or trained."""
    return [text for text in question.overrides if not text.lstrip("+~").startswith(WHERE)]


def _collapsed(arm: str, of: Mapping[int, ClaimRun]) -> str:
    count = len(collapsed_seeds(of))
    return f"{count} of {len(of)} runs of arm {arm} collapsed" if count else ""


def _shape(reading: Reading, first: int) -> str:
    """Where the effects of the seeds are not what Student's interval is made for."""
    effects = reading.effects
    if reading.definition.outcome.kind not in ("value", "time") or not np.isfinite(effects).all():
        return ""
    said = []
    place, p = shape.outlier(effects)
    if p < DOUBTFUL:
        rest = np.delete(effects, place).mean()
        said.append(
            f"seed {first + place} is an outlier (Grubbs' p {p:.2g}); without it the mean is {rest:.3g}"
        )
    skew, p = shape.skewness(effects)
    if p < DOUBTFUL:
        side = "high" if skew > 0 else "low"
        said.append(f"the effects are skewed to the {side} side (p {p:.2g}), and rare ones may be missing")
    name = "the reading that decides" if reading.name == "definition" else f"the reading {reading.name}"
    return f"by {name}: {'; '.join(said)}" if said else ""
