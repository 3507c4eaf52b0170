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
    """The interval of the reading ``name``, so that those of all looks hold at error rate ``error``."""
    claim, effects, arms = evidence.claim, evidence.effects[name], evidence.arms[name]
    outcome, effect = claim.readings[name].outcome, claim.effects[name]
    level = 1 - look_error(claim, evidence.n, error)
    if outcome.kind in ("value", "time"):
        planned = evidence.n <= claim.seeds.maximum
        method = paired.mean_interval if planned else anytime.mean_interval
        return method(effects, level, grain_of(effect, outcome, arms))
    sides = effect.sides()
    assert sides is not None
    one, other = sides
    if isinstance(one, str) and isinstance(other, str):
        return proportion.paired_difference(arms[one].values > 0, arms[other].values > 0, level)
    measured = arms[one if isinstance(one, str) else str(other)]
    if outcome.kind == "share":
        found = proportion.exact_interval(int(measured.values.sum()), len(measured.values), level)
    else:
        found = correlated(measured, level).interval
    return found.shifted(-float(other)) if isinstance(one, str) else found.mirrored(float(one))


def grain_of(effect: Effect, outcome: Outcome, arms: Mapping[str, Measured]) -> float:
    """In what steps the effect comes: of epochs, counts and ranks few seeds may agree by chance."""
    counted = outcome.kind == "time" or (outcome.metric.startswith(COUNTS) and not outcome.relative_to)
    values: dict[str, np.ndarray] = {arm: arms[arm].values for arm in effect.arms}
    return effect.grain(values, 1.0 if counted else 0.0)
