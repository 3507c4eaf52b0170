"""A denoiser that does nothing shows what each noise is worth; levels are one field, scaled."""

import keras
import numpy as np
import pytest

from dae_lab.evaluation.robustness import evaluate_robustness
from dae_lab.noise import corrupted
from dae_lab.pixels import to_float
from dae_lab.seeds import derive


@pytest.fixture(scope="module")
def nothing():
    """The denoiser that hands its input through."""
    image = keras.Input((28, 28, 1))
    return keras.Model(image, keras.layers.Identity()(image))


def tried(nothing, compose, digits, *overrides):
    config = compose(*overrides)
    return evaluate_robustness(nothing, config.noise, digits, config.evaluation, config.seed)


def test_a_denoiser_that_does_nothing_leaves_each_noise_as_it_is(nothing, compose, digits):
    found = tried(nothing, compose, digits, "noise.clip=false", "noise.sigma=0.3", "seed=4")
    assert list(found.levels) == [0, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 2]
    for level, point in found.levels.items():
        assert point.mse == pytest.approx(point.noisy, rel=1e-5)
        assert point.noisy == pytest.approx((0.3 * level) ** 2, rel=0.02)
        assert point.noise == f"sigma = {0.3 * level:g}"
    # one field, scaled: the ratios are exact where the means are only near
    assert found.levels[2].mse == pytest.approx(4 * found.levels[1].mse, rel=1e-5)


def test_the_level_trained_at_is_the_test_noise_itself(nothing, compose, digits):
    config = compose("evaluation.levels=[1]")
    corruption = config.noise
    found = evaluate_robustness(nothing, corruption, digits, config.evaluation, config.seed)
    noisy = corrupted(digits, corruption, derive(config.seed, "evaluation noise"))
    assert found.levels[1].noisy == pytest.approx(np.mean((noisy - to_float(digits.pixels)) ** 2), rel=1e-5)
    assert found.images == 100
    assert found.energy == pytest.approx(np.mean(to_float(digits.pixels) ** 2), rel=1e-5)


def test_every_corruption_listed_is_tried_but_the_kind_trained_on(nothing, compose, digits):
    found = tried(nothing, compose, digits, "noise=masking", "+noise@evaluation.corruptions.chain=chain")
    names = ["gaussian", "uniform", "speckle", "poisson", "salt_and_pepper", "occlusion", "blur", "chain"]
    assert sorted(found.corruptions) == sorted(names)
    assert len({point.mse for point in found.corruptions.values()}) == len(names)
    assert found.corruptions["blur"].metrics["ssim"] > found.corruptions["uniform"].metrics["ssim"]


def test_a_level_out_of_range_is_left_out(nothing, compose, digits):
    found = tried(nothing, compose, digits, "noise=masking", "noise.amount=0.6")
    assert list(found.levels) == [0, 0.25, 0.5, 0.75, 1, 1.25, 1.5]


def test_noise_without_a_strength_has_no_levels(nothing, compose, digits):
    found = tried(nothing, compose, digits, "noise=none")
    assert found.levels == {}
    assert found.corruptions


def test_scores_alone_try_nothing(nothing, compose, digits):
    found = tried(nothing, compose, digits, "evaluation=scores")
    assert (found.levels, found.corruptions) == ({}, {})
