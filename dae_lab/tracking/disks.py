"""Disks that are full, and folders that cannot be written: the store's, and that of temporary files."""

import errno
import shutil
from pathlib import Path
from tempfile import gettempdir

UNWRITABLE = (errno.ENOENT, errno.ENOTDIR, errno.EACCES, errno.EPERM, errno.EROFS, errno.EEXIST)

NO_SPACE = 1_000_000
"""Bytes: a disk with less left counts as full."""

GOES_ON = "the same command goes on from the last checkpoint, if there is one"


def disk_complaint(error: Exception, store: Path) -> str:
    """Which disk or folder has ended a run with ``error``, and what to do; empty where none has.

    Args:
        store: the store's folder.
    """
    if isinstance(error, shutil.SpecialFileError):  # a FIFO is in the way
        return f"tracking.dir: {error}; move it away, and {GOES_ON}"
    number = error.errno if isinstance(error, OSError) else None
    file = error.filename if isinstance(error, OSError) and isinstance(error.filename, str | Path) else ""
    try:
        temporary = Path(gettempdir())
    except FileNotFoundError as nowhere:
        return (
            f"TMPDIR: there is no folder for temporary files: {nowhere.strerror}; set TMPDIR, and {GOES_ON}"
        )
    of_store, of_temporary = (bool(file) and Path(file).is_relative_to(place) for place in (store, temporary))
    full = is_full(store), is_full(temporary)
    if number == errno.ENOSPC or any(full):
        if full == (False, True) or (not any(full) and of_temporary and not of_store):
            return f"TMPDIR: the disk of {temporary} is full; make room or choose another, and {GOES_ON}"
        return f"tracking.dir: the disk of {store} is full; make room, and {GOES_ON}"
    if number in UNWRITABLE and (of_store or of_temporary):
        key = "tracking.dir" if of_store else "TMPDIR"
        reason = error.strerror if isinstance(error, OSError) else ""
        return f"{key}: {file} cannot be written ({reason}); once it can, {GOES_ON}"
    return ""


def is_full(folder: Path) -> bool:
    """Whether the disk of ``folder`` has no room left."""
    try:
        return shutil.disk_usage(folder).free < NO_SPACE
    except OSError:  # it is gone
        return False
