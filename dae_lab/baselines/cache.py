"""A cache of computed baselines: one .npz each, named after all that can change its numbers."""

import hashlib
import json
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
from filelock import FileLock

from dae_lab.environment import kernel_settings
from dae_lab.errors import DataError
from dae_lab.files import need_regular, open_lock, replace_file
from dae_lab.provenance import packages, source_meaning

log = logging.getLogger(__name__)

T = TypeVar("T")

_ROOMS = ("baselines", "blas.py", "metrics.py", "noise.py", "pixels.py", "scoring.py", "seeds.py")
_PACKAGES = ("numpy", "pywavelets", "scikit-image", "scipy", "tensorflow")

_NAME = "name"
"""The array of a file that holds its name, so that a file copied over another's name is noticed."""


class Cache(Generic[T]):
    """A folder that keeps values as arrays, an .npz a name. A folder that fails costs time, and no run.

    Args:
        folder: made where it is missing.
        to_arrays, from_arrays: how a value becomes arrays without objects, and is made of them again.
    """

    def __init__(
        self,
        folder: Path,
        to_arrays: Callable[[T], Mapping[str, np.ndarray]],
        from_arrays: Callable[[Mapping[str, np.ndarray]], T],
    ) -> None:
        self._folder = folder.expanduser()
        self._to_arrays, self._from_arrays = to_arrays, from_arrays
        self._writable = True

    def load(self, name: str) -> T | None:
        """The value of that name; None where there is none, or where its file is damaged, with a warning."""
        try:
            return self._read(name)
        except DataError as error:
            log.warning("%s; it is computed again", error)
            return None

    def load_or_compute(self, name: str, compute: Callable[[], T]) -> T:
        """The value of that name, computed and kept unless another process does so first."""
        with self._locked(name):
            with suppress(DataError):
                value = self._read(name)
                if value is not None:
                    return value
            value = compute()
            self._write(name, value)
            return value

    def _read(self, name: str) -> T | None:
        path = self._path(name)
        try:
            need_regular(path)
            with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
                if str(arrays[_NAME]) != name:
                    raise ValueError(f"it is a copy of {arrays[_NAME]}")
                return self._from_arrays(arrays)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except Exception as error:  # a damaged zip raises a dozen types
            raise DataError(f"{path} cannot be read: {error}") from error

    def _write(self, name: str, value: T) -> None:
        if self._writable:
            try:
                arrays = {_NAME: np.array(name), **self._to_arrays(value)}
                replace_file(self._path(name), lambda file: np.savez(file, allow_pickle=False, **arrays))
            except OSError as error:
                self._give_up(error)

    @contextmanager
    def _locked(self, name: str) -> Iterator[None]:
        """Let one process at a time work on that name; the lock vanishes with its process."""
        lock = self._lock(name)
        try:
            yield
        finally:
            if lock is not None:
                lock.release()

    def _lock(self, name: str) -> FileLock | None:
        if not self._writable:
            return None
        folder = self._folder / "locks"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            lock = open_lock(folder / name)
            lock.acquire()
        except OSError as error:
            self._give_up(error)
            return None
        return lock

    def _give_up(self, error: OSError) -> None:
        """Stop writing, with one warning."""
        self._writable = False
        log.warning("%s cannot be written, so the next run computes it all again: %s", self._folder, error)

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.npz"


def digest(*parts: Any) -> str:
    """SHA-256, in hex, of JSON values and arrays; the order of keys counts, as for the steps of a chain."""
    total = hashlib.sha256()
    for part in parts:
        if isinstance(part, np.ndarray):
            total.update(f"{part.dtype} {part.shape}".encode())
            total.update(np.ascontiguousarray(part).data)
        else:
            total.update(json.dumps(part).encode())
        total.update(b"\n")
    return total.hexdigest()


def code_digest() -> str:
    """SHA-256, in hex, of the code that makes baselines and the versions of what it computes with."""
    source, installed = hashlib.sha256(source_meaning(_ROOMS)), packages()
    versions = {name: installed.get(name) for name in _PACKAGES}
    return digest(source.hexdigest(), versions, *kernel_settings().items())


def without_resample(noise: Any) -> Any:
    """A corruption's config without ``resample``, also in the steps of a chain: it changes no baseline."""
    if isinstance(noise, Mapping):
        return {str(key): without_resample(value) for key, value in noise.items() if key != "resample"}
    return [without_resample(value) for value in noise] if isinstance(noise, list | tuple) else noise
