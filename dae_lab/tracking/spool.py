"""Writes that a server could not take: kept on disk, in order, until it can."""

import json
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from dae_lab.config.server import shown
from dae_lab.tracking.writes import Write


class Spool:
    """A folder of one run's writes.

    ``<number>.json`` is a write, the folder ``<number>`` holds its files; a write is there whole or not
    at all, and goes when it has been delivered. ``run.json`` says whose they are. Only who holds the
    run's lock may change it.

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
        return sorted(self.folder.glob("[0-9]*.json"))

    @property
    def about(self) -> dict[str, Any]:
        """What ``run.json`` says; empty where there is none."""
        try:
            found: dict[str, Any] = json.loads((self.folder / "run.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        if "uri" in found:
            found["uri"] = shown(found["uri"])  # a version that kept passwords may have written it
        return found

    def add(self, write: Write, files: Path | None = None) -> None:
        """Keep ``write`` and what is in the folder ``files``; on disk when this returns."""
        if not self._waiting:
            self.describe()
        self._last += 1
        place = self.folder / f"{self._last:08}.json"
        if files is not None:
            shutil.rmtree(place.with_suffix(""), ignore_errors=True)  # of a write that was cut
            shutil.copytree(files, place.with_suffix(""), copy_function=_copy)
        _replace(place, json.dumps(write))
        self._waiting.append(place)

    def describe(self, **more: Any) -> None:
        """Write ``run.json``, with ``more`` in it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        _replace(self.folder / "run.json", json.dumps({**self._about, **more}))

    def deliver(self, take: Callable[[Write, Path], None]) -> None:
        """Hand every write and its folder to ``take``, oldest first; the rest stays when it raises."""
        self._waiting = self._on_disk()  # Ctrl-C may have come between a write and its entry here
        while self._waiting:
            place = self._waiting[0]
            take(json.loads(place.read_text(encoding="utf-8")), place.with_suffix(""))
            del self._waiting[0]
            place.unlink()
            shutil.rmtree(place.with_suffix(""), ignore_errors=True)
        shutil.rmtree(self.folder, ignore_errors=True)


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
