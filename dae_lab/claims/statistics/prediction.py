"""What may be expected of more seeds: the chance that a study will be decided, from what it has seen.

Predictive probabilities (Spiegelhalter, Freedman & Blackburn, "Monitoring clinical trials: conditional or
predictive power?", Controlled Clinical Trials 1986): the parameters are drawn from what the seeds so far say
about them under a flat prior, the missing seeds from those, and the last look is judged.
"""

import math
from collections.abc import Callable

import numpy as np
import scipy

from dae_lab.claims.statistics import proportion
from dae_lab.claims.statistics.correlation import fisher_interval
from dae_lab.claims.statistics.interval import Interval

DRAWS = 4_000
"""Studies that are drawn; a chance of 5 % is known to ±0.3 %."""

Decides = Callable[[Interval], bool]
"""Whether an interval decides."""


def of_mean(
    effects: np.ndarray,
    maximum: int,
    level: float,
    decide: Callable[[np.ndarray, np.ndarray], np.ndarray],
    rng: np.random.Generator,
) -> float:
    """The chance that Student's interval at ``level`` decides after ``maximum`` seeds.

    Args:
        effects: of the n ≥ 2 seeds so far, float (n,), taken for normal.
        decide: the low and high ends of intervals, (studies,) → whether each decides, bool (studies,).
    """
    n, more = len(effects), maximum - len(effects)
    mean, squares = float(effects.mean()), float(np.square(effects - effects.mean()).sum())
    variances = squares / rng.chisquare(n - 1, DRAWS)
    centres = rng.normal(mean, np.sqrt(variances / n))
    new_means = rng.normal(centres, np.sqrt(variances / more))
    new_squares = variances * (rng.chisquare(more - 1, DRAWS) if more > 1 else 0.0)
    means = (n * mean + more * new_means) / maximum
    total = squares + new_squares + n * more / maximum * (new_means - mean) ** 2
    quantile = -float(scipy.special.stdtrit(maximum - 1, (1 - level) / 2))
    reach = quantile * np.sqrt(total / (maximum - 1) / maximum)
    return float(decide(means - reach, means + reach).mean())


def of_share(successes: int, n: int, maximum: int, level: float, decides: Decides) -> float:
    """The chance that the exact interval of a proportion decides; exact, with Jeffreys' prior."""
    more = maximum - n
    future = scipy.stats.betabinom(more, successes + 0.5, n - successes + 0.5).pmf(np.arange(more + 1))
    decided = [decides(proportion.exact_interval(successes + new, maximum, level)) for new in range(more + 1)]
    return float(future @ np.array(decided, float))


def of_correlation(
    rho: float, n: int, maximum: int, level: float, decides: Decides, rng: np.random.Generator
) -> float:
    """The chance that Fisher's interval of a rank correlation decides; 1 where too few pairs tell."""
    if n < 4 or math.isnan(rho):
        return 1.0
    furthest = 1 - 6 / (n * (n * n - 1))
    seen, variance = math.atanh(min(max(rho, -furthest), furthest)), 1 + rho * rho / 2
    truths = rng.normal(seen, math.sqrt(variance / (n - 3)), DRAWS)
    new = rng.normal(truths, np.sqrt(variance / (maximum - n)))
    final = np.tanh((n * seen + (maximum - n) * new) / maximum)
    return float(np.mean([decides(fisher_interval(value, maximum, level)) for value in final.tolist()]))
