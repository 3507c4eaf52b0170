"""Which disk is full is said: the store's, or that of temporary files. A small disk in memory is filled."""

import os
import subprocess
import tempfile
from pathlib import Path

import pytest

from dae_lab.errors import TrackingError
from dae_lab.tracking.store import RunStore


@pytest.fixture
def small_disk(tmp_path_factory):
    """A disk of 3 MB."""
    folder = tmp_path_factory.mktemp("disk")
    command = ["mount", "-t", "tmpfs", "-o", "size=3m", "none", str(folder)]
    try:
        done = subprocess.run(command, capture_output=True).returncode
    except FileNotFoundError:
        done = 1
    if done:
        pytest.skip("only root may mount a disk, on Linux")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(folder):
    with open(folder / "rest", "wb") as file:
        for _ in range(100):
            file.write(bytes(1 << 16))
            file.flush()


def write_until_full(record, folder):
    with pytest.raises(OSError, match="space"):
        fill(folder)
    record.log_text("x" * 100_000, "text.txt")


def test_a_full_disk_of_temporary_files_is_named(tracking, small_disk, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(small_disk))
    with (
        pytest.raises(TrackingError, match=f"TMPDIR: the disk of {small_disk} is full"),
        RunStore(tracking).open_run("a run", "f" * 64, {}) as record,
    ):
        write_until_full(record, small_disk)
    (small_disk / "rest").unlink()
    with RunStore(tracking).open_run("a run", "f" * 64, {}) as record:
        record.log_text("x" * 100_000, "text.txt")


def test_a_full_disk_of_the_store_is_named(compose, tmp_path, small_disk):
    tracking = compose(f"tracking.dir={small_disk}").tracking
    with (
        pytest.raises(TrackingError, match=f"tracking.dir: the disk of {small_disk} is full"),
        RunStore(tracking).open_run("a run", "f" * 64, {}) as record,
    ):
        write_until_full(record, small_disk)


def test_a_lost_folder_of_temporary_files_is_named(tracking, tmp_path_factory, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path_factory.mktemp("temporary") / "gone"))
    with (
        pytest.raises(TrackingError, match=r"TMPDIR: .*gone.* cannot be written"),
        RunStore(tracking).open_run("a run", "f" * 64, {}) as record,
    ):
        record.log_text("x", "text.txt")


def test_a_fifo_in_place_of_an_artifact_is_named(tracking):
    with (
        pytest.raises(TrackingError, match=r"tracking\.dir: .*text\.txt.* is a named pipe; move it away"),
        RunStore(tracking).open_run("a run", "f" * 64, {}) as record,
    ):
        write_over_a_fifo(record)


def write_over_a_fifo(record):
    file = Path(record.locate_artifact("text.txt"))
    file.parent.mkdir(parents=True)
    os.mkfifo(file)
    record.log_text("x", "text.txt")
