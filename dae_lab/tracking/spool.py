"""Writes that a server could not take: kept on disk, in order, until it can."""

import logging
import os
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from dae_lab.addresses import printable_address
from dae_lab.config.server import is_server
from dae_lab.files import replace_file, replace_text
from dae_lab.tracking.checksums import (
    DamagedError,
    dump_with_checksum,
    file_checksums,
    load_with_checksum,
)
from dae_lab.tracking.locks import SUMMARY_LOCKS, is_lock_name
from dae_lab.tracking.writes import Batch, Status, Write, parse_write

log = logging.getLogger(__name__)

SpoolDescription = Mapping[str, Any]
"""Whose spool it is: the server's ``uri``, the run's ``lock`` and ``name``; ``known`` once it has ended."""

FILES = "files sha256"
"""The key of the checksums of a write's files."""

DAMAGED = ".damaged"
"""What the name of a folder ends with that takes damaged writes."""


class Spool:
    """A folder of one run's writes.

    ``<number>.json`` is a write, the folder ``<number>`` holds its files; a write is there whole or not
    at all, and is deleted when it has been delivered. ``run.json`` describes the run. Only the holder of the
    run's lock may change a spool. A write that is damaged is moved to a folder whose name ends with
    ``.damaged``; then the run does not end as FINISHED, because its record has a gap.

    Args:
        folder: made with the first write.
        description: the content of ``run.json``, see ``SpoolDescription``.
    """

    def __init__(self, folder: Path, description: SpoolDescription | None = None) -> None:
        self.folder, self._description = folder, dict(description or {})
        self._waiting = self._list_writes()
        self._last = int(self._waiting[-1].stem) if self._waiting else 0

    def __len__(self) -> int:
        return len(self._waiting)

    def _list_writes(self) -> list[Path]:
        if self.folder.is_symlink():
            return []
        found = [path for path in self.folder.glob("*.json") if re.fullmatch("[0-9]{8,}", path.stem)]
        return sorted(found, key=lambda path: int(path.stem))

    @property
    def damaged(self) -> Path:
        """The folder of damaged writes; it exists if there are any."""
        return self.folder.with_name(f"{self.folder.name}{DAMAGED}")

    def read_description(self) -> dict[str, Any]:
        """Return the content of ``run.json``; empty if there is none.

        A damaged one is renamed, with a warning.
        """
        file = self.folder / "run.json"
        if self.folder.is_symlink() or not os.path.lexists(file):
            return {}
        try:
            return self._check_description(load_with_checksum(file))
        except DamagedError as error:
            file.rename(file.with_name(f"{file.name}{DAMAGED}"))
            log.warning(
                "%s is damaged (%s): the %d writes in its folder are pushed when the next run is recorded by "
                "their server",
                file,
                error,
                len(self),
            )
            return {}

    def _check_description(self, description: dict[str, Any]) -> dict[str, Any]:
        uri, lock, known = description.get("uri"), description.get("lock"), description.get("known", {})
        if isinstance(uri, str):
            description["uri"] = uri = printable_address(uri)  # earlier versions kept passwords
        if not (
            isinstance(description.get("name"), str)
            and (is_lock_name(lock) or lock in SUMMARY_LOCKS)
            and isinstance(uri, str)
            and is_server(uri)
            and isinstance(known, dict)
            and known.get("run_id", self.folder.name) == self.folder.name
        ):
            raise DamagedError("it does not describe a run")
        return description

    def write_description(self, **more: Any) -> None:
        """Write ``run.json``, with ``more`` in it."""
        text = dump_with_checksum({**self._description, **more})
        replace_text(self.folder / "run.json", text, sync=True)

    def add(self, write: Write, files: Path | None = None) -> None:
        """Keep ``write`` and the content of the folder ``files``; they are on disk when this returns."""
        if not self._waiting:
            self.write_description()
        self._last += 1
        place = self.folder / f"{self._last:08}.json"
        content = asdict(write)
        if files is not None:
            shutil.rmtree(place.with_suffix(""), ignore_errors=True)  # of a write that was cut off
            shutil.copytree(files, place.with_suffix(""), copy_function=_copy_file)
            content[FILES] = file_checksums(place.with_suffix(""))
        replace_text(place, dump_with_checksum(content), sync=True)
        self._waiting.append(place)

    def correct_status(self, write: Write) -> Write:
        """Return ``write``, with the status FAILED in place of FINISHED if a part of the record is lost."""
        if isinstance(write, Status) and write.status == "FINISHED" and self.damaged.exists():
            return replace(write, status="FAILED")
        return write

    def deliver(self, take: Callable[[Write, Path], None]) -> None:
        """Call ``take`` with every write and its folder, oldest first; the rest stays when it raises.

        A write that is damaged is moved away, and its run gets a tag that says so.
        """
        self._waiting = self._list_writes()  # Ctrl-C may have come between a write and its entry here
        while self._waiting:
            place = self._waiting[0]
            try:
                write = self._read(place)
            except DamagedError as error:
                take(Batch(tags={"reason": f"a part of the record is lost: {place.name}: {error}"}), place)
                self._move_damaged(place, error)
            else:
                take(self.correct_status(write), place.with_suffix(""))
                place.unlink()
                shutil.rmtree(place.with_suffix(""), ignore_errors=True)
            del self._waiting[0]
        shutil.rmtree(self.folder, ignore_errors=True)

    def _read(self, place: Path) -> Write:
        """Read the write in the file ``place``.

        Raises:
            DamagedError: it, or one of its files, is not as it was written.
        """
        content = load_with_checksum(place)
        written = content.pop(FILES, None)
        try:
            write = parse_write(content)
        except ValueError as error:
            raise DamagedError("it is no write of this version") from error
        if write.has_files:
            present = file_checksums(place.with_suffix(""))
            if written not in (None, present):
                changed = sorted(dict(written.items() ^ present.items()))
                raise DamagedError(f"{place.with_suffix('') / changed[0]} has changed since it was written")
        return write

    def _move_damaged(self, place: Path, error: DamagedError) -> None:
        self.damaged.mkdir(exist_ok=True)
        for path in (place.with_suffix(""), place):
            if os.path.lexists(path):
                path.rename(self.damaged / path.name)
        log.warning(
            "%s is damaged (%s): it is set aside in %s, and what it holds is lost; the run ends as FAILED, "
            "and the same command trains it again",
            place,
            error,
            self.damaged,
        )


def _copy_file(source: str, target: str) -> None:
    content = Path(source).read_bytes()
    replace_file(Path(target), lambda file: file.write(content), sync=True)
