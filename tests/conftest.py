"""What all tests share: configs composed from the real conf/, and images."""

import gc
import logging
import os
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hydra import compose as hydra_compose
from hydra import initialize_config_dir

from dae_lab.config.registration import register
from dae_lab.config.run import Config, Tracking
from dae_lab.config.validate import validate
from dae_lab.data.images import Images
from dae_lab.paths import conf_folder
from dae_lab.startup import SETTINGS

Compose = Callable[..., Config]

register()

SCRATCH = tempfile.TemporaryDirectory(prefix="dae_lab-tests-")
"""The cache of these tests: data are the user's, so that nothing is fetched twice; baselines are its own."""


def pytest_configure() -> None:
    """Point every process of the tests to that cache."""
    cache = Path(os.environ.get("DAE_LAB_CACHE", "~/.cache/dae_lab")).expanduser()
    for name in ("mnist", "fashion_mnist", "cifar10"):
        (cache / name).mkdir(parents=True, exist_ok=True)
        Path(SCRATCH.name, name).symlink_to(cache / name)
    os.environ["DAE_LAB_CACHE"] = SCRATCH.name
    _forget_variables_of_mlflow()
    os.environ |= SETTINGS  # tests import TensorFlow themselves


MLFLOW_VARIABLES = ("MLFLOW_TRACKING_", "MLFLOW_EXPERIMENT_", "MLFLOW_REGISTRY_")
"""What the names of variables begin with that say where runs go; MLflow's functions set some themselves."""


def _forget_variables_of_mlflow() -> None:
    for name in [name for name in os.environ if name.startswith(MLFLOW_VARIABLES)]:
        del os.environ[name]


@pytest.fixture(autouse=True)
def _no_variables_of_mlflow():
    """No test sees what another, or the person who runs them, has set."""
    yield
    _forget_variables_of_mlflow()


@pytest.fixture(autouse=True)
def _restore_log_levels():
    """``hydra.verbose`` in one test must not make another test's log longer."""
    loggers = [logging.getLogger(), *map(logging.getLogger, ("hydra", "dae_lab"))]
    levels = [logger.level for logger in loggers]
    yield
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="run also what takes minutes")


SLOW = ("claims", "faults", "recording", "sweep", "tracking")
"""Folders whose tests start processes, as those of this one do: they come first, or one worker ends alone."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin with what is slow; leave out what takes long, saying so, unless it is asked for."""
    items.sort(key=lambda item: item.path.parent.name not in (*SLOW, "tests"))
    if not config.getoption("--long"):
        for item in items:
            if item.get_closest_marker("long"):
                item.add_marker(pytest.mark.skip(reason="takes minutes: --long, or make bench"))


def pytest_collection_finish() -> None:
    """Spare the garbage collector what was imported: a fifth of the tests' time."""
    gc.collect()
    gc.freeze()


@cache
def composed(*overrides: str) -> Config:
    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        return validate(hydra_compose("config", overrides=list(overrides)))


@pytest.fixture(scope="session")
def compose() -> Compose:
    """``compose("loss=mse")``: the validated config of that command line. Equal calls share one object."""
    return composed


@pytest.fixture
def tracking(compose, tmp_path) -> Tracking:
    """The store in this test's own folder, an empty database."""
    from processes import prepare  # here, as MLflow comes with it

    return compose(f"tracking.dir={prepare(tmp_path)}").tracking


@pytest.fixture(scope="session")
def tiny() -> Callable[..., Images]:
    """``tiny(5, (8, 8, 1))``: so many random images, rows 100 and following of some source."""

    def make(count: int = 20, shape: tuple[int, ...] = (8, 8, 1), seed: int = 0) -> Images:
        pixels = np.random.default_rng(seed).integers(0, 256, (count, *shape), dtype=np.uint8)
        return Images(pixels, None, range(100, 100 + count))

    return make


@pytest.fixture(scope="session")
def digits() -> Images:
    """The first 100 training digits of data=mnist_5k."""
    return composed().data.load().train[:100]
