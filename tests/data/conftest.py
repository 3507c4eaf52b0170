"""Real data for the tests of this room; MNIST is fetched once a machine."""

import os
from pathlib import Path

import pytest

from dae_lab.data.images import Dataset
from dae_lab.data.mnist import Mnist
from dae_lab.errors import DataError


@pytest.fixture(scope="session")
def mnist() -> Dataset:
    cache = os.environ.get("DAE_LAB_CACHE") or str(Path.home() / ".cache" / "dae_lab")
    try:
        return Mnist(
            train=[0, 55000], validation=[55000, 60000], test=[60000, 70000], cache=cache, download=True
        ).load()
    except DataError as error:
        pytest.skip(f"MNIST is not to be had here: {error}")
