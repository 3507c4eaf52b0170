"""Files of folders that others may write to: what is no regular file is never opened."""

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
        raise OSError(f"{file} is no regular file")


def is_in_the_way(path: Path) -> bool:
    """Whether something is at ``path`` that is no regular file: a folder, a link, a FIFO."""
    return path.is_symlink() or (path.exists() and not path.is_file())


def set_aside(path: Path, what: str) -> bool:
    """Rename what is at ``path`` if it is no regular file; gives whether it was none.

    Args:
        what: it is called in the warning.
    """
    if not is_in_the_way(path):
        return False
    aside = path.with_name(f"{path.name}.damaged-{uuid.uuid4().hex[:8]}")
    with suppress(FileNotFoundError):  # another process was faster
        path.rename(aside)
        log.warning("%s %s was no regular file: it is now %s", what, path, aside.name)
    return True


def open_lock(path: Path, timeout: float = -1) -> FileLock:
    """The lock ``path``, to be acquired.

    A lock is a regular file. Anything else at its place (a folder, a link, a FIFO) is renamed, never opened:
    opening it could empty the file that a link points to.

    Args:
        timeout: seconds that acquiring waits; negative: as long as it takes.
    """
    if not set_aside(path, "the lock") and path.exists() and not os.access(path, os.R_OK | os.W_OK):
        with suppress(OSError):  # it belongs to another user, whose process may hold it
            path.chmod(stat.S_IRUSR | stat.S_IWUSR)
    return FileLock(path, timeout=timeout)


def replace_file(path: Path, fill: Callable[[BinaryIO], object]) -> None:
    """Write a file whole or not at all: beside its place first, then moved into it.

    Args:
        path: the file; its folder is made where it is missing.
        fill: called with the file opened for bytes.

    Raises:
        OSError: the disk is full, or the folder is not ours to write.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{uuid.uuid4().hex}")  # no two processes share a name
    try:
        with partial.open("xb") as file:
            fill(file)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def replace_text(path: Path, content: str) -> None:
    """Write a text file, as UTF-8, whole or not at all; a link in its place is replaced, not followed."""
    replace_file(path, lambda file: file.write(content.encode()))
