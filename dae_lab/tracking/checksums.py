"""JSON files that carry a checksum, so that a damaged one is not believed."""

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dae_lab.errors import TrackingError

CHECKSUM = "sha256"
"""The key that the checksum has in a file."""


class DamagedError(Exception):
    """A file is not what was written. The message says why."""


def dump_with_checksum(content: Mapping[str, Any]) -> str:
    """Return ``content`` as JSON, with its checksum."""
    return json.dumps({**content, CHECKSUM: _checksum(content)})


def load_with_checksum(file: Path) -> dict[str, Any]:
    """Return what ``dump_with_checksum`` was given; a file of an earlier version has no checksum.

    Raises:
        DamagedError: it is no regular file, cannot be read, or has other content.
    """
    try:
        content = json.loads(read_regular_file(file).decode())
    except (ValueError, RecursionError) as error:
        raise DamagedError("it is no JSON text") from error
    if not isinstance(content, dict):
        raise DamagedError("it holds no JSON object")
    checksum = content.pop(CHECKSUM, None)
    if checksum not in (None, _checksum(content)):
        raise DamagedError("it has changed since it was written")
    return content


def read_regular_file(file: Path) -> bytes:
    """Return the content of ``file``; a link is not followed, a FIFO not waited for.

    Raises:
        DamagedError: it is no regular file, or cannot be read.
    """
    if file.is_symlink():
        raise DamagedError("it is a symbolic link")
    if not file.is_file():
        raise DamagedError("it is no regular file" if file.exists() else "it is gone")
    try:
        return file.read_bytes()
    except OSError as error:
        raise DamagedError(f"it cannot be read: {error.strerror}") from error


def file_checksums(folder: Path) -> dict[str, str]:
    """Return the checksum of every file below ``folder``, by its path there.

    Raises:
        DamagedError: it is no folder, or something below it is neither a folder nor a regular file.
    """
    if folder.is_symlink() or not folder.is_dir():
        raise DamagedError(f"{folder} is no folder")
    found = {}
    for place, folders, files in os.walk(folder):
        for name in [*(name for name in folders if Path(place, name).is_symlink()), *files]:
            file = Path(place, name)
            try:
                found[file.relative_to(folder).as_posix()] = hashlib.sha256(
                    read_regular_file(file)
                ).hexdigest()
            except DamagedError as error:
                raise DamagedError(f"{file}: {error}") from error
    return found


def need_no_links(folder: Path) -> None:
    """Raise a TrackingError if ``folder``, which is to be uploaded, holds a link."""
    try:
        file_checksums(folder)
    except DamagedError as error:
        raise TrackingError(f"{error}: it is not uploaded; replace it by a copy or remove it") from error


def _checksum(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
