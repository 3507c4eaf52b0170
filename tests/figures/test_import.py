"""A person's settings of matplotlib neither end the import of the figures nor change them."""

import os
import subprocess
import sys

import pytest

DRAW = """
import hashlib, sys
from dae_lab.figures import bars
print(hashlib.sha256(bars.baselines(["a", "b"], [1, 2], 1, (1, 1)).tobytes()).hexdigest())
assert "matplotlib.pyplot" not in sys.modules
"""
RC = "font.size: 40\naxes.facecolor: black\nbackend: nonsense\nnonsense: 3\nno colon\ntext.usetex: True\n"


def drawn(**environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", DRAW],
        env={name: text for name, text in os.environ.items() if not name.startswith("MPL")} | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.fixture(scope="module")
def plain() -> str:
    return drawn()


@pytest.mark.parametrize("backend", ["module://matplotlib_inline.backend_inline", "nonsense", "qtagg", ""])
def test_the_backend_of_a_person_is_not_used(plain, backend):
    assert drawn(MPLBACKEND=backend) == plain


@pytest.mark.parametrize("settings", [RC.encode(), b"\xff\xfe is not UTF-8"])
def test_the_settings_of_a_person_are_not_used(plain, tmp_path, settings):
    (tmp_path / "matplotlibrc").write_bytes(settings)
    assert drawn(MATPLOTLIBRC=str(tmp_path)) == plain


def test_folders_that_cannot_be_written_are_not_needed(plain, tmp_path):
    file = tmp_path / "file"
    file.touch()
    assert drawn(MPLCONFIGDIR=str(file / "config"), HOME=str(file / "home")) == plain
