"""Differences of two arms, one a seed: their mean, whether it is 0, and how often one arm is better."""

import math
import warnings

import numpy as np
import scipy
from numpy.typing import ArrayLike

from dae_lab.claims.statistics.interval import Interval, constant, error_rate, finite, whole
from dae_lab.claims.statistics.proportion import exact_interval

EXACT = 20
"""Up to so many differences all 2ⁿ flips of their signs are gone through."""

DRAWS = 100_000
"""Random flips for more differences than that."""


def mean_and_error(differences: np.ndarray) -> tuple[float, float]:
    """The mean of finite differences (n ≥ 2,) and its standard error s / √n, just 0 where all are equal."""
    if constant(differences):
        return float(differences[0]), 0.0
    size = float(np.abs(differences).max())  # squares of tiny or huge ones would leave floating point
    scaled = differences / size
    return float(scaled.mean() * size), float(scaled.std(ddof=1) / math.sqrt(len(scaled)) * size)


def mean_interval(differences: ArrayLike, level: float, grain: float = 0.0) -> Interval:
    """Student's interval of the mean difference: mean ± t · s / √n ("The probable error of a mean", 1908).

    Equal differences have one of no width, fewer than two (-∞, ∞). This is what claims are decided by: for
    normal differences it holds the truth exactly as often as it says. At 95 %, of 200,000 simulated studies
    of 5, 10 and 20 seeds, it did in 95.0, 94.9 and 95.0 % of normal, 97.5, 96.8 and 96.3 % of heavy-tailed
    (lognormal minus lognormal), and 88.2, 90.1 and 91.9 % of skewed ones (exponential).

    grain: the step in which the outcome is measured, such as one epoch; 0 for what is continuous. Of few
        seeds differences that come in steps may all be equal by chance: with a grain, s is not taken to be
        less than what rounding alone makes of a difference, grain / √6, so that there is some width.
    Raises ValueError for a grain that is negative or NaN.
    """
    if not 0 <= grain < math.inf:
        raise ValueError(f"A grain must be 0 or a finite number above, not {grain}.")
    values = finite(differences)
    tail = error_rate(level) / 2
    if len(values) < 2:
        return whole(level)
    mean, error = mean_and_error(values)
    error = max(error, grain / math.sqrt(6 * len(values)))
    # from the lower tail, which keeps its digits at levels next to 1
    reach = abs(float(scipy.special.stdtrit(len(values) - 1, tail))) * error if error else 0.0
    return Interval(mean - reach, mean + reach, level)


def bootstrap_interval(
    differences: ArrayLike, level: float, rng: np.random.Generator, resamples: int = 10_000
) -> Interval:
    """The bootstrap interval of the mean difference, to be shown beside ``mean_interval``, not to decide by.

    Bias-corrected and accelerated (BCa; Efron, "Better bootstrap confidence intervals", JASA 1987) where it
    is defined, of percentiles elsewhere. Equal differences have one of no width, fewer than two (-∞, ∞).

    It is too short for few seeds. At 95 %, of 4,000 simulated studies of 5, 10 and 20 seeds it held the
    truth in 85, 90 and 93 % of normal, and in 81, 87 and 91 % of exponential ones: less often than Student's.
    """
    values = finite(differences)
    error_rate(level)
    if len(values) < 2:
        return whole(level)
    if constant(values):
        return Interval(float(values[0]), float(values[0]), level)
    for method in ("BCa", "percentile"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # where BCa is not defined it warns and gives NaN
            found = scipy.stats.bootstrap(
                (values,), np.mean, confidence_level=level, n_resamples=resamples, method=method, rng=rng
            ).confidence_interval
        if np.isfinite(found).all():
            break
    return Interval(float(found.low), float(found.high), level)


def sign_flip(differences: ArrayLike, rng: np.random.Generator | None = None) -> float:
    """The two-sided p of a mean as far from 0, were each difference as likely of the other sign.

    Fisher's exact permutation test of paired samples ("The Design of Experiments", 1935, § 21). Of up to 20
    differences all flips are gone through; of more 100,000 are drawn from ``rng``, and
    p = (as far + 1) / (drawn + 1). No differences: 1. Raises ValueError without ``rng`` where it is needed.
    """
    values = finite(differences)
    if len(values) <= EXACT:
        return float(np.mean(_as_far(_all_flips(values), values)))
    if rng is None:
        raise ValueError(f"More than {EXACT} differences need a generator to flip their signs at random.")
    batches = (rng.choice([-1.0, 1.0], (1000, len(values))) @ values for _ in range(DRAWS // 1000))
    far = sum(int(_as_far(sums, values).sum()) for sums in batches)
    return (far + 1) / (DRAWS + 1)


def _all_flips(values: np.ndarray) -> np.ndarray:
    """The sums (2ⁿ⁻¹,) of values (n,) under all flips of signs but the last's: the others mirror them."""
    sums = values[-1:].sum(keepdims=True)
    for value in values[:-1]:
        sums = np.concatenate([sums - value, sums + value])
    return sums


def _as_far(sums: np.ndarray, values: np.ndarray) -> np.ndarray:
    rounding = 1e-12 * np.abs(values).sum()
    return np.abs(sums) >= abs(values.sum()) - rounding


def wilcoxon(differences: ArrayLike) -> float:
    """The two-sided p of Wilcoxon's signed-rank test ("Individual comparisons by ranking methods", 1945).

    Zeros are ranked, then left out (Pratt, JASA 1959), ties share their mean rank. Exact with up to 20
    differences, then SciPy's: exact up to 50 without ties and zeros, else normal. All zero, or none: 1.
    """
    values = finite(differences)
    if not values.any():
        return 1.0
    if len(values) <= EXACT:  # flipping signs is flipping those of the ranks
        return sign_flip(np.sign(values) * scipy.stats.rankdata(np.abs(values)))
    return float(scipy.stats.wilcoxon(values, zero_method="pratt").pvalue)


def superiority(differences: ArrayLike, level: float) -> tuple[float, Interval]:
    """P(the first arm beats the second on a seed) = (wins + ties / 2) / n, and its exact interval in [0, 1].

    The interval is Clopper and Pearson's. Its low end counts ties as losses, its high end as wins: so it
    holds P(win) + P(tie) / 2 at least as often as it says. No differences: NaN and [0, 1].
    """
    values = finite(differences)
    count, wins, ties = len(values), int((values > 0).sum()), int((values == 0).sum())
    low = exact_interval(wins, count, level).low
    high = exact_interval(wins + ties, count, level).high
    return (wins + ties / 2) / count if count else math.nan, Interval(low, high, level)
