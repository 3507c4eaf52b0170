"""Times until something is reached, of runs some of which end before: those are censored, not dropped."""

import warnings
from dataclasses import dataclass

import numpy as np
import scipy

from dae_lab.claims.statistics.interval import error_rate, finite


@dataclass(frozen=True, eq=False)
class Times:
    """When each run reached its target, or how long it went without.

    values: float64 (n,), at least 0, in any unit of time. reached: bool (n,); where False, the run ended at
    that time, and would have reached the target later or never.
    Raises ValueError for NaN, infinite or negative times, and shapes that differ.
    """

    values: np.ndarray
    reached: np.ndarray

    def __post_init__(self) -> None:
        values, reached = finite(self.values), np.asarray(self.reached)
        if reached.shape != values.shape or not np.isin(reached, (0, 1)).all():
            raise ValueError("Whether a target was reached must be true or false, once for each time.")
        if (values < 0).any():
            raise ValueError("A time cannot be negative.")
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "reached", reached.astype(bool))


def restricted(times: Times, horizon: float) -> np.ndarray:
    """min(time, horizon), float64 (n,): what censoring leaves of the times, without a guess about the rest.

    Differences of it, paired by seed, go into ``paired.mean_interval``: the difference in restricted mean
    survival time (Royston & Parmar, BMC Medical Research Methodology 2013). Raises ValueError for a horizon
    that is not a finite number above 0, or past the end of a run that did not reach its target.
    """
    if not 0 < horizon < np.inf:
        raise ValueError(f"A horizon must be a finite time above 0, not {horizon}.")
    if (times.values[~times.reached] < horizon).any():
        raise ValueError(f"A run ended before the horizon of {horizon} without reaching its target.")
    return np.minimum(times.values, horizon)


def logrank(first: Times, second: Times) -> float:
    """The two-sided p of the log-rank test that both arms reach the target as quickly.

    Mantel, "Evaluation of survival data and two new rank order statistics", Cancer Chemotherapy Reports 1966.
    It leaves aside that seeds are paired, and its p is an approximation, rough for under some ten times an
    arm: to be shown beside the restricted mean, not to decide by. 1 where nothing was reached, or never
    while both arms had a run under way. Raises ValueError for an arm without runs.
    """
    if not len(first.values) or not len(second.values):
        raise ValueError("An arm without runs has no times to compare.")
    with np.errstate(invalid="ignore"):  # 0 / 0 where no event tells the arms apart
        p = float(scipy.stats.logrank(_censored(first), _censored(second)).pvalue)
    return 1.0 if np.isnan(p) else p


@dataclass(frozen=True, eq=False)
class Curve:
    """A step function, from time 0 on: the share of runs that have not yet reached the target.

    times, unreached, low, high: float64 (k,) each; low and high are the ends of the interval, in [0, 1]. From
    ``times[i]`` on, up to the next, the share is ``unreached[i]``.
    """

    times: np.ndarray
    unreached: np.ndarray
    low: np.ndarray
    high: np.ndarray


def survival(times: Times, level: float = 0.95) -> Curve:
    """The curve of Kaplan and Meier ("Nonparametric estimation from incomplete observations", JASA 1958).

    Its interval is Greenwood's, on the scale of log(-log): an approximation, for figures. Where that is not
    defined, as after the last run has reached the target, it goes from 0 to what it was before.
    Raises ValueError where there are no times.
    """
    error_rate(level)
    if not len(times.values):
        raise ValueError("No times make no curve.")
    found = scipy.stats.ecdf(_censored(times)).sf
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # says that the interval is not defined everywhere
        bounds = found.confidence_interval(level, method="log-log")
    low = np.nan_to_num(bounds.low.probabilities, nan=0.0)
    high = np.minimum.accumulate(np.nan_to_num(bounds.high.probabilities, nan=1.0))
    return Curve(
        np.concatenate([[0.0], found.quantiles]),
        *(np.concatenate([[1.0], share]) for share in (found.probabilities, low, high)),
    )


def _censored(times: Times) -> "scipy.stats.CensoredData":
    return scipy.stats.CensoredData(
        uncensored=times.values[times.reached], right=times.values[~times.reached]
    )
