"""The database of runs, cut and stopped at the worst of moments."""

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from threading import Timer

import pytest
from processes import status

from dae_lab.errors import TrackingError
from dae_lab.tracking.store import RunStore


def test_a_database_that_was_cut_as_it_was_made_is_made_anew(compose, tmp_path):
    (tmp_path / "mlflow.db.unfinished").write_bytes(b"half a table")
    store = RunStore(compose(f"tracking.dir={tmp_path}").tracking)
    with store.open_run("a run", "f" * 64, {}):
        pass
    assert status(store) == ["FINISHED"]
    assert not list(tmp_path.glob("*.unfinished*"))


DIE_IN_A_TRANSACTION = """
import os, signal, sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
connection.execute("PRAGMA cache_size = 1")  # changed pages go to the file at once, and not at the end
connection.execute("BEGIN IMMEDIATE")
keys = [(str(number) * 200,) for number in range(99)]
connection.executemany("INSERT INTO tags SELECT ?, 'x', run_uuid FROM runs", keys)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_a_transaction_that_was_killed_is_rolled_back(tracking):
    """SQLite does not open what is left of it for reading alone."""
    store = RunStore(tracking)
    with store.open_run("a run", "f" * 64, {}):
        pass
    database = store.folder / "mlflow.db"
    subprocess.run([sys.executable, "-c", DIE_IN_A_TRANSACTION, str(database)], check=False)
    assert Path(f"{database}-journal").stat().st_size > 0
    assert status(RunStore(tracking)) == ["FINISHED"]
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("SELECT count(*) FROM tags WHERE key LIKE '0%'").fetchall() == [(0,)]


@pytest.fixture
def hears_ctrl_c():
    """Ctrl-C is an exception even where the tests were started deaf to it, as in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def until_ctrl_c(seconds, gateway, run_id):
    Timer(seconds, os.kill, (os.getpid(), signal.SIGINT)).start()
    while True:
        gateway.log_batch(run_id, [("value", 1.0, 1, 0)], {}, {})
        gateway.read_run(run_id)


def test_ctrl_c_at_any_moment_leaves_the_database_usable(tracking, hears_ctrl_c):
    """As long as an exception from within a transaction is on its way, sqlite's lock is held."""
    store = RunStore(tracking)
    run_id = store.gateway.create_run(store.experiment_id, "a run", {}).run_id
    for moment in range(20):
        with pytest.raises(KeyboardInterrupt):
            until_ctrl_c(0.002 + 0.001 * moment, store.gateway, run_id)
        store.gateway.end_run(run_id, "KILLED")


def test_a_run_that_is_stopped_while_it_is_created_is_closed(tracking, hears_ctrl_c, monkeypatch):
    store = RunStore(tracking)
    create = store.gateway.create_run

    def create_run(*args, **kwargs):
        signal.raise_signal(signal.SIGINT)
        return create(*args, **kwargs)

    monkeypatch.setattr(store.gateway, "create_run", create_run)
    with pytest.raises(KeyboardInterrupt), store.open_run("a run", "f" * 64, {}):
        raise AssertionError("it was stopped before this")
    assert status(store) == ["KILLED"]


@pytest.mark.parametrize("content", [b"", b"SQLite format 3\0", "another", "folder", "FIFO"])
def test_what_is_no_database_of_runs_does_not_become_a_new_store(tracking, content):
    """Artifacts of earlier runs lie beside it, which a new store would not know."""
    file = Path(tracking.dir) / "mlflow.db"
    file.unlink()
    if content == "another":
        with closing(sqlite3.connect(file)) as connection:
            connection.execute("CREATE TABLE photographs (name TEXT)")
    elif content == "folder":
        file.mkdir()
    elif content == "FIFO":
        os.mkfifo(file)
    else:
        file.write_bytes(content)
    before = file.read_bytes() if file.is_file() else None
    with pytest.raises(TrackingError, match=r"mlflow\.db: the store of runs cannot be opened: .*backup"):
        RunStore(tracking)
    assert before is None or file.read_bytes() == before


@pytest.mark.parametrize("suffix", ["-journal", "-wal", "-shm"])
@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo])
@pytest.mark.parametrize("gone", [True, False])
def test_what_is_no_file_beside_the_database_is_named(tracking, suffix, make, gone):
    """Sqlite would wait for ever for a FIFO."""
    make(Path(tracking.dir) / f"mlflow.db{suffix}")
    if gone:
        (Path(tracking.dir) / "mlflow.db").unlink()
    with pytest.raises(TrackingError, match=rf"mlflow\.db{suffix} is no file"):
        RunStore(tracking)


def test_a_database_that_is_gone_is_said(tracking, caplog):
    with RunStore(tracking).open_run("a run", "f" * 64, {}) as record:
        record.log_text("x", "text.txt")
    (Path(tracking.dir) / "mlflow.db").unlink()
    RunStore(tracking)
    assert "mlflow.db is gone" in caplog.text
