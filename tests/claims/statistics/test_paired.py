"""Intervals and tests of paired differences, against published numbers, SciPy, brute force and simulation."""

import itertools
import math

import numpy as np
import pytest
import scipy

from dae_lab.claims.statistics.interval import Interval
from dae_lab.claims.statistics.paired import (
    bootstrap_interval,
    mean_ends,
    mean_interval,
    sign_flip,
    student_interval,
    superiority,
    wilcoxon,
)

MAIZE = [49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48]
"""Darwin's maize: crossed less self-fertilised, eighths of an inch (Fisher, Design of Experiments, 1935)."""

NONE, INFINITE = np.empty(0), Interval(-math.inf, math.inf, 0.95)


def rng(seed=0):
    return np.random.default_rng(seed)


def test_the_interval_of_darwins_maize():
    found = student_interval(MAIZE, 0.95)
    assert (found.low, found.high) == pytest.approx((20.933 - 20.901, 20.933 + 20.901), abs=2e-3)
    wider = mean_interval(MAIZE, 0.95)  # they are skewed to the low side
    assert wider.low < found.low
    assert wider.high == pytest.approx(found.high)


@pytest.mark.parametrize(("n", "level"), [(2, 0.95), (5, 0.9), (20, 1 - 1e-6)])
def test_the_interval_is_that_of_scipy(n, level):
    values = rng(n).normal(0.1, 0.01, n)
    found = student_interval(values, level)
    wanted = scipy.stats.ttest_1samp(values, 0).confidence_interval(level)
    assert (found.low, found.high) == pytest.approx((wanted.low, wanted.high), rel=1e-6)
    assert found.level == level


@pytest.mark.parametrize(
    "interval", [mean_interval, student_interval, lambda *args: bootstrap_interval(*args, rng())]
)
def test_intervals_of_too_few_or_equal_differences(interval):
    assert interval(NONE, 0.95) == interval([3.0], 0.95) == INFINITE
    assert interval([0.1] * 3, 0.95) == Interval(0.1, 0.1, 0.95)
    assert interval(np.float32([0.5, 0.5]), 0.95) == Interval(0.5, 0.5, 0.95)


def test_equal_differences_measured_in_steps_have_a_width():
    """s is 1 / √6 at least: the standard deviation of the difference of two rounding errors."""
    found = mean_interval([1.0] * 4, 0.95, grain=1)
    reach = 3.182446 / math.sqrt(6 * 4)
    assert (found.low, found.high) == pytest.approx((1 - reach, 1 + reach), rel=1e-6)
    rounding = np.diff(rng().uniform(-0.5, 0.5, (2, 100_000)), axis=0).std()
    assert rounding == pytest.approx(1 / math.sqrt(6), rel=0.01)
    assert mean_interval(MAIZE, 0.95, grain=1) == mean_interval(MAIZE, 0.95)
    for grain in (-1, math.nan, math.inf):
        with pytest.raises(ValueError, match="grain"):
            mean_interval(MAIZE, 0.95, grain)


def test_at_level_1_everything_is_possible():
    assert mean_interval([1, 2, 3], 1.0) == Interval(-math.inf, math.inf, 1.0)


@pytest.mark.parametrize("n", [2, 5, 10, 20])
def test_the_interval_covers_at_its_nominal_rate(n):
    low, high = mean_ends(rng(n).normal(size=(40_000, n)), 0.1)
    held = float(np.mean((low <= 0) & (high >= 0)))
    assert 0.895 < held < 0.925  # Student's alone 0.9
    one = rng(n).exponential(size=n)
    found = mean_interval(one, 0.9)
    assert (found.low, found.high) == pytest.approx(tuple(map(float, mean_ends(one, 0.1))))


