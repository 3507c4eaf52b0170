"""What more seeds promise, against studies that are gone on with."""

import math

import numpy as np
import pytest

from dae_lab.claims.statistics import prediction, proportion
from dae_lab.claims.statistics.correlation import fisher_interval
from dae_lab.claims.statistics.decision import Conclusion, decide, is_decided
from dae_lab.claims.statistics.interval import Interval
from dae_lab.claims.statistics.paired import student_interval


def above_0(low, high):
    return (low > 0) | (high < 0)


def test_of_a_mean_it_is_what_becomes_of_studies_from_its_posterior():
    """Parameters from the posterior, seeds from them, all by hand: the same share is decided."""
    rng, seen = np.random.default_rng(0), np.array([0.9, -0.2, 1.4, 0.3, -0.6, 0.8, 1.9, -0.9, 0.5, 0.4])
    found = prediction.of_mean(seen, 20, 0.95, above_0, rng)
    decided = 0
    for _ in range(4000):
        sigma = math.sqrt(9 * seen.var(ddof=1) / rng.chisquare(9))
        whole = [*seen, *rng.normal(rng.normal(seen.mean(), sigma / math.sqrt(10)), sigma, 10)]
        decided += student_interval(whole, 0.95).low > 0 or student_interval(whole, 0.95).high < 0
    assert found == pytest.approx(decided / 4000, abs=0.03)
    assert 0.2 < found < 0.8
    assert prediction.of_mean(seen + 9, 20, 0.95, above_0, rng) == 1.0


def test_of_a_share_it_is_exact():
    """One more seed of ten of which all were hits: 11 of 11 decide, 10 of 11 do not."""

    def decides(interval):
        return interval.low > proportion.exact_interval(10, 11, 0.95).low + 1e-9

    assert prediction.of_share(10, 10, 11, 0.95, decides) == pytest.approx(10.5 / 11)


def test_of_a_correlation_it_grows_with_what_was_seen():
    def tells(interval):
        return bool(above_0(interval.low, interval.high))

    def chance(rho):
        return prediction.of_correlation(rho, 12, 20, 0.95, tells, np.random.default_rng(0))

    assert chance(0.05) < 0.2 < chance(0.5) < 0.999 < chance(0.95)
    assert prediction.of_correlation(0.5, 3, 20, 0.95, tells, np.random.default_rng(0)) == 1.0
    assert fisher_interval(0.95, 20, 0.95).low > 0


@pytest.mark.parametrize("kind", ["difference", "equivalence", "either"])
@pytest.mark.parametrize("margin", [0.0, 1.0])
def test_whether_intervals_decide_is_what_the_verdict_says(kind, margin):
    ends = np.linspace(-2, 2, 9)
    pairs = [(low, high) for low in ends for high in ends if low <= high]
    low, high = (np.array([pair[side] for pair in pairs]) for side in (0, 1))
    verdicts = [decide(Interval(one, other, 0.95), margin, kind) for one, other in pairs]
    assert is_decided(low, high, margin, kind).tolist() == [
        one is not Conclusion.inconclusive for one in verdicts
    ]
