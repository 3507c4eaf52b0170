"""A store of its own for every test."""

import pytest
from processes import prepare

from dae_lab.tracking.store import Store


@pytest.fixture
def store(compose, tmp_path):
    return Store(compose(f"tracking.dir={prepare(tmp_path)}").tracking)
