"""Intervals that hold at any time, against the e-process they invert and by simulation."""

import math

import numpy as np
import pytest

from dae_lab.claims.statistics.anytime import mean_interval
from dae_lab.claims.statistics.interval import Interval
from dae_lab.claims.statistics.paired import student_interval


def evidence(values: np.ndarray, mean: float) -> float:
    """G_n of Wang & Ramdas with c = 1, as a Bayes factor: the t density's ratio (Rouder et al. 2009)."""
    n = len(values)
    t2 = (values.mean() - mean) ** 2 / (values.var(ddof=1) / n)
    return (1 + n) ** -0.5 * ((1 + t2 / ((1 + n) * (n - 1))) / (1 + t2 / (n - 1))) ** (-n / 2)


@pytest.mark.parametrize(("n", "level"), [(3, 0.6), (12, 0.95), (40, 0.99)])
def test_its_ends_are_where_the_evidence_reaches_one_over_the_error(n, level):
    values = np.random.default_rng(n).normal(3, 2, n)
    found = mean_interval(values, level)
    for end in (found.low, found.high):
        assert evidence(values, end) == pytest.approx(1 / (1 - level))
    assert evidence(values, values.mean()) < 1
    student = student_interval(values, level)
    assert found.low < student.low < student.high < found.high


def test_of_few_values_nothing_is_known():
    assert mean_interval([1.0], 0.95) == Interval(-math.inf, math.inf, 0.95)
    assert mean_interval([1.0, 2.0], 0.95) == Interval(-math.inf, math.inf, 0.95)
    assert mean_interval([1.0, 2.0, 3.0], 1.0) == Interval(-math.inf, math.inf, 1.0)


def test_values_in_steps_have_a_width():
    equal = mean_interval([2.0] * 30, 0.95)
    assert (equal.low, equal.high) == (2, 2)
    assert mean_interval([2.0] * 30, 0.95, grain=1.0).high > 2.1


def test_looked_at_after_every_seed_it_is_wrong_less_often_than_it_says():
    """Student's interval, looked at as often, is wrong in a third of such studies."""
    rng, wrong, student = np.random.default_rng(5), 0, 0
    for _ in range(400):
        values = rng.normal(size=60)
        every = [(mean_interval(values[:n], 0.9), student_interval(values[:n], 0.9)) for n in range(5, 61, 5)]
        wrong += any(not one.low <= 0 <= one.high for one, _ in every)
        student += any(not one.low <= 0 <= one.high for _, one in every)
    assert wrong / 400 < 0.1
    assert student / 400 > 0.2
