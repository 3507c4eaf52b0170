"""Exact intervals and tests of what happens or not, against published numbers and all outcomes there are."""

import itertools

import numpy as np
import pytest
import scipy

from dae_lab.claims.statistics.interval import Interval
from dae_lab.claims.statistics.proportion import (
    attainable,
    exact_interval,
    fixed_design,
    mcnemar,
    paired_attainable,
    paired_difference,
)


@pytest.mark.parametrize(("share", "bound"), [(1.0, 0.5), (0.9, 0.5), (0.3, 0.1)])
def test_a_fixed_design_has_its_power(share, bound):
    """Every outcome of so many seeds, weighed by its probability."""

    def power(n):
        wins = [k for k in range(n + 1) if exact_interval(k, n, 0.95).low > bound]
        return scipy.stats.binom.pmf(wins, n, share).sum()

    n = fixed_design(share, bound, 0.05)
    assert all(power(more) >= 0.8 for more in range(n, n + 11))
    assert power(n - 1) < 0.8


def test_fixed_designs_at_the_edges():
    assert fixed_design(1.0, 0.5, 0.05) == 6  # 0.5⁶ is the first below 0.025
    assert fixed_design(0.5, 0.5, 0.05) is fixed_design(0.5, 1.0, 0.05) is None
    assert fixed_design(0.5001, 0.5, 0.05) is None
    with pytest.raises(ValueError, match="No design"):
        fixed_design(1.5, 0.5, 0.05)


def arms(only_first, only_second, n):
    """Two arms of n seeds, of which so many are discordant."""
    first, second = np.zeros(n, bool), np.zeros(n, bool)
    first[:only_first] = second[only_first : only_first + only_second] = True
    return first, second


def ends(interval):
    return interval.low, interval.high


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [(81, 263, 0.2527, 0.3676), (15, 148, 0.0578, 0.1617), (0, 20, 0, 0.1684), (1, 29, 0.0009, 0.1776)],
)
def test_published_intervals(successes, n, low, high):
    """Newcombe, "Two-sided confidence intervals for the single proportion", Statistics in Medicine 1998."""
    assert ends(exact_interval(successes, n, 0.95)) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize("level", [0.5, 0.95, 1 - 1e-6])
def test_exact_intervals_are_those_of_scipy(level):
    for successes in range(8):
        wanted = scipy.stats.binomtest(successes, 7).proportion_ci(level, method="exact")
        assert ends(exact_interval(successes, 7, level)) == pytest.approx((wanted.low, wanted.high), abs=1e-9)


def test_exact_intervals_at_the_edges():
    assert exact_interval(0, 0, 0.95) == Interval(0.0, 1.0, 0.95)
    assert exact_interval(2, 4, 1.0) == Interval(0.0, 1.0, 1.0)
    assert [one.low > 0 for one in attainable(3, 0.95)] == [False, True, True, True]
    for wrong in [(-1, 3), (4, 3), (0, -1)]:
        with pytest.raises(ValueError, match="is no proportion"):
            exact_interval(*wrong, 0.95)


def test_mcnemar_by_hand():
    """Of 8 discordant pairs 1 or fewer, or 7 or more: 2 · (1 + 8) / 256."""
    assert mcnemar(*arms(7, 1, 30)) == mcnemar(*arms(1, 7, 10)) == pytest.approx(18 / 256)
    assert mcnemar(*arms(6, 0, 6)) == pytest.approx(2 / 64)
    assert mcnemar(*arms(0, 0, 5)) == mcnemar([], []) == mcnemar(*arms(4, 4, 8)) == 1.0


@pytest.mark.parametrize(("n", "level"), [(1, 0.95), (3, 0.95), (5, 0.9), (8, 0.95), (8, 0.5), (8, 0.9999)])
def test_the_difference_keeps_its_rate_for_every_truth(n, level):
    """All outcomes whose interval holds the truth are together at least as probable as the level."""
    counts = np.array([(b, c, n - b - c) for b in range(n + 1) for c in range(n + 1 - b)])
    low, high = np.array([ends(paired_difference(*arms(b, c, n), level)) for b, c, _ in counts]).T
    cover = []
    for p, q in itertools.product(np.linspace(0, 1, 21), repeat=2):
        if p + q <= 1 + 1e-12:
            chances = scipy.stats.multinomial.pmf(counts, n, [p, q, max(0, 1 - p - q)])
            cover.append(chances[(low - 1e-9 <= p - q) & (p - q <= high + 1e-9)].sum())
    assert min(cover) >= level
    assert np.ptp(cover) > 0


def test_the_difference_agrees_with_mcnemar_about_0():
    """Not always, as it knows of pairs that are concordant: it may see a difference from p = 0.071 on."""
    seen, unseen = [], []
    for b, c in itertools.product(range(13), repeat=2):
        if c < b <= 12 - c:
            low, high = ends(paired_difference(*arms(b, c, 12), 0.95))
            (seen if low > 0 else unseen).append(mcnemar(*arms(b, c, 12)))
            assert high > 0
    assert max(seen) < 0.071
    assert min(unseen) > 0.05


def test_the_difference_is_symmetric_and_rises():
    found = {b: paired_difference(*arms(b, 2, 12), 0.95) for b in range(0, 11, 2)}
    assert ends(paired_difference(*arms(2, 6, 12), 0.95)) == pytest.approx((-found[6].high, -found[6].low))
    assert sorted(one.low for one in found.values()) == [one.low for one in found.values()]
    assert all(one.low < (b - 2) / 12 < one.high for b, one in found.items())


def test_the_difference_at_the_edges():
    assert paired_difference([], [], 0.95) == paired_difference(*arms(0, 0, 0), 0.95) == Interval(-1, 1, 0.95)
    assert ends(paired_difference(*arms(2, 1, 5), 1.0)) == (-1, 1)
    assert paired_difference([1, 0, 1], [0.0, 0.0, 1.0], 0.95) == paired_difference(
        [True, False, True], [0, 0, 1], 0.95
    )
    one = paired_difference([True], [False], 0.95)
    assert -1 < one.low < -0.9
    assert one.high == 1


def test_what_happened_is_true_or_false():
    for wrong in ([0.5, 1], [2, 0], ["a", "b"]):
        with pytest.raises(ValueError, match=r"true or false|convert"):
            mcnemar(wrong, [0, 1])
    with pytest.raises(ValueError, match="cannot be paired"):
        paired_difference([0, 1], [0, 1, 1], 0.95)


def test_the_most_telling_outcomes():
    lost, won, equal = paired_attainable(10, 0.95)
    assert lost.high < 0 < won.low
    assert equal.low == pytest.approx(-equal.high)
    assert equal.high == pytest.approx(0.341, abs=1e-3)
