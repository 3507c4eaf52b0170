"""Whether effects look as if Student's interval may be trusted: outliers and skewness."""

import math

import numpy as np
import scipy
from numpy.typing import ArrayLike

from dae_lab.claims.statistics.interval import constant, finite

LEAST = 8
"""Fewer values say nothing about skewness that its test would hear."""


def outlier(values: ArrayLike) -> tuple[int, float]:
    """The value furthest from the mean, its place, and the p that one of a normal sample lies so far.

    Grubbs' test, "Sample criteria for testing outlying observations", Annals of Mathematical Statistics 1950,
    with the p of both sides, Bonferroni's. Fewer than three values, or half of them equal, as counts may be:
    place 0 and p 1.
    """
    array = finite(values)
    n = len(array)
    if n < 3 or np.unique(array, return_counts=True)[1].max() * 2 > n:
        return 0, 1.0
    distances = np.abs(array - array.mean()) / array.std(ddof=1)
    place = int(distances.argmax())
    furthest = float(distances[place])
    room = (n - 1) ** 2 - n * furthest**2
    if room <= 0:  # as far as one value of n can be
        return place, 0.0
    t = furthest * math.sqrt(n * (n - 2) / room)
    return place, min(1.0, 2 * n * float(scipy.special.stdtr(n - 2, -t)))


def skewness(values: ArrayLike) -> tuple[float, float]:
    """The sample's skewness, and the two-sided p that it is of a symmetric normal one.

    D'Agostino, "Transformation to normality of the null distribution of g1", Biometrika 1970. Fewer than
    eight values, or equal ones: 0 and p 1.
    """
    array = finite(values)
    if len(array) < LEAST or constant(array):
        return 0.0, 1.0
    return float(scipy.stats.skew(array)), float(scipy.stats.skewtest(array).pvalue)
