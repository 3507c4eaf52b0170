"""The help page knows every group and option, and what it tells people to type is accepted."""

import re

import pytest

from dae_lab.help import GROUPS, help_text
from dae_lab.paths import conf_folder

EXAMPLES = re.findall(r"^  python -m dae_lab\.run(.*?)(?:  +\S.*)?$", help_text(), re.MULTILINE)


def test_every_group_and_option_is_listed():
    conf = conf_folder()
    groups = {file.parent.relative_to(conf).as_posix() for file in conf.rglob("*/*.yaml")}
    shown = {group for group in groups if not group.endswith("_logging")}
    assert set(GROUPS) == shown
    page = help_text()
    for group in GROUPS:
        listed = page.partition(f"\n  {group:<19} ")[2].partition("\n  ")[2]
        for file in conf.joinpath(group).glob("*.yaml"):
            assert re.search(rf"\b{file.stem}\b", listed), f"{group}={file.stem}"


def test_lines_fit_a_terminal():
    folders = (str(conf_folder()), "MLflow")
    assert all(len(line) <= 110 for line in help_text().splitlines() if not any(f in line for f in folders))


def test_there_are_examples():
    assert len(EXAMPLES) >= 5


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_is_accepted(compose, example):
    overrides = [
        word.split(",")[0] for word in example.split() if "=" in word and not word.startswith(("-", "claim="))
    ]
    compose(*overrides)
