"""Intervals against SciPy and simulation, comparisons, classes."""

import numpy as np
import pytest
from scipy import stats

from dae_lab.evaluation.scores import compare, interval, mean_scores, ratio, score_classes

RNG = np.random.default_rng(0)


def test_interval_is_students():
    values = RNG.gamma(2, size=50)
    found = interval(values)
    low, high = stats.t.interval(0.95, 49, np.mean(values), stats.sem(values))
    assert (found.mean, found.low, found.high) == pytest.approx((np.mean(values), low, high), rel=1e-12)


def test_one_image_has_no_interval():
    found = interval(np.array([0.3]))
    assert found.mean == pytest.approx(0.3)
    assert np.isnan([found.low, found.high]).all()


def test_ratio_covers_at_its_nominal_rate():
    """2,000 simulated test sets of 100 images, whose error goes with their energy: 95 % cover the truth."""
    rng = np.random.default_rng(1)
    energies = rng.gamma(4, 0.03, (2000, 100))
    errors = 0.3 * energies * rng.gamma(5, 0.2, energies.shape)
    hits = [found.low <= 0.3 <= found.high for found in map(ratio, errors, energies)]
    assert 0.93 < np.mean(hits) < 0.965


def test_ratio_of_means_is_not_the_mean_of_ratios():
    assert ratio(np.array([1.0, 3.0]), np.array([2.0, 2.0])).mean == 1.0
    assert ratio(np.array([1.0, 9.0]), np.array([1.0, 3.0])).mean == 2.5
    assert np.isnan(ratio(np.array([0.1]), np.array([0.0])).mean)


@pytest.mark.parametrize(
    ("model", "verdict"),
    [([0.1, 0.2, 0.3], "beats"), ([0.4, 0.5, 0.6], "loses to"), ([0.1, 0.6, 0.35], "level with")],
)
def test_a_verdict_needs_an_interval_away_from_zero(model, verdict):
    noise = [0.001, -0.001, 0.0]
    baseline = np.array([0.25, 0.35, 0.45]) + noise
    assert compare(np.array(model), baseline, "other").verdict == verdict


def test_comparison_is_paired():
    """Images differ a hundred times more than the two denoisers do, and still the better one is found."""
    errors = RNG.uniform(0, 1, 200)
    assert compare(errors, errors + RNG.uniform(0, 0.01, 200), "other").verdict == "beats"


def test_one_image_decides_nothing():
    assert compare(np.array([0.1]), np.array([0.9]), "other").verdict == "level with"


def test_classes_are_normalised_by_their_own_energy():
    """A black image is as bad for a thin digit as for a fat one: 1."""
    labels = np.array([1, 8, 8, 1, 8])
    energies = np.array([0.04, 0.15, 0.17, 0.06, 0.13])
    found = score_classes(labels, energies, energies, 2 * energies, 0.5 * energies)
    assert sorted(found) == [1, 8]
    assert [found[label].images for label in (1, 8)] == [2, 3]
    assert found[1].energy == pytest.approx(0.05)
    assert found[8].mse == pytest.approx(0.15)
    for score in found.values():
        assert (score.nmse.mean, score.noisy, score.best) == pytest.approx((1, 2, 0.5))


def test_means_are_over_images_and_nmse_over_energy():
    table = {"mse": np.float32([0.1, 0.3]), "ssim": np.float32([0.5, 0.7])}
    energies = np.array([0.2, 0.6])
    found = {
        "model": mean_scores(table, energies),
        "black": mean_scores({"mse": np.float32([0.2, 0.6])}, energies),
    }
    assert found["model"] == pytest.approx({"mse": 0.2, "ssim": 0.6, "nmse": 0.5})
    assert found["black"]["nmse"] == pytest.approx(1)
    assert np.isnan(mean_scores(table, np.zeros(2))["nmse"])
