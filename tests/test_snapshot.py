"""The code that runs is the code of the fingerprint, whatever happens to the files meanwhile."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from processes import finish, prepare, runs, trajectory

from dae_lab.provenance import PACKAGE

TINY = ("data=digits", "debug=smoke", "evaluation=scores", "tracking.log_model=false")


@pytest.fixture
def package(tmp_path) -> Path:
    """A copy of the package, in a checkout that tests may change."""
    checkout = tmp_path / "checkout"
    shutil.copytree(PACKAGE.parent / "conf", checkout / "conf")
    return shutil.copytree(PACKAGE, checkout / "dae_lab", ignore=shutil.ignore_patterns("__pycache__"))


def python(package: Path, code: str) -> str:
    """What ``code`` prints, in a process that uses the copy and keeps compiled files."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPATH"] = str(package.parent)
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        cwd=package.parent,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_a_module_imported_after_an_edit_is_as_it_was_before(package):
    code = f"""
import dae_lab, pathlib, shutil
shutil.rmtree({str(package)!r})
import dae_lab.seeds, dae_lab.parts.shapes
print(dae_lab.seeds.derive.__name__, dae_lab.seeds.__file__)
"""
    assert python(package, code) == f"derive {package / 'seeds.py'}"


def test_a_compiled_file_of_the_same_time_and_size_is_not_taken_for_another_source(package):
    file, code = package / "seeds.py", "import dae_lab.seeds as s; print(s.WHICH)"
    for which in (1, 2):
        file.write_text(f"WHICH = {which}\n")
        os.utime(file, (1e9, 1e9))
        assert python(package, code) == str(which)
    compiled = list((package / "__pycache__").glob("seeds.*.pyc"))
    before = [item.stat().st_mtime_ns for item in compiled]
    assert python(package, code) == "2"
    assert [item.stat().st_mtime_ns for item in compiled] == before != []  # it is used


def test_a_link_to_nothing_as_editors_make_them_is_no_source(package):
    (package / ".#seeds.py").symlink_to("somebody@somewhere.1234")
    assert python(package, "import dae_lab.seeds; print(1)") == "1"


def command(package: Path, store: Path) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", "dae_lab.run", *TINY, f"tracking.dir={prepare(store)}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(package.parent)},
        cwd=package.parent,
    )


@pytest.mark.long
def test_a_loss_edited_when_a_run_has_begun_changes_nothing(package, tmp_path):
    """The edit comes before TensorFlow, and losses.py, are imported, and is taken back at the end."""
    assert finish(command(package, tmp_path / "reference"))[0] == 0
    file = package / "losses.py"
    original = file.read_text()
    edited = command(package, tmp_path / "edited")
    while "to train" not in edited.stderr.readline():
        assert edited.poll() is None
    assert "tensorflow" not in Path(f"/proc/{edited.pid}/maps").read_text()
    file.write_text(original.replace("return reduce(", "return 2 * reduce("))
    assert file.read_text() != original
    time.sleep(0.1)
    assert finish(edited)[0] == 0
    file.write_text(original)
    (reference,), (changed,) = runs(tmp_path / "reference"), runs(tmp_path / "edited")
    assert changed.data.tags["fingerprint"] == reference.data.tags["fingerprint"]
    assert trajectory(tmp_path / "edited", changed) == trajectory(tmp_path / "reference", reference)