@pytest.mark.parametrize(("n", "most"), [(10, 0.065), (20, 0.055)])
def test_a_skewed_difference_is_found_above_its_mean_about_half_as_often_as_by_student(n, most):
    """Of exponential differences, at 2.5 % a side; the side on which they have no tail."""
    values = rng(n).exponential(size=(40_000, n))
    wrong = float(np.mean(mean_ends(values, 0.05)[1] < 1))
    mean, error = values.mean(axis=1), values.std(axis=1, ddof=1) / math.sqrt(n)
    student = float(np.mean(mean + scipy.stats.t.ppf(0.975, n - 1) * error < 1))
    assert wrong < most
    assert wrong < 0.62 * student


def test_the_correction_for_skewness_is_halls():
    """His transformation of the t statistic, at the end of the interval, is the quantile of Student's."""
    values = np.array([1.0, 1.1, 1.3, 1.2, 1.25, 4.0, 1.15, 1.05])
    n, mean, spread = len(values), values.mean(), values.std(ddof=1)
    skewness = scipy.stats.skew(values, bias=False)
    high = mean_interval(values, 0.95).high
    t = (mean - high) / (spread / math.sqrt(n))
    a = skewness / math.sqrt(n)
    assert t + a * t**2 / 3 + a**2 * t**3 / 27 + a / 6 == pytest.approx(scipy.stats.t.ppf(0.025, n - 1))


def test_the_bootstrap_is_bca_and_repeatable():
    values = rng(1).exponential(size=12)
    found = bootstrap_interval(values, 0.9, rng(2))
    wanted = scipy.stats.bootstrap(
        (values,), np.mean, confidence_level=0.9, n_resamples=10_000, method="BCa", rng=rng(2)
    ).confidence_interval
    assert (found.low, found.high) == (wanted.low, wanted.high)
    assert found == bootstrap_interval(values, 0.9, rng(2)) != bootstrap_interval(values, 0.9, rng(3))


def test_the_bootstrap_falls_back_on_percentiles():
    """Where all resamples lie on one side of the mean, as two may, the correction of bias is infinite."""
    found = bootstrap_interval([1, 2, 4], 0.9, rng(4), resamples=2)
    assert 1 <= found.low < found.high < 7 / 3
    assert found.high - found.low == pytest.approx(0.9 * (2 / 3))


def test_flips_of_darwins_maize():
    """Fisher found 863 of the 32,768 flips to be as large as what was seen."""
    assert sign_flip(MAIZE) == 2 * 863 / 2**15


@pytest.mark.parametrize("n", [1, 2, 5, 9])
def test_flips_against_brute_force(n):
    values = rng(n).integers(-3, 6, n)  # with zeros and ties
    sums = [abs(np.dot(values, signs)) for signs in itertools.product([-1, 1], repeat=n)]
    assert sign_flip(values) == np.mean([total >= abs(values.sum()) for total in sums])


def test_flips_do_not_depend_on_rounding():
    assert sign_flip([0.1, 0.2, 0.3]) == sign_flip([1, 2, 3]) == 0.25
    assert sign_flip(np.array([1, 2, 3]) * 1e-9) == sign_flip(np.array([0.1, 0.2, 0.3]) * 1e9) == 0.25


def test_flips_of_nothing_and_of_zeros():
    assert sign_flip(NONE) == sign_flip([0.0] * 4) == 1.0


def test_twenty_differences_take_all_flips_and_more_take_draws():
    assert sign_flip(np.ones(20)) == 2 / 2**20
    values = rng(3).normal(0.5, 1, 25)
    found = sign_flip(values, rng(4))
    assert found == sign_flip(values, rng(4)) != sign_flip(values, rng(5))
    assert found == pytest.approx(scipy.stats.ttest_1samp(values, 0).pvalue, rel=0.3)
    assert sign_flip(np.ones(40), rng()) == 1 / 100_001
    with pytest.raises(ValueError, match="need a generator"):
        sign_flip(values)


