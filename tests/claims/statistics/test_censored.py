"""Times that may be censored, against published data and by hand."""

import numpy as np
import pytest
import scipy

from dae_lab.claims.statistics.censored import Times, logrank, restricted, survival
from dae_lab.claims.statistics.paired import mean_interval

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


def test_the_published_curve():
    curve = survival(REMISSION)
    at = np.searchsorted(curve.times, [6, 7, 10, 13, 16, 22, 23])
    wanted = [0.857, 0.807, 0.753, 0.690, 0.627, 0.538, 0.448]
    np.testing.assert_allclose(curve.unreached[at], wanted, atol=5e-4)
    assert curve.times[0] == 0
    assert curve.unreached[0] == curve.low[0] == curve.high[0] == 1
    assert (curve.low <= curve.unreached).all()
    assert (curve.unreached <= curve.high).all()


def test_curves_at_the_edges():
    flat = survival(never(3))
    assert (flat.times.tolist(), flat.unreached.tolist()) == ([0, 10], [1, 1])
    steps = survival(always(1, 2, 2, 5))
    assert steps.unreached.tolist() == [1, 0.75, 0.25, 0]
    assert steps.low[-1] == 0
    assert 0 < steps.high[-1] == steps.high[-2] < 1
    assert survival(always(0, 1)).unreached.tolist() == [1, 0.5, 0]
    with pytest.raises(ValueError, match="No times"):
        survival(never(0))


def test_restricted_times_and_their_difference():
    first = Times(np.float32([2, 4, 10]), np.array([True, True, False]))
    second = Times(np.array([3, 12, 11]), np.array([1, 1, 0]))
    np.testing.assert_array_equal(restricted(first, 10), [2, 4, 10])
    np.testing.assert_array_equal(restricted(second, 10), [3, 10, 10])
    found = mean_interval(restricted(second, 10) - restricted(first, 10), 0.95)
    assert (found.low + found.high) / 2 == pytest.approx(7 / 3)
    assert restricted(never(0), 10).shape == (0,)


def test_no_horizon_lies_past_the_end_of_a_run():
    with pytest.raises(ValueError, match="ended before the horizon"):
        restricted(never(2, end=9.0), 10)
    for horizon in (0, -1, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="finite time above 0"):
            restricted(never(2), horizon)


def test_what_is_no_time():
    with pytest.raises(ValueError, match="negative"):
        Times(np.array([-1.0]), np.array([True]))
    for reached in ([True], [True, False, True], [0.5, 1], [np.nan, 1]):
        with pytest.raises(ValueError, match="once for each time"):
            Times(np.array([1.0, 2.0]), np.array(reached))
