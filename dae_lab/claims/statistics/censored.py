"""Times until something is reached, of runs some of which end before: those are censored, not dropped."""

from dataclasses import dataclass

import numpy as np
import scipy

from dae_lab.claims.statistics.interval import finite


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


def _censored(times: Times) -> "scipy.stats.CensoredData":
    return scipy.stats.CensoredData(
        uncensored=times.values[times.reached], right=times.values[~times.reached]
    )
