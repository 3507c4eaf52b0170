"""Corruptions against their formulas, and what makes them reproducible."""

from functools import cache
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from scipy import stats
from scipy.ndimage import gaussian_filter1d

from dae_lab import noise
from dae_lab.errors import ConfigError
from dae_lab.parts.part import shipped_targets
from dae_lab.parts.schema import parse_schema
from dae_lab.paths import conf_folder

STREAM = 20_210_701
COMMON: dict[str, Any] = {"clip": False, "resample": "epoch"}
GAUSSIAN = noise.Gaussian(sigma=0.5, **COMMON)


@cache
def configured(*overrides: str):
    """A corruption as conf/noise describes it."""
    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        plain = OmegaConf.to_container(compose(overrides=list(overrides)).noise, resolve=True)
    return parse_schema(plain, noise.Corruption, "noise")


def grey(value: float, count: int = 400, side: int = 28) -> np.ndarray:
    return np.full((count, side, side, 1), value, np.float32)


def photos(count: int = 13, shape=(9, 7, 3)) -> np.ndarray:
    return np.random.default_rng(0).random((count, *shape), dtype=np.float32)


def corrupted(corruption, images, stream=STREAM, first=0) -> np.ndarray:
    return corruption(images, noise.image_seeds(np.arange(first, first + len(images)), stream)).numpy()


def assert_moments(draws: np.ndarray, mean: float, variance: float) -> None:
    """Both within five of their standard errors, for independent draws."""
    draws = draws.astype(np.float64)
    fourth = np.mean((draws - mean) ** 4)
    assert abs(draws.mean() - mean) < 5 * np.sqrt(variance / draws.size)
    assert abs(np.mean((draws - mean) ** 2) - variance) < 5 * np.sqrt((fourth - variance**2) / draws.size)


def assert_uncorrelated(first: np.ndarray, second: np.ndarray) -> None:
    assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 5 / np.sqrt(first.size)


@pytest.mark.parametrize(
    ("corruption", "x", "mean", "variance"),
    [
        (GAUSSIAN, 0.3, 0.3, 0.5**2),
        (noise.Uniform(width=0.2, **COMMON), 0.5, 0.5, 0.2**2 / 3),
        (noise.Speckle(sigma=0.5, **COMMON), 0.4, 0.4, 0.2**2),
        (noise.Poisson(peak=10.0, **COMMON), 0.4, 0.4, 0.4 / 10),
        (noise.Poisson(peak=500.0, **COMMON), 0.4, 0.4, 0.4 / 500),
        (noise.SaltAndPepper(amount=0.3, salt=0.25, **COMMON), 0.4, 0.355, 0.187 - 0.355**2),
        (noise.Masking(amount=0.25, **COMMON), 0.8, 0.6, 0.8**2 * 0.25 * 0.75),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, noise.Corruption) else "",
)
def test_mean_and_variance_follow_the_formula(corruption, x, mean, variance):
    assert_moments(corrupted(corruption, grey(x)), mean, variance)


def test_clipped_gaussian_has_the_moments_of_a_censored_normal():
    normal = stats.norm(0.3, 0.5)
    within = {"lb": 0, "ub": 1}
    mean = normal.expect(lambda v: v, **within) + normal.sf(1)
    square = normal.expect(np.square, **within) + normal.sf(1)
    draws = corrupted(noise.Gaussian(sigma=0.5, clip=True, resample="epoch"), grey(0.3))
    assert draws.min() == 0
    assert draws.max() == 1
    assert_moments(draws, mean, square - mean**2)


def test_gaussian_range_draws_each_image_its_own_sigma():
    low, high = 0.1, 0.5
    noisy = corrupted(noise.GaussianRange(low=low, high=high, **COMMON), grey(0.5, count=1000))
    sigmas = noisy.std(axis=(1, 2, 3))
    assert stats.kstest(sigmas, stats.uniform(low, high - low).cdf).pvalue > 1e-4
    fixed = noise.GaussianRange(low=0.5, high=0.5, **COMMON)
    assert np.array_equal(corrupted(fixed, grey(0.5)), corrupted(GAUSSIAN, grey(0.5)))


def test_impulses_and_masks_hit_all_channels_of_a_pixel():
    images = np.full((50, 28, 28, 3), 0.5, np.float32)
    for option in ("salt_and_pepper", "masking", "occlusion"):
        noisy = corrupted(configured(f"+noise={option}"), images)
        assert np.array_equal(noisy[..., 0], noisy[..., 1])
        assert np.array_equal(noisy[..., 0], noisy[..., 2])
    assert_uncorrelated(*np.moveaxis(corrupted(GAUSSIAN, images), -1, 0)[:2])


