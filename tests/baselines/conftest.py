"""Small data sets, noise and full MNIST for the tests of this room."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from dae_lab.data.images import Dataset
from dae_lab.data.mnist import Mnist
from dae_lab.errors import DataError
from dae_lab.noise import Corruption, Gaussian, corrupted

EVALUATION = 7  # the stream of the noise to judge on


class Problem(NamedTuple):
    """A data set, its noise, and what to judge on."""

    data: Dataset
    corruption: Corruption
    test: tuple
    validation: tuple


def blobs(count: int, shape=(12, 10, 1), seed: int = 0) -> np.ndarray:
    """Images of 2 × 2 blocks, uint8 (count, h, w, c), so that neighbours tell of each other."""
    height, width, channels = shape
    small = np.random.default_rng(seed).integers(0, 256, (count, -(-height // 2), -(-width // 2), channels))
    return small.repeat(2, axis=1).repeat(2, axis=2)[:, :height, :width].astype(np.uint8)


@pytest.fixture(scope="session")
def images() -> Callable[..., np.ndarray]:
    return blobs


@pytest.fixture(scope="session")
def problem() -> Callable[..., Problem]:
    """``problem(60, 10, 12)``: so many images to train, validate and test on, with noise to remove."""

    def make(train=60, validation=10, test=12, shape=(12, 10, 1), corruption=None, pixels=None, rows=None):
        corruption = corruption or Gaussian(sigma=0.3, clip=False, resample="once")
        pixels = blobs(train + validation + test, shape) if pixels is None else pixels
        cuts = rows or {
            "train": [0, train],
            "validation": [train, train + validation] if validation else [],
            "test": [train + validation, train + validation + test],
        }
        data = Dataset.of("blobs", "made for a test", pixels, None, **cuts)
        judged_on = ((corrupted(some, corruption, EVALUATION), some) for some in (data.test, data.validation))
        return Problem(data, corruption, *judged_on)

    return make


@pytest.fixture(scope="session")
def full_mnist() -> Dataset:
    cache = os.environ.get("DAE_LAB_CACHE") or str(Path.home() / ".cache" / "dae_lab")
    try:
        return Mnist(train=[0, 60000], validation=[], test=[60000, 70000], cache=cache, download=True).load()
    except DataError as error:
        pytest.skip(f"needs full MNIST, from the cache or the network: {error}")
