"""Times that may be censored, against published data and by hand."""

import numpy as np
import pytest
import scipy

from dae_lab.claims.statistics.censored import Times, logrank

REMISSION = Times(
    np.array([6, 6, 6, 7, 10, 13, 16, 22, 23, 6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35]),
    np.arange(21) < 9,
)
"""Weeks of remission under 6-mercaptopurine (Freireich et al., Blood 1963)."""

PLACEBO = Times(
    np.array([1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23]), np.ones(21, bool)
)


def never(count, end=10.0):
    return Times(np.full(count, end), np.zeros(count, bool))


def always(*values):
    return Times(np.array(values), np.ones(len(values), bool))


def test_log_rank_of_published_remissions():
    """Its χ² with one degree of freedom is 16.79."""
    assert logrank(REMISSION, PLACEBO) == pytest.approx(scipy.stats.chi2.sf(16.793, 1), rel=1e-3)
    assert logrank(PLACEBO, REMISSION) == pytest.approx(logrank(REMISSION, PLACEBO))


def test_log_rank_by_hand():
    """Events at 1 and 2 of the first arm, at 3 of the second; its other run is censored at 4.

    At 1 half of 4 at risk are of the first arm, at 2 a third of 3, then none: 2 - 5/6 more than expected,
    with a variance of 1/4 + 2/9.
    """
    second = Times(np.array([3, 4]), np.array([True, False]))
    wanted = (2 - 5 / 6) ** 2 / (1 / 4 + 2 / 9)
    assert logrank(always(1, 2), second) == pytest.approx(scipy.stats.chi2.sf(wanted, 1))


def test_log_rank_where_nothing_tells_the_arms_apart():
    assert logrank(never(3), never(4)) == 1.0
    assert logrank(always(5, 5), always(5, 5)) == 1.0
    assert logrank(always(1), never(1)) == pytest.approx(scipy.stats.chi2.sf(1, 1))
    with pytest.raises(ValueError, match="without runs"):
        logrank(never(0), never(1))


def test_what_is_no_time():
    with pytest.raises(ValueError, match="negative"):
        Times(np.array([-1.0]), np.array([True]))
    for reached in ([True], [True, False, True], [0.5, 1], [np.nan, 1]):
        with pytest.raises(ValueError, match="once for each time"):
            Times(np.array([1.0, 2.0]), np.array(reached))
