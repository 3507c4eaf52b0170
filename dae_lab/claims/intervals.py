"""The interval of an effect, by the kind of its outcome."""

from collections.abc import Mapping

import numpy as np

from dae_lab.claims.evidence import Evidence, correlated, look_error
from dae_lab.claims.expression import Effect
from dae_lab.claims.outcome import Measured
from dae_lab.claims.rule import Outcome
from dae_lab.claims.statistics import anytime, paired, proportion
from dae_lab.claims.statistics.interval import Interval
from dae_lab.recording.names import COUNTS


def interval_of(evidence: Evidence, name: str, error: float) -> Interval:
    """The interval of the reading ``name`` at this look, at error rate ``error`` over all looks together.

    The intervals of all looks hold together (repeated confidence intervals: Jennison & Turnbull, "Interim
    analyses: the repeated confidence interval approach", Journal of the Royal Statistical Society B 1989),
    and each holds by itself. What is reported is that of the last look, which knows all seeds. What the looks
    have in common would be narrower, but need not hold the mean that was found.
    """
    claim, effect, n = evidence.claim, evidence.claim.effects[name], evidence.n
    arms = {arm: evidence.arms[name][arm] for arm in effect.arms}
    outcome, level = claim.readings[name].outcome, 1 - look_error(claim, n, error)
    if outcome.kind in ("value", "time"):
        method = paired.mean_interval if n <= claim.seeds.maximum else anytime.mean_interval
        return method(evidence.effects[name], level, grain_of(effect, outcome, arms))
    first, *others = (arms[arm] for arm in effect.arms)
    if others:
        return proportion.paired_difference(first.values > 0, others[0].values > 0, level)
    if outcome.kind == "share":
        return effect.place(proportion.exact_interval(int(first.values.sum()), len(first.values), level))
    return effect.place(correlated(first, level).interval)


def grain_of(effect: Effect, outcome: Outcome, arms: Mapping[str, Measured]) -> float:
    """In what steps the effect comes: of epochs, counts and ranks few seeds may agree by chance."""
    counted = outcome.kind == "time" or (outcome.metric.startswith(COUNTS) and not outcome.relative_to)
    values: dict[str, np.ndarray] = {arm: arms[arm].values for arm in effect.arms}
    return effect.grain(values, 1.0 if counted else 0.0)
