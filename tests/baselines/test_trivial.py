"""Answers that never look at the image, and the pixels they are made of."""

import tracemalloc

import numpy as np
import pytest

from dae_lab.baselines.trivial import black, constant, mean_image
from dae_lab.errors import DataError
from dae_lab.pixels import to_float

TRAIN = np.random.default_rng(0).integers(0, 256, (2500, 12, 10, 3), dtype=np.uint8)
TRAIN[..., 2] //= 3  # channels of different means


def test_mean_image():
    image = mean_image(TRAIN)
    assert image.dtype == np.float32
    np.testing.assert_allclose(image, TRAIN.mean(axis=0) / 255, atol=1e-7)


def test_mean_image_of_floats_is_that_of_their_bytes():
    np.testing.assert_allclose(mean_image(to_float(TRAIN)), mean_image(TRAIN), atol=1e-7)


def test_mean_image_makes_no_float_copy_of_the_training_images():
    tracemalloc.start()
    mean_image(np.broadcast_to(TRAIN[:1], (100_000, 12, 10, 3)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100_000 * 360  # bytes of the uint8 array; a float copy would take four times that


def test_constant_is_the_mean_pixel_of_each_channel():
    image = constant(TRAIN)
    assert image.shape == (12, 10, 3)
    assert image.dtype == np.float32
    np.testing.assert_allclose(image[5, 5], TRAIN.mean(axis=(0, 1, 2)) / 255, atol=1e-7)
    assert np.ptp(image.reshape(-1, 3), axis=0).tolist() == [0, 0, 0]
    assert image[0, 0, 2] < image[0, 0, 0] - 0.1


def test_black_is_black():
    assert black(TRAIN).shape == (12, 10, 3)
    assert black(TRAIN).dtype == np.float32
    assert not black(TRAIN).any()


def test_to_float_scales_bytes_and_passes_floats():
    assert to_float(np.arange(256, dtype=np.uint8)).tolist() == [
        float(np.float32(v) / np.float32(255)) for v in range(256)
    ]
    floats = to_float(TRAIN)
    assert to_float(floats) is floats
    with pytest.raises(DataError, match="pixels are int64"):
        to_float(np.arange(3))
