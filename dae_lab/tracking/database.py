"""The sqlite database of a store on this machine: made whole, checked, and opened."""

import logging
import os
import shutil
import sqlite3
import uuid
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, TypeVar

from dae_lab.errors import TrackingError
from dae_lab.process import deferred_signals
from dae_lab.tracking.gateway import Gateway

log = logging.getLogger(__name__)

T = TypeVar("T")

TABLES = {"alembic_version", "experiments", "runs"}
"""Tables that every database of MLflow has."""


def open_database(database: Path) -> Gateway:
    """Open the database of a store, or make a new one.

    Raises:
        TrackingError: the file is not a database of runs.
    """
    if not database.exists():
        if any(database.parent.glob("artifacts/*/*")):
            log.warning("%s is gone: a new one begins, which does not know the runs in artifacts/", database)
        _create(database)
    need_run_database(database)
    return Gateway(f"sqlite:///{database}", call_undisturbed)


def call_undisturbed(method: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    """Call a method of MLflow's client while Ctrl-C, SIGTERM and SIGHUP wait; a guard of the gateway.

    An exception in the middle of a transaction keeps its connection, and with it the database's lock, until
    it is handled: the run that it stops could not be closed.
    """
    with deferred_signals():
        return method(*args, **kwargs)


def _create(database: Path) -> None:
    """Make an empty database under another name first: one that is cut off half-made can never be opened."""
    unfinished = database.with_name(f"mlflow.db.unfinished-{uuid.uuid4().hex}")
    Gateway(f"sqlite:///{unfinished}", call_undisturbed)
    copy = Path(shutil.copyfile(unfinished, f"{unfinished}-copy"))
    copy.rename(database)  # MLflow keeps the other one open, which Windows then does not rename
    for leftover in database.parent.glob("mlflow.db.unfinished*"):
        with suppress(PermissionError):  # nor delete
            leftover.unlink()


def connect_existing(database: Path) -> sqlite3.Connection:
    """Open a database that exists.

    For writing, as SQLite refuses to read a database whose last writer was killed within a transaction, until
    somebody who may write has rolled that back.
    """
    return sqlite3.connect(f"{database.as_uri()}?mode=rw", uri=True)


def need_run_database(database: Path) -> None:
    """Raise a TrackingError unless the file is a database of runs; MLflow would fill an empty one."""
    for suffix in ("", "-journal", "-wal", "-shm"):  # sqlite waits for ever for a FIFO in place of one
        file = Path(f"{database}{suffix}")
        if not file.is_file() and (not suffix or os.path.lexists(file)):
            raise _opening_error(database, f"{file.name} is no file")
    if database.stat().st_size == 0:
        raise _opening_error(database, "it is empty")
    try:
        with closing(connect_existing(database)) as connection:
            tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    except sqlite3.Error as error:
        raise _opening_error(database, str(error)) from error
    if not tables >= TABLES:
        raise _opening_error(database, "it has no tables of runs")


def _opening_error(database: Path, reason: str) -> TrackingError:
    return TrackingError(
        f"{database}: the store of runs cannot be opened: {reason}; put a backup in its place, move it away "
        f"to begin a new store, or choose another tracking.dir"
    )
