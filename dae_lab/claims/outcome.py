"""What the runs of a claim measured: a value for each arm and seed."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from dae_lab.claims.spec import Outcome
from dae_lab.evaluation.convergence import epochs_to_share, first_reached
from dae_lab.tracking.plain import finite
from dae_lab.tracking.recorded import Recorded

Runs = Mapping[str, Mapping[int, Recorded]]
"""Finished runs by arm and seed."""


@dataclass(frozen=True)
class Measured:
    """What one arm's runs gave.

    values: float (seeds,); NaN where there is no value. Of times: epochs, the last one watched where it
        was not reached. Of shares: 1 where the run counts, else 0.
    reached: bool (seeds,); false where a time is censored.
    beside: float (seeds,); of correlations the other metric, else the values again.
    """

    values: np.ndarray
    reached: np.ndarray
    beside: np.ndarray


def measure(runs: Runs, seeds: Mapping[str, Sequence[int]], outcome: Outcome) -> dict[str, Measured]:
    """What the runs of each arm gave, in the order of its ``seeds``; NaN where a run could not say."""
    return {
        arm: _measured([_one(of[seed], outcome) for seed in seeds[arm]], outcome) for arm, of in runs.items()
    }


def horizon(arms: Collection[Measured]) -> float | None:
    """The epoch at which the shortest run that did not reach its target ended; None where all reached it."""
    ends = [float(end) for measured in arms for end in measured.values[~measured.reached] if np.isfinite(end)]
    return min(ends, default=None)


def restricted(measured: Measured, end: float | None) -> Measured:
    """Times up to ``end`` alone, so that a short run does not count as a fast one.

    Their mean is the restricted mean survival time (Royston & Parmar 2013).
    """
    if end is None:
        return measured
    return replace(measured, values=np.minimum(measured.values, end))


def _measured(found: Sequence[tuple[float, bool, float]], outcome: Outcome) -> Measured:
    values, other = (np.array([one[column] for one in found], float) for column in (0, 2))
    reached = np.array([one[1] for one in found], bool)
    if outcome.relative_to and outcome.kind != "correlation":
        with np.errstate(all="ignore"):
            values = np.where(other == 0, math.nan, values / other)
    return Measured(values, reached, other if outcome.kind == "correlation" else values)


def _one(run: Recorded, outcome: Outcome) -> tuple[float, bool, float]:
    """The value, whether it was reached, and that of ``relative_to``."""
    if outcome.kind == "share":
        return float(run.tags.get(outcome.metric) in outcome.among), True, math.nan
    if outcome.kind == "time":
        return *_time(run, outcome), math.nan
    value = _finite(run.values.get(outcome.metric))
    if outcome.at is not None:
        value = _finite(dict(run.curve(outcome.metric)).get(outcome.at))
    return value, True, _finite(run.values.get(outcome.relative_to or ""))


def _finite(value: float | None) -> float:
    """NaN for what is missing, and for what MLflow makes of infinity."""
    return value if value is not None and finite(value) else math.nan


def _time(run: Recorded, outcome: Outcome) -> tuple[float, bool]:
    curve = run.curve(outcome.metric)
    if not curve:
        return math.nan, False
    if outcome.share is not None:
        epoch = epochs_to_share(curve, outcome.share)
    else:
        epoch = first_reached(curve, float(outcome.target or 0.0), 1).epoch
    return (float(curve[-1][0]), False) if epoch is None else (float(epoch), True)
