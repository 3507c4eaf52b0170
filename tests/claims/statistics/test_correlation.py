"""Rank correlations, against SciPy, all permutations, published critical values and simulation."""

import itertools
import math

import numpy as np
import pytest
import scipy

from dae_lab.claims.statistics.correlation import attainable, fisher_interval, rank_correlation
from dae_lab.claims.statistics.interval import Interval


def rng(seed=0):
    return np.random.default_rng(seed)


def brute(x, y):
    """The share of permutations with a rho as far from 0."""
    rho = [abs(scipy.stats.spearmanr(x, order).statistic) for order in itertools.permutations(y)]
    return np.mean(np.array(rho) >= rho[0] - 1e-9)


@pytest.mark.parametrize("n", [3, 5, 8, 9, 30])
def test_rho_is_that_of_scipy(n):
    x, y = rng(n).normal(size=n), np.round(rng(n + 1).normal(size=n), 1)
    assert rank_correlation(x, y, 0.95, rng()).rho == pytest.approx(scipy.stats.spearmanr(x, y).statistic)


def test_the_exact_p_by_brute_force():
    x, y = [1, 2, 3, 4, 5, 6], [2, 1, 2, 5, 3, 5]
    assert rank_correlation(x, y, 0.95, rng()).p == pytest.approx(brute(x, y))
    assert rank_correlation(np.array(x) * 0.1, np.array(y) / 3, 0.95, rng(1)).p == pytest.approx(brute(x, y))


def test_the_exact_p_of_perfect_order():
    assert rank_correlation(range(5), range(5), 0.95, rng()).p == 2 / math.factorial(5)
    assert rank_correlation(range(8), range(8, 0, -1), 0.95, rng()).p == 2 / math.factorial(8)
    assert rank_correlation([1, 2], [3, 4], 0.95, rng()).p == 1.0


def test_published_critical_values():
    """Of 8 pairs the squared differences of ranks add up to 22 or less in 2.29 % of orders, 24 in 2.88 %.

    So the critical value at 5 %, two-sided, is 1 - 6 · 22 / 504 = 0.738 (Zar, JASA 1972).
    """
    for order, rho, p in [
        ([1, 2, 3, 0, 6, 4, 7, 5], 0.738, 0.0458),
        ([1, 0, 4, 2, 7, 3, 6, 5], 0.714, 0.0576),
    ]:
        found = rank_correlation(range(8), order, 0.95, rng())
        assert (found.rho, found.p) == pytest.approx((rho, p), abs=5e-4)


def test_more_pairs_take_draws():
    x, y = rng(1).normal(size=12), rng(2).normal(size=12)
    found = rank_correlation(x, y, 0.95, rng(3))
    assert found == rank_correlation(x, y, 0.95, rng(3))
    assert found.p != rank_correlation(x, y, 0.95, rng(4)).p
    assert found.p == pytest.approx(scipy.stats.spearmanr(x, y).pvalue, abs=0.03)
    assert rank_correlation(range(12), range(12), 0.95, rng()).p == 1 / 10_001


def test_the_interval_by_hand():
    """artanh(0.5) ± 1.96 · √(1.125 / 25) = 0.5493 ± 0.4158."""
    found = fisher_interval(0.5, 28, 0.95)
    assert (found.low, found.high) == pytest.approx((math.tanh(0.13355), math.tanh(0.96506)), abs=1e-4)


def test_the_interval_of_a_perfect_order_has_a_width():
    found = fisher_interval(1, 8, 0.95)
    assert 0.5 < found.low < 1
    assert found.high == 1
    mirrored = fisher_interval(-1, 8, 0.95)
    assert (mirrored.low, mirrored.high) == pytest.approx((-1, -found.low))


def test_too_few_or_constant_values():
    for x, y in [([1, 1, 1, 1], [1, 2, 3, 4]), ([1, 2, 3, 4], [0.1] * 4), ([], []), ([1], [2])]:
        found = rank_correlation(x, y, 0.95, rng())
        assert math.isnan(found.rho)
        assert (found.interval, found.p) == (Interval(-1, 1, 0.95), 1.0)
    assert fisher_interval(1, 3, 0.95) == Interval(-1, 1, 0.95)
    assert fisher_interval(0.5, 10, 1.0) == Interval(-1, 1, 1.0)


def test_the_most_telling_outcomes():
    falls, none, rises = attainable(10, 0.95)
    assert falls.high < none.low < 0 < none.high < rises.low


@pytest.mark.long
@pytest.mark.parametrize("n", [5, 10, 20, 30])
def test_coverage_over_10000_studies(n, capsys):
    for r in (0, 0.5, 0.9):
        x, z = rng(n).normal(size=(2, 10_000, n))
        y = r * x + math.sqrt(1 - r * r) * z
        rho = [scipy.stats.spearmanr(*pair).statistic for pair in zip(x, y, strict=True)]
        found = [fisher_interval(one, n, 0.95) for one in rho]
        truth = 6 / math.pi * math.asin(r / 2)
        rate = np.mean([one.low <= truth <= one.high for one in found])
        with capsys.disabled():
            print(f"\nrho = {truth:.3f}, n = {n}: {rate:.3f}")
        assert rate > 0.94
