"""Which changes of a source can change what it computes."""

from pathlib import Path

import pytest

import dae_lab
from dae_lab.meaning import meaning

SOURCE = '''
"""A module."""

import logging

log = logging.getLogger(__name__)
LIMIT = 0.5
"""Below this, nothing is done."""


def scale(values, factor=2, *, offset=(1, 2)):
    """Scale values."""
    if factor < 0:
        raise ValueError(f"factor must not be negative; got {factor}")
    assert values, "there are no values"
    log.info("scaled %d values by %s", len(values), factor)
    options = {"mode": "linear", "order": 1}
    return [factor * value + options["order"] for value in values if value > LIMIT]
'''


def changed(old: str, new: str) -> bool:
    """Whether the meaning changes where ``old`` is replaced by ``new``."""
    assert old in SOURCE
    return meaning(SOURCE.replace(old, new).encode()) != meaning(SOURCE.encode())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("LIMIT = 0.5", "# half\nLIMIT = 0.5  # of the range"),
        ("LIMIT = 0.5", "LIMIT = (\n    0.50\n)"),
        ('"""A module."""', '"""Another docstring."""'),
        ('    """Scale values."""\n', ""),
        ('"""Below this, nothing is done."""\n', ""),
        ('{"mode": "linear", "order": 1}', "{'mode': 'lin' 'ear', 'order': 1,}"),
        ('f"factor must not be negative; got {factor}"', '"choose a factor of at least 0"'),
        ("there are no values", "give values"),
        ("scaled %d values by %s", "%d values times %s"),
        ("factor * value", "(factor * value)"),
    ],
)
def test_what_only_people_read_changes_nothing(old, new):
    assert not changed(old, new)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("LIMIT = 0.5", "LIMIT = 0.25"),
        ("LIMIT = 0.5", "LIMIT = '0.5'"),
        ("factor * value", "factor - value"),
        ("value > LIMIT", "value >= LIMIT"),
        ("factor=2", "factor=3"),
        ("factor=2", "factor=2.0"),
        ("factor=2, *, offset", "factor=2, offset"),
        ('"mode"', '"kind"'),
        ('"linear"', '"cubic"'),
        ("ValueError", "TypeError"),
        ("    assert values,", "    assert factor,"),
        ("if factor < 0:", "if factor < 1:"),
        ('options["order"]', "1"),
        ("log.info", "logging.info"),
    ],
)
def test_what_computes_changes_it(old, new):
    assert changed(old, new)


def test_a_source_that_is_no_python_stands_for_itself():
    assert meaning(b"def") == b"def"
    assert meaning(b"def ") != meaning(b"def")


def test_every_file_of_the_package_has_a_meaning_of_its_own():
    files = [path.read_bytes() for path in Path(dae_lab.__file__).parent.rglob("*.py")]
    found = [meaning(content) for content in files]
    assert not set(found) & set(files)
    assert len({*found}) > 0.9 * len(found)  # rooms' __init__.py have none beside their docstring
