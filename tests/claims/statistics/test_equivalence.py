"""Two one-sided tests, against SciPy's t tests and the interval they stand for."""

import numpy as np
import pytest
import scipy

from dae_lab.claims.statistics.equivalence import two_one_sided
from dae_lab.claims.statistics.paired import student_interval


@pytest.mark.parametrize("mean", [-1.5, -0.3, 0.0, 0.4, 2.0])
def test_the_larger_of_two_t_tests(mean):
    values = np.random.default_rng(1).normal(mean, 0.5, 8)
    above = scipy.stats.ttest_1samp(values, -1, alternative="greater").pvalue
    below = scipy.stats.ttest_1samp(values, 1, alternative="less").pvalue
    assert two_one_sided(values, 1) == pytest.approx(max(above, below))


def test_it_agrees_with_the_interval_at_1_less_2_alpha():
    answers = []
    for values in np.random.default_rng(2).normal(0.2, 0.5, (300, 6)):
        found = student_interval(values, 0.9)
        answers.append(two_one_sided(values, 0.6) < 0.05)
        assert answers[-1] == (found.low > -0.6 and found.high < 0.6)
    assert 0.1 < np.mean(answers) < 0.9


def test_at_its_margin_it_is_wrong_as_often_as_it_says():
    draws = np.random.default_rng(3).normal(1, 0.2, (4000, 5))
    assert np.mean([two_one_sided(values, 1) < 0.1 for values in draws]) == pytest.approx(0.1, abs=0.015)


def test_equal_and_too_few_differences():
    assert two_one_sided([0.3] * 3, 0.5) == two_one_sided([-0.3] * 3, 0.5) == 0.0
    assert (
        two_one_sided([0.5] * 3, 0.5) == two_one_sided([0.7] * 3, 0.5) == two_one_sided([0.0] * 3, 0) == 1.0
    )
    assert two_one_sided([0.0], 1) == two_one_sided([], 1) == 1.0


def test_no_margin():
    assert two_one_sided([-1.0, 1.1, 0.2], 0) > 0.5
    for margin in (-1, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="margin"):
            two_one_sided([1.0, 2.0], margin)
