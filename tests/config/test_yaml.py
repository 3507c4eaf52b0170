"""What conf/ promises its readers: every file says what it is, every key is explained."""

import re
from dataclasses import fields
from pathlib import Path

import pytest
from hydra.core.config_store import ConfigStore
from omegaconf import MISSING, OmegaConf

from dae_lab.config.places import conf_folder, register

CONF = conf_folder()
FILES = sorted(str(file.relative_to(CONF)) for file in CONF.rglob("*.yaml"))
SCHEMA = re.compile(r"^  - /schema/?(\S*)@_here_: (\w+)", re.MULTILINE)
WITH_SCHEMA = [file for file in FILES if SCHEMA.search(CONF.joinpath(file).read_text())]


def schema_of(file: str) -> type:
    register()
    group, name = SCHEMA.search(CONF.joinpath(file).read_text()).groups()
    folder = f"schema/{group}" if group else "schema"
    return OmegaConf.get_type(ConfigStore.instance().load(f"{folder}/{name}.yaml").node)


def keys_of(file: Path) -> set[str]:
    """The keys a file fills, by a value of its own or by an option it includes."""
    tree = OmegaConf.to_container(OmegaConf.load(file))
    keys = set(tree) - {"defaults", "hydra"}
    for entry in tree["defaults"]:
        if isinstance(entry, str):
            keys |= {entry.split("@")[1].split(".")[0]} if "@" in entry else set()
        elif not next(iter(entry)).startswith(("/", "override ")):
            keys.add(next(iter(entry)).rpartition("@")[2].split(".")[0])
    return keys


@pytest.mark.parametrize("file", FILES)
def test_a_file_opens_by_saying_what_it_is(file):
    lines = [line for line in CONF.joinpath(file).read_text().splitlines() if "@package" not in line]
    assert re.match(r"# \S+ \S+", lines[0])


def test_every_group_has_options_with_schemas():
    groups = {Path(file).parent.as_posix() for file in FILES}
    free = {group for group in groups if group.startswith(("hydra", "experiment", "debug"))}
    assert {Path(file).parent.as_posix() for file in WITH_SCHEMA} == groups - free


@pytest.mark.parametrize("file", WITH_SCHEMA)
def test_a_file_fills_every_field_of_its_schema(file):
    wanted = {item.name for item in fields(schema_of(file)) if not item.name.startswith("_")}
    assert wanted <= keys_of(CONF / file)


@pytest.mark.parametrize("file", [file for file in WITH_SCHEMA if file != "config.yaml"])
def test_every_value_has_a_comment(file):
    _, _, body = CONF.joinpath(file).read_text().partition("  - _self_\n")
    values = [line for line in body.splitlines() if re.match(r"\s*\w+: *[^ #]", line)]
    assert [line for line in values if " # " not in line] == []


@pytest.mark.parametrize("file", WITH_SCHEMA)
def test_a_schema_holds_no_values(file):
    values = {item.name: item.default for item in fields(schema_of(file)) if not item.name.startswith("_")}
    assert set(values.values()) <= {MISSING}
