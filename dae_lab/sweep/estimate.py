"""Means over seeds, and how far they may be off. The unit of replication is the seed."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from dae_lab.tracking.jsonable import is_finite

CONFIDENCE = 0.95

Points = list[tuple[int, float]]
"""(epoch, value), by epoch."""


@dataclass(frozen=True)
class Estimate:
    """A mean over ``n`` seeds and the ends of its 95 % interval, Student's; NaN: there is none."""

    mean: float
    low: float
    high: float
    n: int


def estimate(values: Iterable[float]) -> Estimate:
    """The mean of the finite ones among ``values``, and Student's interval of it.

    mean ± t · s / √n, where t is the 97.5 % point of Student's distribution with n - 1 degrees of
    freedom and s the standard deviation ("Student", "The probable error of a mean", 1908). A single
    value has no interval.
    """
    kept = np.array([value for value in values if is_finite(value)], np.float64)
    n = len(kept)
    mean = float(kept.mean()) if n else math.nan
    if n < 2:
        return Estimate(mean, math.nan, math.nan, n)
    # the quantile alone: scipy.stats takes most of a second to import
    reach = float(stdtrit(n - 1, (1 + CONFIDENCE) / 2) * kept.std(ddof=1) / math.sqrt(n))
    return Estimate(mean, mean - reach, mean + reach, n)


def course(seeds: Sequence[Points]) -> list[tuple[int, float, float, float]]:
    """(epoch, mean, low, high) of several curves, for each epoch at which all of them have a finite value.

    At others the mean would be of fewer seeds, and jump where one ends.
    """
    values = [{epoch: value for epoch, value in curve if is_finite(value)} for curve in seeds]
    common = set.intersection(*(set(one) for one in values)) if values else set()
    found = {epoch: estimate(one[epoch] for one in values) for epoch in sorted(common)}
    return [(epoch, item.mean, item.low, item.high) for epoch, item in found.items()]
