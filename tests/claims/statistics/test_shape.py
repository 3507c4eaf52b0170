"""Outliers and skewness, against published numbers and by simulation."""

import numpy as np
import pytest
import scipy

from dae_lab.claims.statistics.shape import outlier, skewness

NIST = [199.31, 199.53, 200.19, 200.82, 201.92, 201.95, 202.18, 245.57]
"""Uranium isotopes (Tietjen & Moore 1972; NIST handbook 1.3.5.17.1): G = 2.468764, critical 2.032 at 5 %."""


def test_an_outlier_of_the_handbook():
    place, p = outlier(NIST)
    assert place == 7
    assert p < 0.001
    assert (max(NIST) - np.mean(NIST)) / np.std(NIST, ddof=1) == pytest.approx(2.468764, abs=1e-6)
    at_critical = [*np.linspace(-1, 1, 7), 0.0]  # moved out until G is the critical value
    last = scipy.optimize.brentq(
        lambda x: (x - np.mean([*at_critical[:7], x])) / np.std([*at_critical[:7], x], ddof=1) - 2.1266, 2, 9
    )
    assert outlier([*at_critical[:7], last])[1] == pytest.approx(0.05, abs=0.002)  # two-sided, n = 8


def test_of_normal_samples_it_is_found_as_often_as_it_says():
    rng = np.random.default_rng(1)
    p = [outlier(rng.normal(size=12))[1] for _ in range(4000)]
    assert np.mean(np.array(p) < 0.05) == pytest.approx(0.05, abs=0.012)


@pytest.mark.parametrize("values", [[], [1.0], [1.0, 5.0], [2.0] * 9, [0.0] * 19 + [1.0]])
def test_few_or_equal_values_have_no_outlier(values):
    assert outlier(values)[1] == 1.0
    assert skewness(values[:7]) == (0.0, 1.0)


def test_skewness_is_told_from_symmetry():
    rng = np.random.default_rng(2)
    found, p = skewness(rng.exponential(size=40))
    assert found > 0.5
    assert p < 0.01
    p = [skewness(rng.normal(size=20))[1] for _ in range(2000)]
    assert np.mean(np.array(p) < 0.05) == pytest.approx(0.05, abs=0.015)
