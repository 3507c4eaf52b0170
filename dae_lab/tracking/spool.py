"""Writes that a server could not take: kept on disk, in order, until it can."""

import logging
import os
import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from dae_lab.addresses import printable_address
from dae_lab.config.server import is_server
from dae_lab.tracking.damage import DamagedError, checksums, read_with_checksum, with_checksum
from dae_lab.tracking.locks import SUMMARY_LOCKS, is_lock_name
from dae_lab.tracking.writes import WITH_FILES, Write, batch, is_write

log = logging.getLogger(__name__)

FILES = "files sha256"
"""The key of the checksums of a write's files."""

DAMAGED = ".damaged"
"""What the name of a folder ends with that takes damaged writes."""


class Spool:
    """A folder of one run's writes.

    ``<number>.json`` is a write, the folder ``<number>`` holds its files; a write is there whole or not
    at all, and goes when it has been delivered. ``run.json`` says whose they are. Only who holds the
    run's lock may change it. A write that is damaged is set aside, in a folder whose name ends with
    ``.damaged``; then the run does not end as FINISHED, because its record has a gap.

    Args:
        folder: made with the first write.
        about: what ``run.json`` says, as JSON can hold it.
    """

    def __init__(self, folder: Path, about: Mapping[str, Any] | None = None) -> None:
        self.folder, self._about = folder, dict(about or {})
        self._waiting = self._on_disk()
        self._last = int(self._waiting[-1].stem) if self._waiting else 0

    def __len__(self) -> int:
        return len(self._waiting)

    def _on_disk(self) -> list[Path]:
        if self.folder.is_symlink():
            return []
        found = [path for path in self.folder.glob("*.json") if re.fullmatch("[0-9]{8,}", path.stem)]
        return sorted(found, key=lambda path: int(path.stem))

    @property
    def damaged(self) -> Path:
        """The folder of writes that were damaged; it is there if there are such."""
        return self.folder.with_name(f"{self.folder.name}{DAMAGED}")

    @property
    def about(self) -> dict[str, Any]:
        """What ``run.json`` says; empty where there is none. A damaged one is renamed, with a warning."""
        file = self.folder / "run.json"
        if self.folder.is_symlink() or not os.path.lexists(file):
            return {}
        try:
            return self._checked(read_with_checksum(file))
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

    def _checked(self, about: dict[str, Any]) -> dict[str, Any]:
        lock, known = about.get("lock"), about.get("known", {})
        if isinstance(about.get("uri"), str):
            about["uri"] = printable_address(about["uri"])  # earlier versions kept passwords
        if not (
            isinstance(about.get("name"), str)
            and (is_lock_name(lock) or lock in SUMMARY_LOCKS)
            and isinstance(about.get("uri"), str)
            and is_server(about["uri"])
            and isinstance(known, dict)
            and known.get("run_id", self.folder.name) == self.folder.name
        ):
            raise DamagedError("it does not describe a run")
        return about

    def add(self, write: Write, files: Path | None = None) -> None:
        """Keep ``write`` and what is in the folder ``files``; on disk when this returns."""
        if not self._waiting:
            self.describe()
        self._last += 1
        place = self.folder / f"{self._last:08}.json"
        if files is not None:
            shutil.rmtree(place.with_suffix(""), ignore_errors=True)  # of a write that was cut
            shutil.copytree(files, place.with_suffix(""), copy_function=_copy)
            write = {**write, FILES: checksums(place.with_suffix(""))}
        _replace(place, with_checksum(write))
        self._waiting.append(place)

    def describe(self, **more: Any) -> None:
        """Write ``run.json``, with ``more`` in it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        _replace(self.folder / "run.json", with_checksum({**self._about, **more}))

    def amend(self, write: Write) -> Write:
        """``write``; where a part of the record is lost, with FAILED as the status in place of FINISHED."""
        if write["kind"] == "status" and write["status"] == "FINISHED" and self.damaged.exists():
            return {**write, "status": "FAILED"}
        return write

    def deliver(self, take: Callable[[Write, Path], None]) -> None:
        """Hand every write and its folder to ``take``, oldest first; the rest stays when it raises.

        A write that is damaged is set aside, and its run gets a tag that says so.
        """
        self._waiting = self._on_disk()  # Ctrl-C may have come between a write and its entry here
        while self._waiting:
            place = self._waiting[0]
            try:
                write = self._read(place)
            except DamagedError as error:
                take(batch(tags={"reason": f"a part of the record is lost: {place.name}: {error}"}), place)
                self._set_aside(place, error)
            else:
                take(self.amend(write), place.with_suffix(""))
                place.unlink()
                shutil.rmtree(place.with_suffix(""), ignore_errors=True)
            del self._waiting[0]
        shutil.rmtree(self.folder, ignore_errors=True)

    def _read(self, place: Path) -> Write:
        """The write in the file ``place``.

        Raises:
            DamagedError: it, or one of its files, is not as it was written.
        """
        write = read_with_checksum(place)
        written = write.pop(FILES, None)
        if not is_write(write):
            raise DamagedError("it is no write of this version")
        if write["kind"] in WITH_FILES:
            present = checksums(place.with_suffix(""))
            if written not in (None, present):
                changed = sorted(dict(written.items() ^ present.items()))
                raise DamagedError(f"{place.with_suffix('') / changed[0]} has changed since it was written")
        return write

    def _set_aside(self, place: Path, error: DamagedError) -> None:
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


def _copy(source: str, target: str) -> None:
    _to_disk_as(Path(target), Path(source).read_bytes())


def _replace(file: Path, text: str) -> None:
    """Write ``file`` so that it is never seen half."""
    draft = file.with_name(f"{file.name}.new")
    _to_disk_as(draft, text.encode())
    os.replace(draft, file)


def _to_disk_as(file: Path, content: bytes) -> None:
    with file.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
