"""``make run`` on other machines: which Python it takes, and what it says where there is none."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[1]
VERSIONS = ("3.11", "3.12", "3.13")

PYTHON = """#!/bin/sh
# answers as Python VERSION; makes an environment that is a copy of itself
case "$1" in
    -m) mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
    -) cat >"$0.code"; set -- -c "$(cat "$0.code")"; rm "$0.code" ;;
esac
[ "$1" = -m ] || exec REAL -c 'import sys; sys.version_info = TUPLE; MISSING; exec(sys.argv[1])' "$2"
"""

UV = '#!/bin/sh\nmkdir -p .venv/bin\ncp "$(dirname "$0")/hidden" .venv/bin/python\n'


class Machine:
    """A checkout's Makefile, and a PATH with what is put there."""

    def __init__(self, folder: Path) -> None:
        self.checkout, self.bin = folder / "checkout", folder / "bin"
        self.checkout.mkdir()
        self.bin.mkdir()
        shutil.copytree(CHECKOUT / ".ci", self.checkout / ".ci")
        shutil.copy(CHECKOUT / "Makefile", self.checkout)
        for program in ("sh", "make", "cat", "rm", "cp", "mkdir", "dirname", "awk"):
            (self.bin / program).symlink_to(shutil.which(program))

    def install(self, name: str, text: str) -> None:
        (self.bin / name).write_text(text, encoding="utf-8")
        (self.bin / name).chmod(0o755)

    def install_python(self, name: str, version: str, missing: str = "") -> None:
        """missing: a module that cannot be imported."""
        hidden = f'sys.modules["{missing}"] = None' if missing else "pass"
        text = PYTHON.replace("VERSION", version).replace("MISSING", hidden).replace("REAL", sys.executable)
        self.install(name, text.replace("TUPLE", f"({version.replace('.', ', ')}, 0)"))

    def make(self, *arguments: str) -> subprocess.CompletedProcess:
        environment = {name: value for name, value in os.environ.items() if name != "PYTHON"}
        return subprocess.run(
            [self.bin / "make", *arguments],
            cwd=self.checkout,
            env={**environment, "PATH": str(self.bin), "MAKEFLAGS": ""},
            capture_output=True,
            text=True,
            check=False,
        )

    def taken(self, *arguments: str) -> str:
        """The version of Python that ``.venv`` is made with."""
        done = self.make("python", *arguments)
        assert done.returncode == 0, done.stderr
        text = (self.checkout / ".venv" / "bin" / "python").read_text(encoding="utf-8")
        return re.search(r"answers as Python (\S+);", text).group(1)

    def refusal(self, *arguments: str) -> str:
        """What is said where nothing fits; nothing is left behind."""
        there = (self.checkout / ".venv").exists()
        done = self.make("python", *arguments)
        assert done.returncode != 0
        assert (self.checkout / ".venv").exists() == there
        (line,) = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
        assert "Traceback" not in done.stderr
        return line


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


def test_a_python3_that_fits_is_taken_first(machine):
    machine.install_python("python3", "3.11")
    machine.install_python("python3.13", "3.13")
    assert machine.taken() == "3.11"


@pytest.mark.parametrize("other", ["3.14", "3.10"])
def test_the_newest_that_fits_is_taken_where_python3_does_not(machine, other):
    machine.install_python("python3", other)
    machine.install_python("python3.11", "3.11")
    machine.install_python("python3.12", "3.12")
    machine.install("python3.13", "#!/bin/sh\nexit 127\n")  # as a version manager's that is switched off
    assert machine.taken() == "3.12"


def test_one_without_venv_is_passed_over(machine):
    machine.install_python("python3", "3.12", missing="ensurepip")
    machine.install_python("python3.11", "3.11")
    assert machine.taken() == "3.11"


def test_uv_is_asked_last(machine):
    machine.install_python("python3", "3.14")
    machine.install_python("hidden", "3.13")
    machine.install("uv", UV)
    assert machine.taken() == "3.13"


def test_the_one_that_is_named_is_taken_or_refused(machine):
    machine.install_python("python3", "3.13")
    machine.install_python("python3.14", "3.14")
    machine.install_python("mine", "3.12")
    assert "3.14" in machine.refusal("PYTHON=python3.14")
    assert "nowhere" in machine.refusal("PYTHON=nowhere")
    assert machine.taken("PYTHON=mine") == "3.12"


def test_where_none_fits_a_sentence_says_what_to_install(machine):
    assert "no python3" in machine.refusal()
    machine.install_python("python3", "3.14")
    line = machine.refusal()
    assert all(version in line for version in (*VERSIONS, "3.14"))
    machine.install_python("python3", "3.12", missing="ensurepip")
    assert "apt install python3.12-venv" in machine.refusal()


def test_an_environment_of_another_python_is_noticed(machine):
    machine.install_python("python3", "3.13")
    machine.taken()
    machine.install_python("python3.12", "3.12")
    assert "make clean" in machine.refusal("PYTHON=python3.12")
    text = (machine.bin / "python3").read_text(encoding="utf-8").replace("(3, 13", "(3, 14")
    (machine.checkout / ".venv" / "bin" / "python").write_text(text, encoding="utf-8")
    assert "make clean" in machine.refusal()
    (machine.checkout / ".venv" / "bin" / "python").unlink()  # its Python was uninstalled
    assert "make clean" in machine.refusal()


def test_an_environment_that_cannot_be_made_leaves_nothing(machine):
    machine.install_python("python3", "3.13")
    text = (machine.bin / "python3").read_text(encoding="utf-8")
    machine.install("python3", text.replace('"$3/bin/python" ;;', '"$3/bin/python"; exit 1 ;;'))
    assert "python3 -m venv" in machine.refusal()


def test_help_lists_the_targets_with_any_awk(machine):
    shown = machine.make("help").stdout
    assert {"run", "test", "ui", "check-lock"} <= set(re.findall(r"^  make ([a-z-]+) ", shown, re.MULTILINE))


def test_the_versions_are_the_same_wherever_they_are_named():
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["requires-python"] == ">=3.11,<3.14"
    for file in (".ci/venv.sh", ".ci/check-lock.sh", "README.md"):
        text = (CHECKOUT / file).read_text(encoding="utf-8")
        assert "3.11" in text
        assert "3.13" in text
