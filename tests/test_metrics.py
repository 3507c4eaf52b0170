"""Metrics against NumPy, SciPy and scikit-image, which compute in float64 and image by image."""

import numpy as np
import pytest
import tensorflow as tf
from scipy.special import rel_entr, xlogy
from scipy.stats import entropy
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from dae_lab import metrics
from dae_lab.errors import DataError
from dae_lab.evaluation.scores import means

SHAPES = [(28, 28, 1), (32, 32, 3), (8, 8, 1), (5, 5, 1), (3, 6, 2), (4, 30, 1)]


def random(shape, count=4, seed=0) -> np.ndarray:
    return np.random.default_rng(seed).random((count, *shape), dtype=np.float32)


def with_ends(shape, count=4, seed=0) -> np.ndarray:
    """Random images, of whose pixels about a quarter are exactly 0 and a quarter exactly 1."""
    return np.clip(2 * random(shape, count, seed) - np.float32(0.5), 0, 1)


def skimage_ssim(clean, reconstruction) -> list[float]:
    """In float64: scikit-image would compute float32 images in float32."""
    side = min(7, *clean.shape[1:3])
    options = {"win_size": side - 1 + side % 2, "data_range": 1, "channel_axis": -1}
    pairs = zip(clean.astype(np.float64), reconstruction.astype(np.float64), strict=True)
    return [structural_similarity(x, y, **options) for x, y in pairs]


def expected(clean, reconstruction) -> dict[str, np.ndarray]:
    """Every metric of every image, float64 (n,), one image at a time."""
    pairs = list(zip(clean.astype(np.float64), reconstruction.astype(np.float64), strict=True))
    cut = [(x, np.clip(y, 1e-7, 1), np.clip(1 - y, 1e-7, 1)) for x, y in pairs]
    return {
        "mse": np.array([np.mean((x - y) ** 2) for x, y in pairs]),
        "mae": np.array([np.mean(np.abs(x - y)) for x, y in pairs]),
        "psnr": np.array([peak_signal_noise_ratio(x, y, data_range=1) for x, y in pairs]),
        "ssim": np.array(skimage_ssim(clean, reconstruction)),
        "bce": np.array([-np.mean(xlogy(x, white) + xlogy(1 - x, black)) for x, white, black in cut]),
        "bce_excess": np.array([np.mean(rel_entr(x, w) + rel_entr(1 - x, b)) for x, w, b in cut]),
    }


def assert_equal(found, clean, reconstruction) -> None:
    """What was found is, to 1e-5 and in this order, what is expected; float32, one value an image."""
    wanted = expected(clean, reconstruction)
    assert list(found) == list(metrics.METRICS) == list(wanted)
    for name, values in found.items():
        assert (tuple(values.shape), tf.as_dtype(values.dtype)) == ((len(clean),), tf.float32), name
        np.testing.assert_allclose(values, wanted[name], rtol=0, atol=1e-5, err_msg=name)


@pytest.mark.parametrize("shape", SHAPES)
def test_metrics_are_those_of_numpy_scipy_and_scikit_image(shape):
    """Where black and white are met exactly, rightly and wrongly, and where they are not."""
    for make in (random, with_ends):
        clean, other = make(shape), make(shape, seed=1)
        assert_equal(metrics.per_image(clean, other), clean, other)
        near = np.clip(clean + np.float32(0.01) * (other - clean), 0, 1)
        assert_equal(metrics.per_image(clean, near), clean, near)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_reconstruction_may_leave_the_range(shape):
    """A cross-entropy alone cuts it, so that none is below its floor; the others take it as it is."""
    clean = with_ends(shape)
    other = 4 * random(shape, seed=1) - np.float32(1.5)
    assert_equal(metrics.per_image(clean, other), clean, other)
    assert np.all(metrics.bce_excess(clean, other) > 0)


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
    np.testing.assert_allclose(found["bce_excess"], 0, atol=1e-5)


def test_ssim_refuses_images_too_small_for_a_variance():
    with pytest.raises(DataError, match="2x9 pixels have no SSIM"):
        metrics.ssim(random((2, 9, 1)), random((2, 9, 1)))


