"""A cache of measurements made on this machine: a JSON file each, named after all that it depends on."""

import hashlib
import json
import logging
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from dae_lab.files import replace_text
from dae_lab.tracking.checksums import DamagedError, dump_with_checksum, load_with_checksum

log = logging.getLogger(__name__)


def digest(key: Mapping[str, Any]) -> str:
    """Sixteen hex digits, equal for equal keys."""
    return hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:16]


def load(folder: Path, key: Mapping[str, Any]) -> Any:
    """The measurement of ``key``; None if there is none.

    A file that is damaged or of another key is removed, with a warning.
    """
    file = folder / f"{digest(key)}.json"
    if not os.path.lexists(file):
        return None
    try:
        content = load_with_checksum(file)
        if content.get("key") != key:
            raise DamagedError("it is another network's")
        return content.get("measurement")
    except DamagedError as error:
        discard(folder, key, error)
        return None


def discard(folder: Path, key: Mapping[str, Any], reason: Exception) -> None:
    """Remove the measurement of ``key``, with a warning."""
    file = folder / f"{digest(key)}.json"
    log.warning("%s: %s; it is measured again", file, reason)
    with suppress(OSError):  # it is a folder, or another user's
        file.unlink()


def keep(folder: Path, key: Mapping[str, Any], measurement: Any) -> None:
    """Write the ``measurement`` of ``key``, as JSON takes it; a warning where that cannot be done."""
    content = {"key": dict(key), "measurement": measurement}
    path = folder / f"{digest(key)}.json"
    try:
        replace_text(path, dump_with_checksum(content))
    except OSError as error:
        log.warning("%s cannot be written, so it is measured again next time: %s", path, error)
