"""The keys of the data group: what they refuse, and that every option has its class."""

from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from hydra.errors import ConfigCompositionException
from omegaconf import OmegaConf

from dae_lab.data.folder import Folder
from dae_lab.data.mnist import Mnist
from dae_lab.data.npz import Npz
from dae_lab.data.packaged import Digits
from dae_lab.data.source import DataSource
from dae_lab.errors import ConfigError
from dae_lab.parts.part import shipped_targets
from dae_lab.parts.schema import parse_schema

CONF = Path(__file__).parents[2] / "conf"


def composed(option: str, *overrides: str) -> DataSource:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        plain = OmegaConf.to_container(compose(overrides=[f"+data={option}", *overrides]).data, resolve=True)
    return parse_schema(plain, DataSource, "data")


def digits(**changes: Any) -> Digits:
    slices: dict[str, Any] = {"train": [0, 10], "validation": [10, 15], "test": [15, 20]}
    return Digits(**{**slices, **changes})


OPTIONS = sorted(file.stem for file in CONF.joinpath("data").glob("*.yaml"))


def test_every_option_has_a_class_of_its_own():
    needed = {"folder": ["data.path=somewhere"], "npz": ["data.path=somewhere"]}
    kinds = [type(composed(option, *needed.get(option, []))) for option in OPTIONS]
    assert len(set(kinds)) == len(OPTIONS)
    assert sorted(shipped_targets("data").values()) == OPTIONS


@pytest.mark.parametrize("option", OPTIONS)
def test_yaml_comments_every_key(option):
    lines = CONF.joinpath("data", f"{option}.yaml").read_text().splitlines()
    keys = [line for line in lines if line and not line.startswith(("#", "_target_"))]
    assert lines[0].startswith("# ")
    assert all(" # " in line for line in keys)


def test_an_option_loads_its_rows():
    dataset = composed("digits", "data.validation=[]", "data.test=[1500,1510]").load()
    assert (len(dataset.train), len(dataset.validation), len(dataset.test)) == (1437, 0, 10)


def test_a_wrong_key_is_refused():
    with pytest.raises(ConfigCompositionException, match="sise"):
        composed("folder", "data.sise=[8,8]")


def test_the_path_of_a_folder_must_be_given():
    with pytest.raises(ConfigError, match="path is missing"):
        Folder(train=None, validation=None, test=None, size=[8, 8], colour="grey")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"train": [5]}, r"train must be rows \[start, stop\].*got \[5\]"),
        ({"train": []}, "train must be rows"),
        ({"test": []}, "test must be rows"),
        ({"test": [20, 20]}, "start < stop"),
        ({"validation": [15, 10]}, "or \\[\\] for none; got \\[15, 10\\]"),
        ({"train": [-5, 10]}, "train\\[0\\] must be at least 0; got -5"),
        ({"train": None}, "null is for data=folder and data=npz"),
        ({"train": [0, 11]}, r"train \[0, 11\] and validation \[10, 15\] share rows 10 to 10"),
        ({"train": [0, 30], "validation": []}, r"train \[0, 30\] and test \[15, 20\] share rows 15 to 19"),
    ],
)
def test_slices_that_make_no_sense_are_refused(changes, words):
    with pytest.raises(ConfigError, match=words):
        digits(**changes)


def test_validation_and_test_may_share_rows():
    assert digits(validation=[12, 18], test=[12, 18]).test == [12, 18]


@pytest.mark.parametrize("size", [[8], [8, 8, 8], [0, 8]])
def test_a_size_that_is_none_is_refused(size):
    with pytest.raises(ConfigError, match="size"):
        Folder(train=None, validation=None, test=None, path="p", size=size, colour="rgb")


def test_shapes_are_known_without_data():
    folder = {"train": None, "validation": None, "test": None, "path": "p", "size": [12, 16]}
    assert digits().image_shape() == (8, 8, 1)
    assert composed_shape("mnist_5k") == composed_shape("mnist") == composed_shape("fashion_mnist")
    assert composed_shape("cifar10") == (32, 32, 3)
    assert Folder(**folder, colour="rgb").image_shape() == (12, 16, 3)
    assert Folder(**folder, colour="grey").image_shape() == (12, 16, 1)
    assert Npz(train=None, validation=[], test=None, path="p", images="x", labels=None).image_shape() is None


def composed_shape(option: str) -> tuple[int, int, int] | None:
    return composed(option).image_shape()


def test_the_slices_of_article_a():
    rows = {"train": [0, 3000], "validation": [], "test": [3000, 3100]}
    assert Mnist(**rows, cache="c", download=False).train == [0, 3000]


def test_the_cache_follows_the_environment(monkeypatch):
    monkeypatch.setenv("DAE_LAB_CACHE", "elsewhere")
    assert composed("mnist").cache == "elsewhere"
    monkeypatch.delenv("DAE_LAB_CACHE")
    assert composed("mnist").cache == "~/.cache/dae_lab"