def test_ssim_runs_in_a_graph_of_unknown_batch_size():
    clean, other = random((9, 8, 1)), random((9, 8, 1), seed=1)
    graph = tf.function(metrics.per_image, input_signature=[tf.TensorSpec((None, 9, 8, 1))] * 2)
    for name, values in graph(clean, other).items():
        np.testing.assert_allclose(values, metrics.per_image(clean, other)[name], rtol=1e-5)


def test_black_and_white_errors_cost_the_same():
    """-ln 1e-7 nats, however far beyond black or white; what is beyond on the right side is right."""
    clean = np.float32([0, 1, 0, 1, 0, 1, 0.5, 0.5]).reshape(8, 1, 1, 1)
    wrong = np.float32([1, 0, 9, -9, -9, 9, 0.25, 2]).reshape(8, 1, 1, 1)
    worst = -np.log(1e-7)
    assert worst == pytest.approx(16.118, abs=1e-3)
    costs = [worst, worst, worst, worst, 0, 0, -0.5 * np.log(0.25 * 0.75), worst / 2]
    np.testing.assert_allclose(metrics.bce(clean, wrong), costs, rtol=0, atol=1e-5)
    floor = np.array([0, 0, 0, 0, 0, 0, np.log(2), np.log(2)])
    np.testing.assert_allclose(metrics.bce_excess(clean, wrong), costs - floor, rtol=0, atol=1e-5)


def test_bce_floor_is_the_entropy_of_the_pixels():
    images = random((6, 5, 3))
    images[0] = np.round(images[0])
    pixels = images.astype(np.float64)
    expected = entropy(np.stack([pixels, 1 - pixels])).mean(axis=(1, 2, 3))
    np.testing.assert_allclose(metrics.bce_floor(images), expected, atol=1e-6)
    assert metrics.bce_floor(images)[0] == 0


@pytest.mark.parametrize(("count", "shape"), [(2345, (28, 28, 1)), (500, (40, 30, 3))])
@pytest.mark.parametrize("kind", [np.uint8, np.float32])
def test_table_is_every_image_by_itself_whatever_its_block(count, shape, kind):
    clean, other = with_ends(shape, count), with_ends(shape, count, seed=1)
    other[::7] = clean[::7] + np.float32(0.1) * (other[::7] - clean[::7])  # good ones and bad ones
    stored = clean
    if kind is np.uint8:
        stored = np.round(255 * clean).astype(np.uint8)
        clean = stored.astype(np.float64) / 255
    found = metrics.table(stored, other)
    assert all(isinstance(values, np.ndarray) for values in found.values())
    assert_equal(found, clean, other)


@pytest.mark.parametrize("count", [1, 3])
def test_table_of_a_few_images(count):
    clean, other = with_ends((9, 8, 1), count), with_ends((9, 8, 1), count, seed=1)
    assert_equal(metrics.table(clean, other), clean, other)


@pytest.mark.parametrize(("count", "shape"), [(2345, (28, 28, 1)), (500, (40, 30, 3)), (1, (9, 8, 1))])
def test_energy_is_the_error_of_black_and_what_errors_are_divided_by(count, shape):
    pixels = np.random.default_rng(0).integers(0, 256, (count, *shape), dtype=np.uint8)
    pixels[::3] //= 4  # dark ones
    images = pixels.astype(np.float64) / 255
    squares = np.array([np.mean(image**2) for image in images])
    for same in (pixels, images.astype(np.float32)):
        energies = metrics.energy(same)
        assert (energies.shape, energies.dtype) == ((count,), np.float32)
        np.testing.assert_allclose(energies, squares, rtol=1e-5)

    answers = {"black": np.zeros_like(images), "grey": np.full_like(images, 0.5)}
    tables = {name: metrics.table(pixels, answer.astype(np.float32)) for name, answer in answers.items()}
    scores = means(tables, metrics.energy(pixels))
    for name, answer in answers.items():
        error = np.sum((images - answer) ** 2) / np.sum(images**2)
        assert scores[name]["nmse"] == pytest.approx(error, rel=1e-5)
    assert scores["black"]["nmse"] == pytest.approx(1, rel=1e-6)
