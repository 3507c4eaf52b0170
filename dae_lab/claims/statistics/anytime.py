"""Intervals that hold after any number of seeds, however it was chosen: for going on beyond a plan."""

import math

from numpy.typing import ArrayLike

from dae_lab.claims.statistics.interval import Interval, error_rate, finite, whole
from dae_lab.claims.statistics.paired import mean_and_error

SCALE = 1.0
"""The spread of the mixture of effects, in standard deviations: 1/c of the source."""


def mean_interval(differences: ArrayLike, level: float, grain: float = 0.0) -> Interval:
    """The interval of a mean difference that holds at all numbers of seeds together, at ``level``.

    The t test's e-process of a mean μ, with effects in standard deviations mixed over N(0, ``SCALE``²):
    G_n = √(c² / (n + c²)) · (V / (V − S² / (n + c²)))^(n/2), where S and V are the sums of the differences
    from μ and of their squares. Its reciprocal is a p value that is valid at any time; the interval is all μ
    of which G_n is below 1 / (1 − level). Wang & Ramdas, "Anytime-valid t-tests and confidence sequences for
    Gaussian means with unknown variance", 2023 (arXiv 2310.03722). It is wider than Student's.

    grain: as in ``paired.mean_interval``.
    """
    values = finite(differences)
    error, n, c2 = error_rate(level), len(values), SCALE**-2
    if n < 2 or not error:
        return whole(level)
    mean, standard_error = mean_and_error(values)
    standard_error = max(standard_error, grain / math.sqrt(6 * n))
    if standard_error == 0:
        return Interval(mean, mean, level)
    bound = math.exp((math.log1p(n / c2) - 2 * math.log(error)) / n)
    room = 1 - bound * c2 / (n + c2)
    if room <= 0:
        return whole(level)
    spread = standard_error * math.sqrt(n - 1)  # the root of the mean square
    reach = spread * math.sqrt((bound - 1) / room)
    return Interval(mean - reach, mean + reach, level)
