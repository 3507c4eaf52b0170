"""The source of this package as it was when the process began, and modules made of exactly that source.

Modules are imported when they are needed, which may be hours after the fingerprint of the code was taken. So
all source is read once, at the first import of the package, and every module is compiled from what was read:
the code that runs is the code of the fingerprint, whatever happens to the files meanwhile.
"""

import sys
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import source_hash, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

_TIMESTAMP, _CHECKED_HASH = (flags.to_bytes(4, "little") for flags in (0b00, 0b11))
"""Bytes 4 to 8 of a .pyc file: it belongs to a source of a time and size, or of a hash (PEP 552)."""


@cache
def sources(package: Path) -> dict[Path, bytes]:
    """The content of each Python file below the folder ``package``, by relative path, as first read."""
    found = {}
    for file in package.rglob("*.py"):
        with suppress(OSError):  # an editor's lock is a link to nothing
            found[file.relative_to(package)] = file.read_bytes()
    return found


class SnapshotLoader(SourceFileLoader):
    """Loads a module from source that was read before.

    A compiled file is used if it has the hash of the source: time and size may be those of another source.

    Args:
        fullname: the module's name.
        path: the module's file, of which only the name is used.
        source: its content.
    """

    def __init__(self, fullname: str, path: str, source: bytes) -> None:
        super().__init__(fullname, path)
        self._source = source

    def get_data(self, path: str) -> bytes:
        if path == self.path:
            return self._source
        data = super().get_data(path)
        if data[4:8] == _TIMESTAMP:
            raise OSError(f"{path} is not named after the hash of its source")
        return data

    def set_data(self, path: str, data: Any, *, _mode: int = 0o666) -> None:
        if data[4:8] == _TIMESTAMP:
            data = data[:4] + _CHECKED_HASH + source_hash(self._source) + data[16:]
        super().set_data(path, data, _mode=_mode)


class SnapshotFinder(MetaPathFinder):
    """Finds the modules of a package in ``sources``.

    Args:
        name: the package's name.
        folder: the folder of the package.
    """

    def __init__(self, name: str, folder: Path) -> None:
        names = {
            file: file.parent if file.name == "__init__.py" else file.with_suffix("")
            for file in sources(folder)
        }
        self._files = {".".join([name, *inner.parts]): file for file, inner in names.items()}
        self._folder = folder

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        file = self._files.get(fullname)
        if file is None:
            return None
        place = str(self._folder / file)
        loader = SnapshotLoader(fullname, place, sources(self._folder)[file])
        inside = [str(self._folder / file.parent)] if file.name == "__init__.py" else None
        return spec_from_file_location(fullname, place, loader=loader, submodule_search_locations=inside)


def install(name: str, folder: Path) -> None:
    """Have all modules of the package ``name`` that are imported from now on come from its snapshot."""
    sys.meta_path.insert(0, SnapshotFinder(name, folder))
