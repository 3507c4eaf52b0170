"""CIFAR-10: from its binary archive, from what was fetched before, or through Keras."""

import hashlib
import os
import tarfile
import zlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import BinaryIO, ClassVar

import numpy as np

from dae_lab.data import locations
from dae_lab.data.download import from_keras
from dae_lab.data.images import Dataset
from dae_lab.data.locations import Arrays, Location
from dae_lab.data.source import CachedSource
from dae_lab.errors import DataError

ARCHIVE = "cifar-10-binary.tar.gz"
ARCHIVE_MD5 = "c32a1d4ab5d03f1284b67883e8d87530"  # as its authors publish it
BATCHES = tuple(f"cifar-10-batches-bin/data_batch_{i}.bin" for i in range(1, 6))
TEST_BATCH = "cifar-10-batches-bin/test_batch.bin"
CLASS_NAMES = (
    *("airplane", "automobile", "bird", "cat", "deer"),
    *("dog", "frog", "horse", "ship", "truck"),
)
SHAPES = [(50_000, 32, 32, 3), (50_000,), (10_000, 32, 32, 3), (10_000,)]


class Cifar10(CachedSource, target="dae_lab.data.cifar10.load_cifar10"):
    """CIFAR-10, 60,000 colour images of 32 × 32 pixels: 50,000 training rows, then 10,000 test rows.

    ``<cache>/cifar10`` may hold the binary archive, and keeps what is fetched through Keras.

    Source: A. Krizhevsky, "Learning multiple layers of features from tiny images", 2009.
    """

    SHAPE: ClassVar = (32, 32, 3)

    def load(self) -> Dataset:
        folder = Path(self.cache).expanduser() / "cifar10"
        arrays, place = locations.first_that_works(
            "CIFAR-10",
            _locations(folder, self.download),
            f"Put {ARCHIVE} into {folder}, or go online once.",
        )
        x_train, y_train, x_test, y_test = arrays
        return self.cut(
            "cifar10",
            f"CIFAR-10, read from {place}",
            np.concatenate([x_train, x_test]),
            np.concatenate([y_train, y_test]).astype(np.int64),
            class_names=CLASS_NAMES,
        )


def _locations(folder: Path, download: bool) -> Iterator[Location]:
    archive, npz = folder / ARCHIVE, folder / "cifar10.npz"
    yield Location(str(archive), partial(_read_archive, archive))
    yield Location(str(npz), partial(locations.read_npz, npz, partial(_checked, str(npz))))
    if download:
        yield Location("keras.datasets.cifar10", partial(_fetch, npz))
    else:
        yield Location("the network", locations.refuse_network)


def _read_archive(path: Path) -> Arrays:
    if not os.path.isfile(path):
        raise DataError("there is none")
    try:
        with path.open("rb") as file:
            md5 = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
        if md5 != ARCHIVE_MD5:
            raise DataError(f"{path} is damaged or another file: its MD5 is {md5}, not {ARCHIVE_MD5}")
        return _checked(str(path), unpack(path))
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error}") from error
    except DataError as error:
        locations.passed_over(error)
        raise


def unpack(path: Path) -> Arrays:
    """The images and labels in a binary archive, read without writing anything.

    Returns:
        Training images (n, 32, 32, 3) and labels (n,), test images and labels; all uint8.

    Raises:
        DataError: no archive of CIFAR-10's binary version, or a batch is cut short.
    """
    try:
        with tarfile.open(path) as tar:
            batches = {name: locations.member(tar, name) for name in (*BATCHES, TEST_BATCH)}
    except (tarfile.TarError, OSError, EOFError, KeyError, zlib.error) as error:
        raise DataError(f"{path} cannot be read: {error}") from error
    training = np.concatenate([decode(batches[name], name) for name in BATCHES])
    test = decode(batches[TEST_BATCH], TEST_BATCH)
    return [_pixels(training), training[:, 0], _pixels(test), test[:, 0]]


def decode(data: bytes, name: str) -> np.ndarray:
    """The records of a batch, (n, 3073) uint8: one byte of label, then the red, green and blue planes.

    Raises:
        DataError: the bytes are no whole number of records; ``name`` says of what.
    """
    if not data or len(data) % 3073:
        raise DataError(f"{name} is cut short: {len(data):,} bytes are no whole number of 3,073-byte records")
    return np.frombuffer(data, np.uint8).reshape(-1, 3073)


def _pixels(records: np.ndarray) -> np.ndarray:
    planes = records[:, 1:].reshape(-1, 3, 32, 32)
    return np.ascontiguousarray(planes.transpose(0, 2, 3, 1))


def _checked(name: str, arrays: Arrays) -> Arrays:
    shapes = [array.shape for array in arrays]
    if shapes != SHAPES or any(array.dtype != np.uint8 for array in arrays):
        raise DataError(f"{name} is not CIFAR-10: its arrays are {shapes}, not {SHAPES} of uint8")
    return arrays


def _fetch(npz: Path) -> Arrays:
    x_train, y_train, x_test, y_test = from_keras("cifar10")
    arrays = _checked("Keras's download", [x_train, y_train.reshape(-1), x_test, y_test.reshape(-1)])
    locations.keep(npz, partial(_save, arrays))
    return arrays


def _save(arrays: Arrays, file: BinaryIO) -> None:
    x_train, y_train, x_test, y_test = arrays
    np.savez(file, x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test)
