"""The interval of an effect, by the kind of its outcome."""

from collections.abc import Mapping

import numpy as np

from dae_lab.claims.evidence import Evidence, correlated, look_error
from dae_lab.claims.expression import Effect
from dae_lab.claims.outcome import Measured, first_seeds
from dae_lab.claims.rule import Outcome
from dae_lab.claims.statistics import anytime, paired, proportion
from dae_lab.claims.statistics.interval import Interval
from dae_lab.recording.names import COUNTS


def interval_of(evidence: Evidence, name: str, error: float) -> Interval:
    """The interval of the reading ``name`` after all looks so far, at error rate ``error`` over all of them.

    It is what the intervals of these looks have in common: as they hold together, so does that, and what was
    decided at a look stays decided. Where they have nothing in common it is the last one.
    """
    looks = [n for n in evidence.claim.seeds.looks() if n <= evidence.n]
    each = [_interval_at(evidence, name, error, n) for n in looks]
    low, high = max(one.low for one in each), min(one.high for one in each)
    return Interval(low, high, each[-1].level) if low <= high else each[-1]


def _interval_at(evidence: Evidence, name: str, error: float, n: int) -> Interval:
    """The interval of the look after ``n`` seeds, by itself."""
    claim, effect = evidence.claim, evidence.claim.effects[name]
    arms = {arm: first_seeds(evidence.arms[name][arm], n) for arm in effect.arms}
    outcome, level = claim.readings[name].outcome, 1 - look_error(claim, n, error)
    if outcome.kind in ("value", "time"):
        method = paired.mean_interval if n <= claim.seeds.maximum else anytime.mean_interval
        return method(evidence.effects[name][:n], level, grain_of(effect, outcome, arms))
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
