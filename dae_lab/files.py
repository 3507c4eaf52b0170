"""Files of folders that others may write to: only regular files are opened, and files are written whole."""

import errno
import logging
import os
import stat
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from filelock import FileLock

log = logging.getLogger(__name__)


def need_regular(file: Path) -> None:
    """Raise an OSError unless ``file`` is a regular file: to open a FIFO would wait for ever.

    Raises:
        FileNotFoundError: there is none.
    """
    if not stat.S_ISREG(file.stat().st_mode):
        raise OSError(errno.EINVAL, "not a regular file", str(file))


def is_irregular(path: Path) -> bool:
    """Whether something is at ``path`` that is no regular file: a folder, a link, a FIFO."""
    return path.is_symlink() or (path.exists() and not path.is_file())


def move_irregular(path: Path, title: str) -> bool:
    """Rename what is at ``path`` if it is no regular file; return whether it was none.

    Args:
        title: what the warning calls it.
    """
    if not is_irregular(path):
        return False
    new = path.with_name(f"{path.name}.damaged-{uuid.uuid4().hex[:8]}")
    with suppress(FileNotFoundError):  # another process was faster
        path.rename(new)
        log.warning("%s %s was no regular file: it is now %s", title, path, new.name)
    return True


def open_lock(path: Path, timeout: float = -1) -> FileLock:
    """Return the lock ``path``, to be acquired.

    A lock is a regular file. Anything else at its place (a folder, a link, a FIFO) is renamed, never opened:
    opening it could empty the file that a link points to.

    Args:
        timeout: seconds that acquiring waits; negative: as long as it takes.
    """
    if not move_irregular(path, "the lock") and path.exists() and not os.access(path, os.R_OK | os.W_OK):
        with suppress(OSError):  # it belongs to another user, whose process may hold it
            path.chmod(stat.S_IRUSR | stat.S_IWUSR)
    return FileLock(path, timeout=timeout)


def replace_file(path: Path, fill: Callable[[BinaryIO], object], sync: bool = False) -> None:
    """Write a file whole or not at all: beside its place first, then moved into it.

    Args:
        path: the file; its folder is made where it is missing. A link there is replaced, not followed.
        fill: called with the file opened for bytes.
        sync: wait until the content is on the disk, so that it survives a power failure.

    Raises:
        OSError: the disk is full, or the folder cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{uuid.uuid4().hex}")  # no two processes share a name
    try:
        with partial.open("xb") as file:
            fill(file)
            if sync:
                file.flush()
                os.fsync(file.fileno())
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def replace_text(path: Path, content: str, sync: bool = False) -> None:
    """Write a text file, as UTF-8, whole or not at all; see ``replace_file``."""
    replace_file(path, lambda file: file.write(content.encode()), sync)
