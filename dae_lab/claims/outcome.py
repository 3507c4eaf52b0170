"""What the runs of a claim measured: a value for each arm and seed."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike

from dae_lab.claims.rule import Outcome
from dae_lab.evaluation.convergence import epochs_to_share, first_reached
from dae_lab.tracking.jsonable import is_finite


class ClaimRun(Protocol):
    """What a claim asks of a finished run: of a store's, or of one that ``runs.csv`` keeps."""

    @property
    def run_id(self) -> str:
        """As in MLflow."""

    @property
    def started(self) -> int:
        """When it began, in milliseconds since 1970."""

    @property
    def tags(self) -> Mapping[str, str]:
        """Labels, such as ``collapse``."""

    @property
    def params(self) -> Mapping[str, str]:
        """Params."""

    @property
    def values(self) -> Mapping[str, float]:
        """The last value of each metric."""

    def curve(self, metric: str) -> Sequence[tuple[int, float]]:
        """All of ``metric``: (step, value), by step."""


Runs = Mapping[str, Mapping[int, ClaimRun]]
"""Finished runs by arm and seed."""

Curve = Sequence[tuple[int, float]]
"""(epoch, value), by epoch."""


@dataclass(frozen=True)
class Measured:
    """What one arm's runs gave.

    values: float (seeds,); NaN where there is no value. Of times: epochs, the last one watched where it
        was not reached. Of shares: 1 where the run counts, else 0.
    reached: bool (seeds,); false where a time is censored.
    beside: float (seeds,); of correlations the other metric, else the values again.
    first, last: float (seeds,); of times the value where the curve begins, and its end value, see
        ``end_value``; else NaN.
    epochs: float (seeds,); of times the last epoch of the curve; else NaN.
    """

    values: np.ndarray
    reached: np.ndarray
    beside: np.ndarray
    first: np.ndarray = field(default_factory=lambda: np.zeros(0))
    last: np.ndarray = field(default_factory=lambda: np.zeros(0))
    epochs: np.ndarray = field(default_factory=lambda: np.zeros(0))


@dataclass(frozen=True)
class _Value:
    """What one run gave, see ``Measured``."""

    value: float
    reached: bool = True
    other: float = math.nan
    first: float = math.nan
    last: float = math.nan
    epochs: float = math.nan


def measure(
    runs: Runs, seeds: Mapping[str, Sequence[int]], outcome: Outcome, compared: Collection[str] = ()
) -> dict[str, Measured]:
    """What the runs of each arm gave, in the order of its ``seeds``; NaN where a run could not say.

    compared: the arms of the effect, from which a common target is made.
    """
    targets = common_targets(runs, compared, outcome) if outcome.target == "common" else {}
    found = {}
    for arm, of in runs.items():
        given = [_measure_run(of[seed], outcome, targets.get(seed, math.nan)) for seed in seeds[arm]]
        found[arm] = _measured(given, outcome)
    return found


def common_targets(runs: Runs, compared: Collection[str], outcome: Outcome) -> dict[int, float]:
    """By seed, the value that every arm compared comes down to: the largest end value, and the tolerance.

    It is NaN where a run has no finite end value.
    """
    ends: dict[int, list[float]] = {}
    for arm in compared:
        for seed, run in runs[arm].items():
            ends.setdefault(seed, []).append(end_value(_curve(run, outcome)))
    return {seed: float(above_worst(of, outcome)) for seed, of in ends.items() if not np.isnan(of).any()}


def above_worst(ends: ArrayLike, outcome: Outcome) -> np.ndarray:
    """The common target of end values (arms, ...): the largest, and the tolerance; (...)."""
    return np.asarray(np.max(ends, axis=0) * (1 + outcome.tolerance))


def end_value(curve: Curve) -> float:
    """Where a curve has settled: the median of its last tenth, at least of its last value; NaN: nowhere."""
    if not curve:
        return math.nan
    tail = [value for _, value in curve[-max(1, len(curve) // 10) :]]
    return float(np.median(tail)) if np.isfinite(tail).all() else math.nan


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


def _measured(found: Sequence[_Value], outcome: Outcome) -> Measured:
    values, other, first, last, epochs = (
        np.array([getattr(one, name) for one in found], float)
        for name in ("value", "other", "first", "last", "epochs")
    )
    reached = np.array([one.reached for one in found], bool)
    if outcome.relative_to and outcome.kind != "correlation":
        with np.errstate(all="ignore"):
            values = np.where(other == 0, math.nan, values / other)
    beside = other if outcome.kind == "correlation" else values
    return Measured(values, reached, beside, first, last, epochs)


def _measure_run(run: ClaimRun, outcome: Outcome, common: float) -> _Value:
    """What one run gave; ``common``: the target that its seed's runs share, where they do."""
    if outcome.kind == "share":
        return _Value(float(run.tags.get(outcome.metric) in outcome.among))
    if outcome.kind == "time":
        return _time(_curve(run, outcome), outcome, common)
    value = _finite(run.values.get(outcome.metric))
    if outcome.at is not None:
        value = _finite(dict(run.curve(outcome.metric)).get(outcome.at))
    return _Value(value, True, _finite(run.values.get(outcome.relative_to or "")))


def _finite(value: float | None) -> float:
    """NaN for what is missing, and for what MLflow makes of infinity."""
    return value if value is not None and is_finite(value) else math.nan


def _curve(run: ClaimRun, outcome: Outcome) -> Curve:
    return [(epoch, value) for epoch, value in run.curve(outcome.metric) if epoch >= outcome.from_epoch]


def _time(curve: Curve, outcome: Outcome, common: float) -> _Value:
    if not curve:
        return _Value(math.nan, False)
    first, last, epochs = _finite(curve[0][1]), end_value(curve), float(curve[-1][0])
    if outcome.share is not None:
        epoch = epochs_to_share(curve, outcome.share)
    else:
        target = common if outcome.target == "common" else float(outcome.target or 0.0)
        if math.isnan(target):
            return _Value(math.nan, False, first=first, last=last, epochs=epochs)
        epoch = first_reached(curve, target, 1).epoch
    time = epochs if epoch is None else float(epoch)
    return _Value(time, epoch is not None, first=first, last=last, epochs=epochs)
