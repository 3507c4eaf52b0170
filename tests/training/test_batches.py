"""Batches: every image once an epoch, in an order and under a noise that follow from seed, epoch and row."""

import gc
from functools import partial
from itertools import islice
from math import prod
from weakref import ref

import numpy as np
import pytest
import tensorflow as tf

from dae_lab.data.images import Images
from dae_lab.noise import corrupted
from dae_lab.pixels import blocks
from dae_lab.training.batches import TrainingData, evaluation_batches, training_batches

ROWS = range(1000, 1011)


def numbered() -> Images:
    """Eleven images, each of one grey that says which it is."""
    pixels = np.broadcast_to(np.arange(11, dtype=np.uint8)[:, None, None, None], (11, 4, 4, 1))
    return Images(pixels, None, ROWS)


def training_data(config, images: Images) -> TrainingData:
    return TrainingData(images, config.noise, config.training, config.seed)


def epochs(compose, *overrides: str, first_epoch: int = 0, count: int = 3):
    """For each epoch, what it saw: the images' numbers (n,) and their noise (n, 4, 4, 1)."""
    config = compose("noise.clip=false", f"training.epochs={count}", *overrides)
    data = training_data(config, numbered())
    seen = []
    with training_batches(data, first_epoch) as batches:
        stream = iter(batches)
        for _ in range(first_epoch, count):
            pairs = [(n.numpy(), c.numpy()) for n, c in islice(stream, data.steps_per_epoch)]
            assert all(noisy.dtype == clean.dtype == np.float32 for noisy, clean in pairs)
            noisy, clean = (np.concatenate(part) for part in zip(*pairs, strict=True))
            seen.append((np.rint(clean[:, 0, 0, 0] * 255).astype(int), noisy - clean))
        assert next(stream, None) is None
    return seen


def noise_by_image(numbers, noise) -> np.ndarray:
    return noise[np.argsort(numbers, kind="stable")]


@pytest.mark.parametrize("size", [1, 4])
@pytest.mark.parametrize("resample", ["once", "epoch"])
def test_an_epoch_sees_every_image_once_whatever_the_batch_size(compose, size, resample):
    same = ("noise.sigma=0.3", f"noise.resample={resample}")
    found = epochs(compose, *same, f"training.batch_size={size}")
    for (numbers, noise), (expected, field) in zip(found, epochs(compose, *same), strict=True):
        assert sorted(numbers) == list(range(11))
        np.testing.assert_array_equal(numbers, expected)
        np.testing.assert_array_equal(noise, field)


def test_the_order_differs_by_epoch_and_by_seed_alone(compose):
    orders = [tuple(numbers) for numbers, _ in epochs(compose)]
    assert len(set(orders)) == 3
    assert orders == [tuple(numbers) for numbers, _ in epochs(compose, "noise=masking", "loss=mse")]
    assert orders != [tuple(numbers) for numbers, _ in epochs(compose, "seed=1")]


def test_noise_is_drawn_once_or_anew_each_epoch(compose):
    once = [noise_by_image(*epoch) for epoch in epochs(compose, "noise.resample=once")]
    anew = [noise_by_image(*epoch) for epoch in epochs(compose, "noise.resample=epoch")]
    np.testing.assert_array_equal(once[0], once[1])
    np.testing.assert_array_equal(once[0], once[2])
    assert np.all(np.abs(anew[0] - anew[1]) > 0)
    assert np.all(np.abs(once[0] - anew[0]) > 0)
    assert len({field[0, 0, 0, 0] for field in anew}) == 3
    assert np.std(anew[0]) == pytest.approx(0.5, rel=0.2)


@pytest.mark.parametrize("resample", ["once", "epoch"])
@pytest.mark.parametrize("first", [1, 2])
def test_a_run_that_goes_on_sees_what_an_uninterrupted_one_sees(compose, resample, first):
    options = (f"noise.resample={resample}", "training.batch_size=4")
    tail = epochs(compose, *options)[first:]
    for (numbers, noise), (expected, field) in zip(
        epochs(compose, *options, first_epoch=first), tail, strict=True
    ):
        np.testing.assert_array_equal(numbers, expected)
        np.testing.assert_array_equal(noise, field)


