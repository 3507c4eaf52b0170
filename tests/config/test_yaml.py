"""What conf/ promises its readers: every file says what it is, every key is there and explained."""

import re
from dataclasses import fields
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from dae_lab import optimizers
from dae_lab.config import run
from dae_lab.model import decoder
from dae_lab.parts.part import Part, find_part
from dae_lab.paths import conf_folder

CONF = conf_folder()
FILES = sorted(file.relative_to(CONF).as_posix() for file in CONF.rglob("*.yaml"))
OPTIONS = [file for file in FILES if not file.startswith(("hydra/", "experiment/", "debug/", "claim/"))]
WITHOUT_TARGET = {
    "config.yaml": run.Config,
    "training/default.yaml": run.Training,
    "training/fast.yaml": run.Training,
    "evaluation/default.yaml": run.Evaluation,
    "evaluation/scores.yaml": run.Evaluation,
    "evaluation/claims.yaml": run.Evaluation,
    "tracking/default.yaml": run.Tracking,
    "sweep/default.yaml": run.Sweep,
    "decoder/output/conv.yaml": decoder.ConvOutput,
    "decoder/output/conv_transpose.yaml": decoder.ConvOutput,
    "decoder/output/dense.yaml": decoder.DenseOutput,
    **{file: optimizers.Schedule for file in OPTIONS if file.startswith("optimizer/schedule/")},
}

GROUPS = {
    item.name: item.type
    for item in fields(run.Config)
    if isinstance(item.type, type) and issubclass(item.type, Part)
}
"""By group, the base of its parts."""


def schema_of(file: str) -> type:
    return WITHOUT_TARGET.get(file) or find_part(
        OmegaConf.load(CONF / file)._target_, GROUPS[file.partition("/")[0]], ()
    )


def names(schema: type) -> set[str]:
    return {item.name for item in fields(schema) if not item.name.startswith("_")}


def keys(file: Path) -> set[str]:
    """The keys a file fills, by a value of its own, by an option it includes, or by one it starts from."""
    tree = OmegaConf.to_container(OmegaConf.load(file))
    included = [entry if isinstance(entry, str) else next(iter(entry)) for entry in tree.get("defaults", [])]
    places = [re.split("[@.]", entry)[-1 if entry.count("@") == 0 else 1] for entry in included]
    started_from = [file.with_name(f"{entry}.yaml") for entry in included if entry == "default"]
    return {*tree, *places}.union(*map(keys, started_from))


@pytest.mark.parametrize("file", FILES)
def test_a_file_opens_by_saying_what_it_is(file):
    lines = [line for line in CONF.joinpath(file).read_text().splitlines() if "@package" not in line]
    assert re.match(r"# \S+ \S+", lines[0])


@pytest.mark.parametrize("file", OPTIONS)
def test_a_file_fills_every_field_of_its_schema(file):
    assert names(schema_of(file)) <= keys(CONF / file)


@pytest.mark.parametrize("file", [file for file in OPTIONS if file != "config.yaml"])
def test_every_value_has_a_comment(file):
    values = re.findall(r"^ *[a-z]\w*: *[^ #\n].*$", CONF.joinpath(file).read_text(), re.MULTILINE)
    assert [line for line in values if " # " not in line] == []
    assert bool(values) == bool(names(schema_of(file)) - {"weights", "terms"})


@pytest.mark.parametrize("file", OPTIONS)
def test_a_schema_holds_no_values(file):
    schema = schema_of(file)
    assert [name for name in names(schema) if not schema.__pydantic_fields__[name].is_required()] == []


@pytest.mark.parametrize("file", OPTIONS)
def test_every_key_is_described(file):
    schema = schema_of(file)
    assert [name for name in names(schema) if not schema.__pydantic_fields__[name].description] == []
