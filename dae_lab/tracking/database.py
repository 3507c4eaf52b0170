"""The sqlite database of a store, whose every question and write is done, once it has begun."""

import os
import sqlite3
from contextlib import closing
from functools import wraps
from pathlib import Path
from types import MethodType
from typing import Any

from mlflow.tracking import MlflowClient

from dae_lab.errors import TrackingError
from dae_lab.process import deferred_signals

TABLES = {"alembic_version", "experiments", "runs"}
"""Tables that every database of MLflow has."""


def need_intact(database: Path) -> None:
    """Raise a TrackingError unless the file ``database`` is one of runs; MLflow would fill an empty one."""
    for suffix in ("", "-journal", "-wal", "-shm"):  # sqlite waits for ever for a FIFO in place of one
        file = Path(f"{database}{suffix}")
        if not file.is_file() and (not suffix or os.path.lexists(file)):
            raise TrackingError(_complaint(database, f"{file.name} is no file"))
    if database.stat().st_size == 0:
        raise TrackingError(_complaint(database, "it is empty"))
    try:
        with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as connection:
            found = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    except sqlite3.Error as error:
        raise TrackingError(_complaint(database, str(error))) from error
    if not found >= TABLES:
        raise TrackingError(_complaint(database, "it has no tables of runs"))


def _complaint(database: Path, why: str) -> str:
    return (
        f"{database}: the store of runs cannot be opened: {why}; put a backup in its place, move it away to "
        f"begin a new store, or choose another tracking.dir"
    )


class DatabaseClient(MlflowClient):
    """MLflow's client of a sqlite database, in whose calls Ctrl-C, SIGTERM and SIGHUP are heard at their end.

    An exception in the middle of a transaction keeps its connection, and with it the database's lock, for as
    long as it is on its way: the run that it stops could not be closed.
    """

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        if name.startswith("_") or not isinstance(found, MethodType):
            return found

        @wraps(found)
        def undivided(*args: Any, **kwargs: Any) -> Any:
            with deferred_signals():
                return found(*args, **kwargs)

        return undivided
