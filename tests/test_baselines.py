"""Baselines, and the pixels they are made of."""

import tracemalloc

import numpy as np
import pytest

from dae_lab.baselines import mean_image, reconstructions
from dae_lab.errors import DataError
from dae_lab.pixels import to_float

TRAIN = np.random.default_rng(0).integers(0, 256, (2500, 12, 10, 3), dtype=np.uint8)
NOISY = np.random.default_rng(1).random((7, 12, 10, 3), dtype=np.float32)


def test_noisy_is_handed_through():
    assert reconstructions(TRAIN, NOISY)["noisy"] is NOISY


def test_mean_image_is_the_same_answer_to_every_input():
    image = reconstructions(TRAIN, NOISY)["mean_image"]
    assert image.shape == NOISY.shape
    assert image.dtype == np.float32
    np.testing.assert_allclose(image[3], TRAIN.mean(axis=0) / 255, atol=1e-7)
    assert np.shares_memory(image[0], image[6])


def test_mean_image_of_floats_is_that_of_their_bytes():
    np.testing.assert_allclose(mean_image(to_float(TRAIN)), mean_image(TRAIN), atol=1e-7)


def test_mean_image_makes_no_float_copy_of_the_training_images():
    tracemalloc.start()
    mean_image(np.broadcast_to(TRAIN[:1], (100_000, 12, 10, 3)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100_000 * 360  # bytes of the uint8 array; a float copy would take four times that


def test_to_float_scales_bytes_and_passes_floats():
    assert to_float(np.arange(256, dtype=np.uint8)).tolist() == [
        float(np.float32(v) / np.float32(255)) for v in range(256)
    ]
    assert to_float(NOISY) is NOISY
    with pytest.raises(DataError, match="pixels are int64"):
        to_float(np.arange(3))
