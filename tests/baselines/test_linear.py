"""Closed forms against least squares on the whole data, by NumPy and scikit-learn."""

import numpy as np
import pytest
from scipy import ndimage
from sklearn.linear_model import Ridge

from dae_lab.baselines import fitting
from dae_lab.baselines.fitting import FittingData, Tuning
from dae_lab.baselines.linear import best_filter, ridge
from dae_lab.baselines.moments import Moments
from dae_lab.noise import Identity, corrupted
from dae_lab.pixels import to_float
from dae_lab.seeds import derive

SEED = 3


def fitting_data(made) -> FittingData:
    return FittingData(made.data, made.corruption, made.validation, 4, SEED)


def training_noise(made) -> np.ndarray:
    return corrupted(made.data.train, made.corruption, derive(SEED, "baseline noise"))


def least_squares_filter(noisy, clean, size):
    """Kernel (size, size, c, c) and bias (c,) by lstsq; the shifted images are SciPy's, not ours."""
    channels = noisy.shape[-1]
    columns = []
    for i, j in np.ndindex(size, size):
        shift = (0, size // 2 - i, size // 2 - j, 0)
        columns.append(ndimage.shift(noisy.astype(np.float64), shift, order=0, mode="constant"))
    x = np.stack(columns, axis=3).reshape(-1, size * size * channels)
    x = np.column_stack([x, np.ones(len(x))])
    solution = np.linalg.lstsq(x, clean.reshape(-1, channels).astype(np.float64))[0]
    return solution[:-1].reshape(size, size, channels, channels), solution[-1]


def impulse_response(denoise, size, shape):
    """Kernel and bias of an affine filter, read off what it answers to black and to single points."""
    channels, middle = shape[-1], size // 2
    bias = denoise(np.zeros((1, *shape), np.float32))[0, 6, 5]
    kernel = np.empty((size, size, channels, channels))
    for i, j, channel in np.ndindex(size, size, channels):
        point = np.zeros((1, *shape), np.float32)
        point[0, 6 + i - middle, 5 + j - middle, channel] = 1
        kernel[i, j, channel] = denoise(point)[0, 6, 5] - bias
    return kernel, bias


@pytest.mark.parametrize("most_values", [4096, 0], ids=["small images", "large images"])
@pytest.mark.parametrize(("size", "shape"), [(3, (12, 10, 1)), (5, (12, 10, 1)), (5, (11, 14, 3))])
def test_filter_is_that_of_least_squares(problem, monkeypatch, most_values, size, shape):
    monkeypatch.setattr(fitting, "MOST_VALUES", most_values)
    monkeypatch.setattr(fitting, "_BLOCK_VALUES", 4000)  # several blocks, the last one smaller
    made = problem(train=50, shape=shape)
    denoise = best_filter(fitting_data(made).neighbourhood_moments, size)
    kernel, bias = impulse_response(denoise, size, shape)
    noisy, clean = training_noise(made), to_float(made.data.train.pixels)
    expected_kernel, expected_bias = least_squares_filter(noisy, clean, size)
    np.testing.assert_allclose(kernel, expected_kernel, atol=1e-5)
    np.testing.assert_allclose(bias, expected_bias, atol=1e-5)


def test_a_filter_is_applied_as_a_correlation_with_zeros_beyond_the_edge(problem):
    made = problem()
    denoise = best_filter(fitting_data(made).neighbourhood_moments, 3)
    kernel, bias = impulse_response(denoise, 3, (12, 10, 1))
    noisy = made.test[0]
    expected = ndimage.correlate(noisy, kernel[None, ..., 0], mode="constant") + bias
    answers = denoise(noisy)
    np.testing.assert_allclose(answers, expected, atol=1e-5)
    assert answers.dtype == np.float32
    assert np.mean((answers - to_float(made.test[1].pixels)) ** 2) < 0.8 * 0.3**2


@pytest.mark.parametrize("grey", [0, 51])
def test_filters_and_maps_of_images_that_never_vary(problem, grey):
    """Their covariance is 0, or nothing but rounding: nothing to divide by."""
    corruption = Identity(clip=False, resample="once")
    made = problem(corruption=corruption, pixels=np.full((82, 12, 10, 1), grey, np.uint8))
    some = fitting_data(made)
    for denoise in (
        best_filter(some.neighbourhood_moments, 3),
        ridge(some.image_moments, some.tuning).denoise,
    ):
        np.testing.assert_allclose(denoise(made.test[0]), grey / 255, atol=1e-4)


def test_without_noise_the_best_filter_and_map_change_nothing(problem):
    made = problem(train=200, corruption=Identity(clip=False, resample="once"))
    some = fitting_data(made)
    noisy = made.test[0]
    np.testing.assert_allclose(best_filter(some.neighbourhood_moments, 5)(noisy), noisy, atol=1e-5)
    np.testing.assert_allclose(ridge(some.image_moments, some.tuning).denoise(noisy), noisy, atol=1e-4)


@pytest.mark.parametrize("shape", [(6, 5, 1), (4, 5, 3)])
def test_ridge_is_scikit_learns_at_the_best_strength(problem, shape):
    made = problem(train=150, validation=40, shape=shape)
    some = fitting_data(made)
    noisy = training_noise(made).reshape(150, -1).astype(np.float64)
    clean = to_float(made.data.train.pixels).reshape(150, -1)
    strengths = np.mean(noisy**2) * np.logspace(-8, 1, 19)
    fits = [Ridge(alpha=150 * strength).fit(noisy, clean) for strength in strengths]
    tuning_noisy, tuning = made.validation[0], to_float(made.validation[1].pixels).reshape(40, -1)
    answers = [np.clip(fit.predict(tuning_noisy.reshape(40, -1)), 0, 1) for fit in fits]
    errors = [np.mean((answer - tuning) ** 2) for answer in answers]
    best = int(np.argmin(errors))
    assert 0 < best < 18  # else the choice was not tried
    denoise, note = ridge(some.image_moments, some.tuning)
    assert note == f"λ = {strengths[best]:.2g}, chosen on 40 validation images"
    expected = fits[best].predict(made.test[0].reshape(12, -1)).reshape(12, *shape)
    np.testing.assert_allclose(denoise(made.test[0]), expected, atol=1e-5)
    assert denoise(made.test[0]).dtype == np.float32


def test_ridge_of_one_image_gives_it_to_everything():
    image = np.random.default_rng(0).random((1, 4, 5, 1), dtype=np.float32)
    moments = Moments(20, 20)
    moments.add(image.reshape(1, -1), image.reshape(1, -1))
    denoise = ridge(moments, Tuning(image, image, "images")).denoise
    np.testing.assert_allclose(denoise(1 - image), image, atol=1e-6)
