"""Lock files of runs."""

from contextlib import suppress
from pathlib import Path

from filelock import BaseFileLock


def remove_lock(lock: BaseFileLock) -> None:
    """Release ``lock`` and delete its file: the run will not be taken up again.

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
