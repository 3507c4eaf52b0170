"""Lock files of a store, and which names records may give to its files and folders."""

import re
from contextlib import suppress
from pathlib import Path

from filelock import BaseFileLock

RUN_ID = re.compile(r"[0-9A-Za-z_-]{1,64}")
"""Ids of runs, which name folders of checkpoints and spools. MLflow makes 32 hex digits."""

LOCK_NAME = re.compile(r"[0-9a-f]{32}")
"""Names of the locks of runs."""

SUMMARY_LOCKS = ("sweeps", "claims")
"""Locks that are held while the summary run of a sweep or a claim is written."""


def is_run_id(name: object) -> bool:
    """Whether ``name``, which a record or a server gives, may be used as the name of a run's folder."""
    return isinstance(name, str) and RUN_ID.fullmatch(name) is not None


def is_lock_name(name: object) -> bool:
    """Whether ``name``, which a record or a server gives, may be used as the name of a run's lock file."""
    return isinstance(name, str) and LOCK_NAME.fullmatch(name) is not None


def remove_lock(lock: BaseFileLock) -> None:
    """Release ``lock`` and delete its file: the run will not be resumed.

    The file is deleted while the lock is held, so that nobody takes the lock in between. Windows deletes no
    open file, so there it is released first; who has opened it by then keeps it.
    """
    try:
        Path(lock.lock_file).unlink(missing_ok=True)
    except PermissionError:
        lock.release(force=True)
        with suppress(OSError):
            Path(lock.lock_file).unlink(missing_ok=True)
    lock.release(force=True)
