"""A store of its own for every test."""

import pytest
from processes import prepare

from dae_lab.tracking.store import RunStore


@pytest.fixture
def store(compose, tmp_path):
    return RunStore(compose(f"tracking.dir={prepare(tmp_path)}").tracking)