def test_some_batches_of_an_epoch_are_its_first(compose):
    whole = epochs(compose, "training.batch_size=4")
    some = epochs(compose, "training.batch_size=4", "training.batches=2")
    assert [list(numbers) for numbers, _ in some] == [list(numbers[:8]) for numbers, _ in whole]


def test_overfitting_sees_one_batch_and_one_noise_over_and_over(compose):
    options = ("training.overfit=true", "noise.resample=once", "training.batch_size=4", "training.batches=3")
    for numbers, noise in epochs(compose, *options):
        assert list(numbers) == [0, 1, 2, 3] * 3
        np.testing.assert_array_equal(noise[:4], noise[4:8])
        np.testing.assert_array_equal(noise[:4], noise[8:])


@pytest.mark.parametrize(
    ("overrides", "steps"),
    [
        (["training.batch_size=11"], 1),
        (["training.batch_size=10"], 2),
        (["training.batch_size=1"], 11),
        (["training.batch_size=99"], 1),
        (["training.batch_size=4", "training.batches=2"], 2),
        (["training.batch_size=4", "training.batches=9"], 3),
        (["training.overfit=true", "noise.resample=once"], 1),
        (["training.overfit=true", "noise.resample=once", "training.batches=5"], 5),
    ],
)
def test_steps_of_an_epoch(compose, overrides, steps):
    assert training_data(compose(*overrides), numbered()).steps_per_epoch == steps


def test_the_noise_of_a_row_is_its_own_wherever_it_stands(compose, monkeypatch):
    corruption, images = compose().noise, numbered()
    whole = corrupted(images, corruption, 7)
    np.testing.assert_array_equal(corrupted(images[3:8], corruption, 7), whole[3:8])
    some = partial(blocks, values=4 * prod(images.shape))  # four images at a time
    monkeypatch.setattr("dae_lab.pixels.blocks", some)
    np.testing.assert_array_equal(corrupted(images, corruption, 7), whole)
    assert np.any(corrupted(images, corruption, 8) != whole)


def test_pixels_that_are_floats_already_stay_as_they_are(compose):
    pixels = np.random.default_rng(0).random((6, 4, 4, 1), dtype=np.float32)
    images = Images(pixels, None, range(6))
    config = compose("noise=none", "training.batch_size=6", "training.epochs=1")
    with training_batches(training_data(config, images), 0) as batches:
        ((noisy, clean),) = batches
    assert sorted(clean.numpy()[:, 0, 0, 0]) == sorted(pixels[:, 0, 0, 0])
    np.testing.assert_array_equal(noisy, clean)


def test_the_noisy_images_are_let_go_when_training_ends(compose, monkeypatch):
    """Even if it ends in the middle; they are 188 MB of full MNIST, and a sweep trains many runs."""
    drawn = []

    def watched(*args):
        noisy = corrupted(*args)
        drawn.append(ref(noisy))
        return noisy

    monkeypatch.setattr("dae_lab.training.batches.corrupted", watched)
    config = compose("noise.resample=once", "training.batch_size=2")
    with training_batches(training_data(config, numbered()), 0) as batches:
        stream = iter(batches)
        next(stream)
        assert drawn[0]() is not None
    gc.collect()
    assert drawn[0]() is None


@pytest.mark.parametrize("size", [4, 11, 50])
def test_evaluation_keeps_the_order(size):
    images, noisy = numbered(), np.random.default_rng(0).random((11, 4, 4, 1), dtype=np.float32)
    pairs = list(evaluation_batches(noisy, images, size))
    assert [len(part) for part, _ in pairs] == [min(size, 11 - start) for start in range(0, 11, size)]
    np.testing.assert_array_equal(tf.concat([part for part, _ in pairs], 0), noisy)
    clean = tf.concat([part for _, part in pairs], 0)
    assert clean.dtype == tf.float32
    np.testing.assert_allclose(clean[:, 0, 0, 0], np.arange(11) / 255, atol=1e-7)