def test_signed_ranks_of_darwins_maize():
    """The two negative differences have the ranks 14 and 10: a sum of 24 has p = 0.04126."""
    assert wilcoxon(MAIZE) == pytest.approx(0.04126, abs=5e-6)


@pytest.mark.parametrize("n", [5, 12, 20, 30])
def test_signed_ranks_are_those_of_scipy(n):
    values = rng(n).normal(0.4, 1, n)
    assert wilcoxon(values) == pytest.approx(scipy.stats.wilcoxon(values, method="exact").pvalue, rel=1e-9)


def test_signed_ranks_with_zeros_and_ties():
    """0, 1, 1, -2, 3, 3: the zero takes rank 1, so that the others have 2.5, 2.5, -4, 5.5, 5.5.

    Their sum is 12. Of 32 flips of five ranks 6, and the 6 that mirror them, have a sum as far from 0: all
    up, 2.5 down (2 ways), 4 down, both 2.5 down (10 ≥ 12 is not so), and 5.5 down (9) is not so.
    """
    ranks = [2.5, 2.5, 4, 5.5, 5.5]
    far = sum(abs(np.dot(ranks, signs)) >= 12 for signs in itertools.product([-1, 1], repeat=5))
    assert wilcoxon([0, 1, 1, -2, 3, 3]) == far / 32 == 8 / 32
    assert wilcoxon([0, 0, 0]) == wilcoxon(NONE) == 1.0


def test_many_signed_ranks_with_ties_are_nearly_normal():
    values = rng(6).integers(-3, 5, 60)
    assert wilcoxon(values) == scipy.stats.wilcoxon(values, zero_method="pratt", method="asymptotic").pvalue


def test_how_often_one_beats_the_other():
    share, found = superiority([1, 2, 3, 4, -1], 0.95)
    wanted = scipy.stats.binomtest(4, 5).proportion_ci(0.95, method="exact")
    assert share == 0.8
    assert (found.low, found.high) == pytest.approx((wanted.low, wanted.high))


def test_ties_count_against_either_end():
    share, found = superiority([1, 0, 0, -1], 0.95)
    ends = [scipy.stats.binomtest(wins, 4).proportion_ci(0.95, method="exact") for wins in (1, 3)]
    assert share == 0.5
    assert (found.low, found.high) == pytest.approx((ends[0].low, ends[1].high))
    assert superiority([0.0] * 4, 0.95) == (0.5, Interval(0.0, 1.0, 0.95))


def test_nobody_beats_anybody_without_seeds():
    share, found = superiority(NONE, 0.95)
    assert math.isnan(share)
    assert found == Interval(0.0, 1.0, 0.95)


def test_what_is_no_interval():
    for ends in [
        (1, 0, 0.95),
        (math.nan, 1, 0.95),
        (0, math.nan, 0.95),
        (0, 1, 0),
        (0, 1, 1.1),
        (0, 1, math.nan),
    ]:
        with pytest.raises(ValueError, match=r"interval|level"):
            Interval(*ends)


@pytest.mark.long
@pytest.mark.parametrize("n", [5, 10, 20])
def test_coverage_over_10000_studies(n, capsys):
    """Student's interval keeps its rate for normal differences, and loses less than BCa for skewed ones."""
    draws = rng(n)
    for name, studies in {
        "normal": draws.normal(size=(10_000, n)),
        "exponential": draws.exponential(size=(10_000, n)) - 1,
    }.items():
        student = [mean_interval(study, 0.95) for study in studies]
        boot = [bootstrap_interval(study, 0.95, draws, resamples=1000) for study in studies[:2000]]
        rates = [np.mean([one.low <= 0 <= one.high for one in found]) for found in (student, boot)]
        with capsys.disabled():
            print(f"\n{name}, n = {n}: Student's {rates[0]:.3f}, bootstrap {rates[1]:.3f}")
        assert rates[0] > rates[1]
        if name == "normal":
            assert rates[0] == pytest.approx(0.95, abs=0.006)
