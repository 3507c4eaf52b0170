"""What the runs of a claim measured: a value for each arm and seed."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from dae_lab.claims.spec import Outcome
from dae_lab.evaluation.convergence import epochs_to_share, first_reached
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


def _measured(found: Sequence[tuple[float, bool, float]], outcome: Outcome) -> Measured:
    values, reached, other = (np.array(column) for column in zip(*found, strict=True))
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
    value = run.values.get(outcome.metric, math.nan)
    if outcome.at is not None:
        value = dict(run.curve(outcome.metric)).get(outcome.at, math.nan)
    return value, True, run.values.get(outcome.relative_to or "", math.nan)


def _time(run: Recorded, outcome: Outcome) -> tuple[float, bool]:
    curve = run.curve(outcome.metric)
    if not curve:
        return math.nan, False
    if outcome.share is not None:
        epoch = epochs_to_share(curve, outcome.share)
    else:
        epoch = first_reached(curve, float(outcome.target or 0.0), 1).epoch
    return (float(curve[-1][0]), False) if epoch is None else (float(epoch), True)
