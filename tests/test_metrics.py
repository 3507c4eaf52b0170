"""Metrics against NumPy, SciPy and scikit-image, which compute in float64 and image by image."""

import numpy as np
import pytest
import tensorflow as tf
from scipy.special import rel_entr, xlogy
from scipy.stats import entropy
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from dae_lab import metrics
from dae_lab.errors import ConfigError, DataError
from dae_lab.evaluation.scores import mean_scores
from dae_lab.metrics import Metric, image_metrics, recorded_in, register, shown_in
from dae_lab.scoring import energy, score_batch, score_images

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
    assert list(found) == [metric.name for metric in image_metrics()] == list(wanted)
    for name, values in found.items():
        assert (tuple(values.shape), tf.as_dtype(values.dtype)) == ((len(clean),), tf.float32), name
        np.testing.assert_allclose(values, wanted[name], rtol=0, atol=1e-5, err_msg=name)


@pytest.mark.parametrize("shape", SHAPES)
def test_metrics_are_those_of_numpy_scipy_and_scikit_image(shape):
    """Where black and white are met exactly, rightly and wrongly, and where they are not."""
    for make in (random, with_ends):
        clean, other = make(shape), make(shape, seed=1)
        assert_equal(score_batch(clean, other), clean, other)
        near = np.clip(clean + np.float32(0.01) * (other - clean), 0, 1)
        assert_equal(score_batch(clean, near), clean, near)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_reconstruction_may_leave_the_range(shape):
    """A cross-entropy alone cuts it, so that none is below its floor; the others take it as it is."""
    clean = with_ends(shape)
    other = 4 * random(shape, seed=1) - np.float32(1.5)
    assert_equal(score_batch(clean, other), clean, other)
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
    found = score_batch(images, images)
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
    graph = tf.function(score_batch, input_signature=[tf.TensorSpec((None, 9, 8, 1))] * 2)
    for name, values in graph(clean, other).items():
        np.testing.assert_allclose(values, score_batch(clean, other)[name], rtol=1e-5)


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
    found = score_images(stored, other)
    assert all(isinstance(values, np.ndarray) for values in found.values())
    assert_equal(found, clean, other)


@pytest.mark.parametrize("count", [1, 3])
def test_table_of_a_few_images(count):
    clean, other = with_ends((9, 8, 1), count), with_ends((9, 8, 1), count, seed=1)
    assert_equal(score_images(clean, other), clean, other)


@pytest.mark.parametrize(("count", "shape"), [(2345, (28, 28, 1)), (500, (40, 30, 3)), (1, (9, 8, 1))])
def test_energy_is_the_error_of_black_and_what_errors_are_divided_by(count, shape):
    pixels = np.random.default_rng(0).integers(0, 256, (count, *shape), dtype=np.uint8)
    pixels[::3] //= 4  # dark ones
    images = pixels.astype(np.float64) / 255
    squares = np.array([np.mean(image**2) for image in images])
    for same in (pixels, images.astype(np.float32)):
        energies = energy(same)
        assert (energies.shape, energies.dtype) == ((count,), np.float32)
        np.testing.assert_allclose(energies, squares, rtol=1e-5)

    answers = {"black": np.zeros_like(images), "grey": np.full_like(images, 0.5)}
    energies = energy(pixels)
    scores = {
        name: mean_scores(score_images(pixels, answer.astype(np.float32)), energies)
        for name, answer in answers.items()
    }
    for name, answer in answers.items():
        error = np.sum((images - answer) ** 2) / np.sum(images**2)
        assert scores[name]["nmse"] == pytest.approx(error, rel=1e-5)
    assert scores["black"]["nmse"] == pytest.approx(1, rel=1e-6)


def test_the_table_says_which_values_are_recorded_and_which_are_better():
    assert [metric.name for metric in recorded_in("train")] == ["loss"]
    validation = ["loss", "mse", "mae", "psnr", "ssim", "bce", "bce_excess"]
    assert [metric.name for metric in recorded_in("val")] == validation
    assert {metric.name for metric in recorded_in("test")} == {*validation[1:], "nmse"}
    assert {name for name, metric in metrics.METRICS.items() if metric.rises} == {"psnr", "ssim"}
    assert metrics.METRICS["psnr"].heading == "PSNR, dB ↑"
    assert metrics.METRICS["mse"].heading == "MSE ↓"


@pytest.mark.parametrize("name", [metric.name for metric in image_metrics()])
def test_values_lie_within_the_bounds_of_the_table_and_move_as_it_says(name):
    metric, clean = metrics.METRICS[name], with_ends((12, 12, 1))
    near, far = (np.clip(clean + size * random((12, 12, 1), seed=1), 0, 1) for size in (0.05, 0.5))
    values = {size: score_batch(clean, image)[name].numpy() for size, image in (("near", near), ("far", far))}
    for found in values.values():
        assert np.all((metric.low <= found) & (found <= metric.high))
    assert np.all((values["near"] > values["far"]) == metric.rises)


@pytest.fixture
def edges(monkeypatch):
    """A metric from outside dae_lab, registered for one test."""
    monkeypatch.setattr(metrics, "METRICS", dict(metrics.METRICS))
    metric = Metric(
        "edges",
        "edge similarity",
        "One minus the mean absolute difference of horizontal steps.",
        better="higher",
        high=1.0,
        per_image=lambda x, y: 1 - metrics.mae(x[:, 1:] - x[:, :-1], y[:, 1:] - y[:, :-1]),
    )
    register(metric)
    return metric


def test_a_registered_metric_is_computed_and_listed_like_the_others(edges):
    clean = random((8, 8, 1))
    found = score_images(clean, clean)
    assert list(found)[-1] == "edges"
    np.testing.assert_allclose(found["edges"], 1)
    assert recorded_in("val")[-1] is recorded_in("test")[-1] is edges
    assert edges not in shown_in("headline", "summary")
    register(edges)  # a module that is imported again does no harm
    assert list(score_images(clean, clean)) == list(found)


@pytest.mark.parametrize(
    ("name", "reason"),
    [("mse", "has a metric of this name"), ("E d", "lower-case letters"), ("x", "per_image")],
)
def test_a_metric_that_cannot_be_recorded_is_refused(edges, name, reason):
    with pytest.raises(ConfigError, match=reason):
        register(Metric(name, "a title", "a definition", per_image=None if name == "x" else edges.per_image))
