"""Full disks and folders that cannot be written: the store's, and that of temporary files."""

import errno
import shutil
from pathlib import Path
from tempfile import gettempdir

UNWRITABLE_ERRORS = (errno.ENOENT, errno.ENOTDIR, errno.EACCES, errno.EPERM, errno.EROFS, errno.EEXIST)

MIN_FREE = 1_000_000
"""Bytes: a disk with less left counts as full."""

RESUMPTION = "the same command goes on from the last checkpoint, if there is one"


def describe_disk_error(error: Exception, store: Path) -> str:
    """Say which disk or folder has ended a run with ``error``, and what to do; empty if none has.

    Args:
        store: the store's folder.
    """
    if isinstance(error, shutil.SpecialFileError):  # a FIFO is in the way
        return f"tracking.dir: {error}; move it away, and {RESUMPTION}"
    number = error.errno if isinstance(error, OSError) else None
    file = error.filename if isinstance(error, OSError) and isinstance(error.filename, str | Path) else ""
    try:
        temporary = Path(gettempdir())
    except FileNotFoundError as missing:
        complaint = f"there is no folder for temporary files: {missing.strerror}"
        return f"TMPDIR: {complaint}; set TMPDIR, and {RESUMPTION}"
    in_store, in_temporary = (bool(file) and Path(file).is_relative_to(place) for place in (store, temporary))
    full = is_full(store), is_full(temporary)
    if number == errno.ENOSPC or any(full):
        if full == (False, True) or (not any(full) and in_temporary and not in_store):
            return f"TMPDIR: the disk of {temporary} is full; make room or choose another, and {RESUMPTION}"
        return f"tracking.dir: the disk of {store} is full; make room, and {RESUMPTION}"
    if number in UNWRITABLE_ERRORS and (in_store or in_temporary):
        key = "tracking.dir" if in_store else "TMPDIR"
        reason = error.strerror if isinstance(error, OSError) else ""
        return f"{key}: {file} cannot be written ({reason}); once it can, {RESUMPTION}"
    return ""


def is_full(folder: Path) -> bool:
    """Whether the disk of ``folder`` has no room left."""
    try:
        return shutil.disk_usage(folder).free < MIN_FREE
    except OSError:  # it is gone
        return False
