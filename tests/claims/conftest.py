"""A store of its own for every test."""

import pytest

from dae_lab.tracking.store import Store


@pytest.fixture
def store(compose, tmp_path):
    return Store(compose(f"tracking.dir={tmp_path}").tracking)
