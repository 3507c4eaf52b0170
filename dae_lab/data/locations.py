"""Places that may have the data, asked in turn, and the cache in which what was fetched is kept."""

import logging
import os
import tarfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from dae_lab.errors import DataError
from dae_lab.files import replace_file

log = logging.getLogger(__name__)

Arrays = list[np.ndarray]  # training images, training labels, test images, test labels
NPZ_KEYS = ("x_train", "y_train", "x_test", "y_test")  # Keras's names for them


@dataclass(frozen=True)
class Location:
    """A place: its name for people, and a function that reads it or raises ``DataError``."""

    place: str
    read: Callable[[], Arrays]


def first_that_works(title: str, locations: Iterable[Location], advice: str) -> tuple[Arrays, str]:
    """The arrays of the first place that has them, and the place.

    Raises:
        DataError: none has; the message lists every place with its reason, then the advice.
    """
    failures = []
    for location in locations:
        try:
            return location.read(), location.place
        except DataError as error:
            failures.append(f"\n  - {location.place}: {error}")
    raise DataError(f"{title} is in none of the places tried:{''.join(failures)}\n{advice}")


def passed_over(error: DataError) -> None:
    """Warn of a file that is there and cannot be used."""
    log.warning("%s; it is passed over", error)


def refuse_network() -> Arrays:
    """What stands in for every download where the user wants none."""
    raise DataError("switched off by data.download=false")


def keras_datasets() -> Path:
    """The folder in which Keras keeps what it downloads."""
    return Path(os.path.expanduser(os.environ.get("KERAS_HOME", "").strip() or "~/.keras"), "datasets")


def read_npz(path: Path, check: Callable[[Arrays], Arrays]) -> Arrays:
    """The four arrays of a file in Keras's layout, as ``check`` returns them; no pickle is ever opened.

    Raises:
        DataError: there is no such file, it cannot be read, or ``check`` refuses it.
    """
    if not os.path.isfile(path):
        raise DataError("there is none")
    try:
        return check(_arrays(path))
    except DataError as error:
        passed_over(error)
        raise


def _arrays(path: Path) -> Arrays:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            return [arrays[key] for key in NPZ_KEYS]
    except Exception as error:  # a damaged zip raises a dozen types, from zlib.error to NotImplementedError
        raise DataError(f"{path} cannot be read: {error}") from error


def keep(path: Path, fill: Callable[[BinaryIO], object]) -> None:
    """Write what was downloaded; where that fails the run goes on, with a warning."""
    try:
        replace_file(path, fill)
    except OSError as error:
        log.warning("%s cannot be kept, so the next run downloads it again: %s", path, error)


def member(tar: tarfile.TarFile, name: str) -> bytes:
    """The bytes of one file of an archive.

    Raises:
        DataError: it is no file. KeyError: it is not there.
    """
    file = tar.extractfile(name)
    if file is None:
        raise DataError(f"{name} in the archive is no file")
    return file.read()
