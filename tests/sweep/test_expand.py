"""Runs are counted before they are listed: a slip of the finger must not fill the memory."""

import pytest
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser

from dae_lab.errors import ConfigError
from dae_lab.paths import conf_folder
from dae_lab.sweep.expand import expand


@pytest.fixture(scope="module")
def runs():
    """``runs("seed=1,2")``: the overrides of each run that these stand for."""
    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        parser = OverridesParser.create(config_loader=GlobalHydra.instance().config_loader())

        def of(*overrides: str) -> list[list[str]]:
            return expand(parser.parse_overrides(list(overrides)))

        yield of


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        ([], [[]]),
        (["loss=bce", "seed=1,2"], [["loss=bce", "seed=1"], ["loss=bce", "seed=2"]]),
        (["seed=range(0,3,2)"], [["seed=0"], ["seed=2"]]),
        (["latent.z_dim=choice(2,4)"], [["latent.z_dim=2"], ["latent.z_dim=4"]]),
        (["loss=glob(m*)"], [["loss=mae"], ["loss=mse"]]),
        (["seed=1,2", "loss=mse", "seed=3"], [["seed=3", "loss=mse"]]),
        (["~noise.clip", "loss.weights={bce: 1}"], [["~noise.clip", "loss.weights={bce:1}"]]),
    ],
)
def test_values_become_all_their_combinations(runs, overrides, expected):
    assert runs(*overrides) == expected


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
        (["optimizer.learning_rate=interval(0,1)"], "search over it with hydra/sweeper=optuna"),
    ],
)
def test_too_many_and_none_are_refused(runs, overrides, message):
    with pytest.raises(ConfigError, match=message.replace("(", r"\(")):
        runs(*overrides)


@pytest.mark.parametrize(
    "overrides",
    [
        [],
        ["seed=range(0,10000)"],
        ["seed=range(10,0,-1)", "loss=glob(*)"],
        ["seed=range(0,100)", "seed=range(0,1000)"],
        ["name=${name}", "seed=1,2"],
    ],
)
def test_their_neighbours_are_accepted(runs, overrides):
    assert runs(*overrides)
