"""Metrics against scikit-image and their formulas."""

import numpy as np
import pytest
import tensorflow as tf
from scipy.stats import entropy
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from dae_lab import metrics
from dae_lab.errors import DataError

SHAPES = [(28, 28, 1), (32, 32, 3), (8, 8, 1), (5, 5, 1), (3, 6, 2), (4, 30, 1)]


def random(shape, count=4, seed=0) -> np.ndarray:
    return np.random.default_rng(seed).random((count, *shape), dtype=np.float32)


def skimage_ssim(clean, reconstruction) -> list[float]:
    """In float64: scikit-image would compute float32 images in float32."""
    side = min(7, *clean.shape[1:3])
    options = {"win_size": side - 1 + side % 2, "data_range": 1, "channel_axis": -1}
    pairs = zip(clean.astype(np.float64), reconstruction.astype(np.float64), strict=True)
    return [structural_similarity(x, y, **options) for x, y in pairs]


@pytest.mark.parametrize("shape", SHAPES)
def test_metrics_are_scikit_images(shape):
    clean, other = random(shape), random(shape, seed=1)
    found = metrics.per_image(clean, other)
    difference = clean.astype(np.float64) - other
    np.testing.assert_allclose(found["mse"], np.mean(difference**2, axis=(1, 2, 3)), atol=1e-6)
    np.testing.assert_allclose(found["mae"], np.mean(np.abs(difference), axis=(1, 2, 3)), atol=1e-6)
    psnr = [peak_signal_noise_ratio(x, y, data_range=1) for x, y in zip(clean, other, strict=True)]
    np.testing.assert_allclose(found["psnr"], psnr, atol=1e-4)
    np.testing.assert_allclose(found["ssim"], skimage_ssim(clean, other), atol=1e-5)
    assert {name: (values.shape, values.dtype) for name, values in found.items()} == dict.fromkeys(
        ("mse", "mae", "psnr", "ssim", "bce"), ((4,), tf.float32)
    )


@pytest.mark.parametrize("level", [0.0, 0.5, 0.98])
@pytest.mark.parametrize("contrast", [0.0, 1e-3, 0.02])
def test_ssim_keeps_its_digits_on_flat_images(level, contrast):
    clean = np.float32(level) + np.float32(contrast) * random((28, 28, 1))
    other = np.float32(level) + np.float32(contrast) * random((28, 28, 1), seed=1)
    np.testing.assert_allclose(metrics.ssim(clean, other), skimage_ssim(clean, other), atol=1e-5)


@pytest.mark.parametrize("levels", [(0.0, 0.0), (0.0, 1.0), (1.0, 1.0), (0.2, 0.9)])
def test_ssim_of_constant_images(levels):
    clean, other = (np.full((2, 28, 28, 1), level, np.float32) for level in levels)
    np.testing.assert_allclose(metrics.ssim(clean, other), skimage_ssim(clean, other), atol=1e-5)


def test_equal_images_are_as_good_as_can_be():
    images = random((28, 28, 1))
    found = metrics.per_image(images, images)
    assert np.all(found["mse"] == 0)
    assert np.all(found["mae"] == 0)
    np.testing.assert_allclose(found["psnr"], 100, rtol=1e-6)
    np.testing.assert_allclose(found["ssim"], 1, atol=1e-5)
    np.testing.assert_allclose(found["bce"], metrics.bce_floor(images), atol=1e-5)


def test_ssim_refuses_images_too_small_for_a_variance():
    with pytest.raises(DataError, match="2x9 pixels have no SSIM"):
        metrics.ssim(random((2, 9, 1)), random((2, 9, 1)))


def test_ssim_runs_in_a_graph_of_unknown_batch_size():
    clean, other = random((9, 8, 1)), random((9, 8, 1), seed=1)
    graph = tf.function(metrics.per_image, input_signature=[tf.TensorSpec((None, 9, 8, 1))] * 2)
    for name, values in graph(clean, other).items():
        np.testing.assert_allclose(values, metrics.per_image(clean, other)[name], rtol=1e-5)


def test_bce_is_finite_at_the_ends_and_above_the_floor():
    clean = np.float32([0, 1, 0.5, 0.5]).reshape(4, 1, 1, 1)
    wrong = np.float32([1, 0, 0.25, 2]).reshape(4, 1, 1, 1)
    expected = [15.94, 16.12, -0.5 * np.log(0.25 * 0.75), 7.97]  # 1 - 1e-7 is 1 - 1.2e-7 in float32
    np.testing.assert_allclose(metrics.bce(clean, wrong), expected, atol=5e-3)
    assert np.all(metrics.bce(clean, wrong) > metrics.bce_floor(clean))


def test_bce_floor_is_the_entropy_of_the_pixels():
    images = random((6, 5, 3))
    images[0] = np.round(images[0])
    pixels = images.astype(np.float64)
    expected = entropy(np.stack([pixels, 1 - pixels])).mean(axis=(1, 2, 3))
    np.testing.assert_allclose(metrics.bce_floor(images), expected, atol=1e-6)
    assert metrics.bce_floor(images)[0] == 0


def test_mean_is_the_mean_over_images_across_batches():
    clean, other = random((5, 5, 1), count=2345), random((5, 5, 1), count=2345, seed=1)
    expected = {name: np.mean(v, dtype=np.float64) for name, v in metrics.per_image(clean, other).items()}
    assert metrics.mean(clean, other) == pytest.approx(expected, rel=1e-6)
