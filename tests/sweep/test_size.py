"""Runs are counted before they are listed: a slip of the finger must not fill the memory."""

import pytest
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.types import RunMode

from dae_lab.errors import ConfigError
from dae_lab.paths import conf_folder
from dae_lab.sweep.size import check_number_of_runs


@pytest.fixture(scope="module")
def check():
    """``check("seed=1,2")``: what is said of a command with these overrides."""
    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        loader = GlobalHydra.instance().config_loader()

        def of(*overrides: str) -> None:
            config = loader.load_configuration("config", list(overrides), RunMode.MULTIRUN)
            check_number_of_runs(config, loader)

        yield of


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["seed=range(0,1000000000)"], "1,000,000,000 of seed"),
        (["seed=shuffle(range(0,1000000000))"], "1,000,000,000 of seed"),
        (["seed=range(0,1,1e-12)"], "at most 10,000 runs"),
        (["seed=range(0,10001)"], "at most 10,000 runs; these would be 10,001"),
        (["seed=range(0,200)", "training.epochs=range(1,101)"], "200 of seed × 100 of training.epochs"),
        (["seed=range(0,1,1e-12)", "seed=0"], "of seed"),
        (["seed=range(0,10,0)"], "a step other than 0"),
        (["seed=range(0,1,0.0)"], "a step other than 0"),
        (["seed=range(0,inf)"], "finite numbers"),
        (["seed=range(0,1,nan)"], "finite numbers"),
        (["seed=range(5,0)"], "gives no value to seed"),
        (["seed=glob(*)"], "gives no value to seed"),
        (["loss=glob(nothing*)"], "gives no value to loss"),
    ],
)
def test_too_many_and_none_are_refused(check, overrides, message):
    with pytest.raises(ConfigError, match=message.replace("(", r"\(")):
        check(*overrides)


@pytest.mark.parametrize(
    "overrides",
    [
        [],
        ["seed=range(0,10000)"],
        ["seed=range(10,0,-1)", "loss=glob(*)"],
        ["seed=range(0,100)", "seed=range(0,1000)"],
        ["name=${name}", "seed=1,2"],
        ["hydra/sweeper=optuna", "seed=range(0,1000000)"],
    ],
)
def test_their_neighbours_are_accepted(check, overrides):
    check(*overrides)
