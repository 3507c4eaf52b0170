"""The examples in docstrings are true."""

import doctest
import importlib
from pathlib import Path

import pytest

import dae_lab

HOME = Path(dae_lab.__file__).parent
MODULES = sorted(
    ".".join(("dae_lab", *file.relative_to(HOME).with_suffix("").parts))
    for file in HOME.rglob("*.py")
    if ">>>" in file.read_text()
)


@pytest.mark.parametrize("module", MODULES)
def test_they_are(module):
    assert doctest.testmod(importlib.import_module(module)).failed == 0
