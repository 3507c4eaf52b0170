"""Moments against NumPy's, neighbourhoods against loops."""

import numpy as np
import pytest

from dae_lab.baselines.moments import Moments, neighbourhoods

RANDOM = np.random.default_rng(0)


def test_moments_are_those_of_all_rows_at_once():
    x, y = RANDOM.normal(3, 2, (101, 4)), RANDOM.normal(size=(101, 2))
    moments = Moments(4, 2)
    for rows in np.split(np.arange(101), [50, 99]):
        moments.add(x[rows].astype(np.float32), y[rows].astype(np.float32))
    both = np.cov(x, y, rowvar=False, bias=True)
    np.testing.assert_allclose(moments.means[0], x.mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(moments.means[1], y.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(moments.covariances[0], both[:4, :4], atol=1e-5)
    np.testing.assert_allclose(moments.covariances[1], both[:4, 4:], atol=1e-5)


def neighbourhoods_by_loops(images: np.ndarray, size: int) -> np.ndarray:
    count, height, width, channels = images.shape
    found = np.zeros((count, height, width, size, size, channels))
    for n, y, x, i, j in np.ndindex(count, height, width, size, size):
        row, column = y + i - size // 2, x + j - size // 2
        if 0 <= row < height and 0 <= column < width:
            found[n, y, x, i, j] = images[n, row, column]
    return found.reshape(count * height * width, -1)


@pytest.mark.parametrize("shape", [(2, 6, 4, 3), (1, 3, 3, 1)])
@pytest.mark.parametrize("size", [3, 5])
def test_neighbourhoods(shape, size):
    images = RANDOM.random(shape, dtype=np.float32)
    np.testing.assert_array_equal(neighbourhoods(images, size), neighbourhoods_by_loops(images, size))


@pytest.mark.parametrize("shape", [(7, 5, 3), (3, 4, 1)])
def test_moments_of_neighbourhoods_follow_from_those_of_whole_images(shape):
    noisy, clean = RANDOM.random((2, 9, *shape), dtype=np.float32)
    whole = Moments(int(np.prod(shape)), int(np.prod(shape)))
    whole.add(noisy.reshape(9, -1), clean.reshape(9, -1))
    small = Moments(25 * shape[-1], shape[-1])
    small.add(neighbourhoods(noisy, 5), clean.reshape(-1, shape[-1]))
    sorted_out = whole.of_neighbourhoods(shape, 5)
    found, expected = (moments.means + moments.covariances for moments in (sorted_out, small))
    for some, others in zip(found, expected, strict=True):
        np.testing.assert_allclose(some, others, atol=1e-12)