def test_salt_and_pepper_gives_black_white_or_the_pixel():
    noisy = corrupted(noise.SaltAndPepper(amount=0.3, salt=0.25, **COMMON), grey(0.5))
    assert set(np.unique(noisy)) == {0.0, 0.5, 1.0}


def test_occlusion_covers_one_rectangle_anywhere_alike():
    noisy = corrupted(noise.Occlusion(size=0.5, value=0.25, **COMMON), np.ones((2000, 6, 4, 1), np.float32))
    covered = noisy[..., 0] == 0.25
    assert np.all(covered.sum(axis=(1, 2)) == 3 * 2)
    tops, lefts = covered.any(axis=2).argmax(axis=1), covered.any(axis=1).argmax(axis=1)
    counts = np.bincount(tops * 3 + lefts, minlength=12)
    assert len(counts) == 12
    assert stats.chisquare(counts).pvalue > 1e-4
    corners = covered[np.arange(2000), tops, lefts] & covered[np.arange(2000), tops + 2, lefts + 1]
    assert corners.all()


@pytest.mark.parametrize("size", [0.0, 1.0])
def test_occlusion_of_nothing_and_of_everything(size):
    noisy = corrupted(noise.Occlusion(size=size, value=0.0, **COMMON), grey(0.5, count=3))
    assert np.all(noisy == 0.5 * (1 - size))


@pytest.mark.parametrize("sigma", [0.0, 0.4, 1.0, 5.0])
def test_blur_is_scipys_gaussian_filter(sigma):
    images = photos()
    expected = images.astype(np.float64)
    for axis, side in ((1, 9), (2, 7)):
        if sigma:
            radius = min(int(np.ceil(3 * sigma)), side - 1)
            expected = gaussian_filter1d(expected, sigma, axis=axis, mode="mirror", radius=radius)
    np.testing.assert_allclose(
        corrupted(noise.Blur(sigma=sigma, **COMMON), images), expected, rtol=0, atol=1e-6
    )


def test_none_is_the_identity():
    assert np.array_equal(corrupted(configured("+noise=none"), photos()), photos())


@pytest.mark.parametrize("option", shipped_targets("noise").values())
def test_noise_depends_on_image_and_seed_alone(option):
    corruption, images, rows = configured(f"+noise={option}"), photos(), np.arange(40, 53)
    seeds = noise.image_seeds(rows, STREAM)
    whole = corruption(images, seeds).numpy()
    assert whole.shape == images.shape
    assert whole.dtype == np.float32
    assert whole.min() >= 0
    assert whole.max() <= 1

    alone = [corruption(images[i : i + 1], seeds[i : i + 1]).numpy()[0] for i in range(13)]
    assert np.array_equal(whole, alone)
    assert np.array_equal(whole, corruption(images[::-1], seeds[::-1]).numpy()[::-1])

    pairs = tf.data.Dataset.from_tensor_slices((images, rows)).batch(5)
    streamed = [*pairs.map(lambda x, row: corruption(x, noise.image_seeds(row, STREAM)))]
    assert np.array_equal(whole, np.concatenate(streamed))

    signature = [tf.TensorSpec((None, 9, 7, 3), tf.float32), tf.TensorSpec((None, 2), tf.int32)]
    assert np.array_equal(whole, tf.function(corruption, input_signature=signature)(images, seeds))


def test_one_corruption_serves_images_of_any_shape():
    for shape in ((9, 7, 3), (5, 6, 1), (28, 28, 1)):
        assert corrupted(GAUSSIAN, photos(3, shape)).shape == (3, *shape)


def test_rows_and_streams_draw_independent_noise():
    here = corrupted(GAUSSIAN, grey(0.5))
    assert_uncorrelated(here[:-1], here[1:])
    assert_uncorrelated(here, corrupted(GAUSSIAN, grey(0.5), stream=STREAM + 1))
    swapped = tf.reverse(noise.image_seeds(np.arange(400), STREAM), axis=[1])
    assert_uncorrelated(here, GAUSSIAN(grey(0.5), swapped).numpy())
    assert np.array_equal(here[7:], corrupted(GAUSSIAN, grey(0.5, count=393), first=7))


def test_arms_of_different_strength_see_the_same_field():
    weak = corrupted(noise.Gaussian(sigma=0.25, **COMMON), grey(0.0))
    np.testing.assert_array_equal(2 * weak, corrupted(GAUSSIAN, grey(0.0)))


def test_clip_decides_whether_noise_leaves_the_range():
    free = corrupted(GAUSSIAN, grey(0.5))
    cut = corrupted(noise.Gaussian(sigma=0.5, clip=True, resample="epoch"), grey(0.5))
    assert free.min() < 0
    assert free.max() > 1
    assert np.array_equal(cut, np.clip(free, 0, 1))


