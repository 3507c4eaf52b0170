"""The schemas of the data group: what they refuse, and that YAML, schema and loader agree."""

import inspect
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from hydra.errors import ConfigCompositionException
from hydra.utils import get_method
from omegaconf import OmegaConf

from dae_lab.config.construct import construct
from dae_lab.config.data import SCHEMAS, Data, Digits, Folder, Mnist, Npz
from dae_lab.config.typed import typed
from dae_lab.errors import ConfigError

CONF = Path(__file__).parents[2] / "conf"


def composed(option: str, *overrides: str) -> Data:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        plain = OmegaConf.to_container(compose(overrides=[f"+data={option}", *overrides]).data, resolve=True)
    return typed(plain, Data, "data")


def digits(**changes: Any) -> Digits:
    slices: dict[str, Any] = {"train": [0, 10], "validation": [10, 15], "test": [15, 20]}
    return Digits(**{**slices, **changes})


def test_every_option_has_a_schema():
    assert {file.stem for file in CONF.joinpath("data").glob("*.yaml")} == set(SCHEMAS)


@pytest.mark.parametrize("option", SCHEMAS)
def test_yaml_schema_and_loader_agree(option):
    needed = ["data.path=somewhere"] if option in ("folder", "npz") else []
    schema = composed(option, *needed)
    assert type(schema) is SCHEMAS[option]
    parameters = set(inspect.signature(get_method(schema._target_)).parameters)
    assert parameters == {item.name for item in fields(schema)} - {"_target_"}


@pytest.mark.parametrize("option", SCHEMAS)
def test_yaml_comments_every_key(option):
    lines = CONF.joinpath("data", f"{option}.yaml").read_text().splitlines()
    keys = [line for line in lines if line and not line.startswith(("#", "_target_"))]
    assert lines[0].startswith("# ")
    assert all(" # " in line for line in keys)


def test_hydra_instantiates_an_option():
    dataset = construct(composed("digits", "data.validation=[]", "data.test=[1500,1510]"))
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
        ({"train": [-5, 10]}, "train must be at least 0; got -5"),
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
