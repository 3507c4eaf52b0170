"""Writing a cache: whole or not at all, whatever happens meanwhile."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from dae_lab import files
from dae_lab.data import locations

HANG = """
import sys, time
from pathlib import Path
from dae_lab import files
def fill(file):
    file.write(b"half"); file.flush(); print("writing", flush=True); time.sleep(60)
files.replace_file(Path(sys.argv[1]), fill)
"""


def test_a_failed_write_leaves_what_was_there(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def fail(file):
        file.write(b"half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        files.replace_file(path, fail)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_killed_write_leaves_what_was_there(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with subprocess.Popen([sys.executable, "-c", HANG, str(path)], stdout=subprocess.PIPE) as writer:
        assert writer.stdout.readline() == b"writing\n"
        writer.kill()
    assert path.read_bytes() == b"old"


def test_many_writers_leave_one_whole_file(tmp_path):
    path = tmp_path / "new" / "file"
    contents = [bytes([i]) * 100_000 for i in range(20)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda data: files.replace_file(path, lambda file: file.write(data)), contents))
    assert path.read_bytes() in contents
    assert list(path.parent.iterdir()) == [path]


def test_what_cannot_be_kept_is_a_warning(tmp_path, caplog):
    (tmp_path / "file").write_bytes(b"in the way of a folder")
    locations.keep(tmp_path / "file" / "inside", lambda file: file.write(b"x"))
    assert "cannot be kept" in caplog.text