def test_image_seeds_pair_rows_with_the_stream():
    expected = [[3, 2**31 - 1], [1, 2**31 - 1]]
    assert noise.image_seeds([3, 1], 2**31 - 1).numpy().tolist() == expected
    seeds = noise.image_seeds(np.array([3, 1], np.int64), tf.constant(2**31 - 1, tf.int64))
    assert seeds.dtype == tf.int32
    assert seeds.numpy().tolist() == expected


def test_chain_gives_every_step_a_sub_seed_of_its_own():
    one = noise.Chain(steps={"only": GAUSSIAN}, **COMMON)
    chained, plain = corrupted(one, grey(0.5)), corrupted(GAUSSIAN, grey(0.5))
    assert_uncorrelated(chained, plain)
    twice = noise.Chain(steps={"first": GAUSSIAN, "second": GAUSSIAN}, **COMMON)
    assert_moments(corrupted(twice, grey(0.5)), 0.5, 2 * 0.5**2)


def test_chain_applies_its_steps_in_order():
    white = noise.Occlusion(size=1.0, value=1.0, **COMMON)
    black = noise.Masking(amount=1.0, **COMMON)
    assert np.all(corrupted(noise.Chain(steps={"a": white, "b": black}, **COMMON), grey(0.5, 2)) == 0)
    assert np.all(corrupted(noise.Chain(steps={"b": black, "a": white}, **COMMON), grey(0.5, 2)) == 1)


def test_poisson_takes_darker_than_black_for_black():
    steps = {"gaussian": GAUSSIAN, "poisson": noise.Poisson(peak=10.0, **COMMON)}
    assert np.all(corrupted(noise.Chain(steps=steps, **COMMON), grey(0.0)) >= 0)


def test_chain_is_composed_by_name():
    chain = configured(
        "+noise=chain",
        "+noise@noise.steps.blur=blur",
        "noise.steps.gaussian.sigma=0.2",
        "noise.steps.blur.sigma=2",
    )
    assert [type(step) for step in chain.steps.values()] == [noise.Gaussian, noise.SaltAndPepper, noise.Blur]
    assert chain.steps["gaussian"].sigma == 0.2
    assert chain.steps["blur"].sigma == 2.0


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: noise.GaussianRange(low=0.5, high=0.1, **COMMON), "low must be at most high"),
        (lambda: noise.Gaussian(sigma=-0.1, **COMMON), "sigma must be at least 0"),
        (lambda: noise.Masking(amount=1.5, **COMMON), "amount must be at most 1"),
        (lambda: noise.Poisson(peak=0.0, **COMMON), "peak must be at least 0.001"),
        (lambda: noise.Chain(steps={}, **COMMON), "steps is empty"),
    ],
)
def test_values_without_a_meaning_are_refused(make, message):
    with pytest.raises(ConfigError, match=message):
        make()


def test_images_that_are_not_scaled_yet_are_refused():
    with pytest.raises(TypeError, match="float32"):
        corrupted(GAUSSIAN, np.zeros((2, 4, 4, 1), np.uint8))


@pytest.mark.parametrize(
    "option", ["gaussian", "gaussian_range", "uniform", "speckle", "poisson", "masking", "blur", "chain"]
)
def test_scaled_by_nothing_one_and_two(option):
    corruption = configured(f"+noise={option}")
    images = photos()
    np.testing.assert_array_equal(corrupted(corruption.scaled(0), images), images)
    np.testing.assert_array_equal(
        corrupted(corruption.scaled(1), images), np.asarray(corrupted(corruption, images))
    )
    errors = [np.mean((corrupted(corruption.scaled(level), images) - images) ** 2) for level in (0.5, 1, 1.5)]
    assert errors == sorted(errors)
    assert corruption.scaled(2).described() != corruption.described()


def test_scaled_light_has_the_noise_of_that_standard_deviation():
    corruption = noise.Poisson(peak=50.0, **COMMON)
    assert_moments(corrupted(corruption.scaled(2), grey(0.5)), 0.5, 4 * 0.5 / 50)


def test_what_has_no_strength_is_not_scaled_and_shares_stay_shares():
    nothing = configured("+noise=none")
    assert type(nothing.scaled(3)) is noise.Identity
    assert nothing.described() == ""
    with pytest.raises(ConfigError, match=r"amount must be at most 1; got 1\.5"):
        noise.Masking(amount=0.5, **COMMON).scaled(3)
    assert configured("+noise=chain").described() == "gaussian: sigma = 0.5, salt_and_pepper: amount = 0.25"
