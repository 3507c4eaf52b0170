"""The base of all sources of images. Imports no NumPy, as a config is checked with it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from dae_lab.errors import ConfigError
from dae_lab.parts.part import Part
from dae_lab.parts.schema import FilePath, option

if TYPE_CHECKING:
    import numpy as np

    from dae_lab.data.images import Dataset

Slice = Sequence[int] | None
Rows = list[Annotated[int, option(ge=0)]]
"""``[start, stop]``, counted from 0, stop not included."""


class DataSource(Part, group="data"):
    """The base of all sources: which rows a run takes, and how the images are read.

    Validation and test may share rows with each other (for monitoring), never with train.

    Attributes:
        SHAPE: (height, width, channels) of every image; None where it depends on the keys or the data.
        SHARES: whether null rows are allowed: 80, 10 and 10 % of the rows, in order.
    """

    train: Rows | None = option("rows `[start, stop]` to learn from, counted from 0, stop not included")
    validation: Rows | None = option("rows to monitor training with; `[]` for none")
    test: Rows | None = option("rows to judge the model on")

    SHAPE: ClassVar[tuple[int, int, int] | None] = None
    SHARES: ClassVar[bool] = False

    def __post_init__(self) -> None:
        for name in ("train", "validation", "test"):
            if getattr(self, name) is None and not self.SHARES:
                raise ValueError(f"{name} must be rows [start, stop]; null is for data=folder and data=npz")
        check_slices(self.train, self.validation, self.test)

    def image_shape(self) -> tuple[int, int, int] | None:
        """(height, width, channels) as far as it is known without reading data, else None."""
        return self.SHAPE

    def load(self) -> "Dataset":
        """Read the images, and cut them into the three parts of a run with ``cut``.

        Raises:
            UserError: they are missing or broken.
        """
        raise NotImplementedError

    def cut(
        self, name: str, source: str, pixels: "np.ndarray", labels: "np.ndarray | None", **more: Any
    ) -> "Dataset":
        """The rows that the config asks for, as ``dae_lab.data.images.Dataset.of`` makes them.

        Args:
            name: of the data set.
            source: one sentence that says where the images were read from.
            pixels: (n, h, w, c), uint8, or float32 in [0, 1]; c is 1 or 3.
            labels: (n,) int64, or None.
            more: ``class_names``, ``count_repeated``.
        """
        from dae_lab.data.images import Dataset

        slices = {"train": self.train, "validation": self.validation, "test": self.test}
        return Dataset.of(name, source, pixels, labels, **{**slices, **more})


class CachedSource(DataSource):
    """What is kept in a folder, and fetched into it when it is not there."""

    cache: FilePath = option("the folder that keeps what is fetched")
    download: bool = option("whether the network may be asked for what is not there")


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
