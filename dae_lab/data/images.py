"""What a run sees of its data: images with labels and row numbers, in three views of one array."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dae_lab.config.data import Slice, check_slices
from dae_lab.errors import DataError

FEW = 10
"""Test images below which a score says next to nothing."""


@dataclass(frozen=True, eq=False)
class Images:
    """Some rows of a source, as read-only views.

    pixels: (n, h, w, c), uint8 in [0, 255] or float32 in [0, 1].
    labels: (n,) int64 class numbers, or None.
    rows: the images' row numbers in their source; noise is drawn by them.
    """

    pixels: np.ndarray
    labels: np.ndarray | None
    rows: range

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, some: slice) -> "Images":
        """The images ``some`` of these, as views."""
        labels = None if self.labels is None else self.labels[some]
        return Images(self.pixels[some], labels, self.rows[some])

    @property
    def shape(self) -> tuple[int, int, int]:
        """(height, width, channels) of one image."""
        height, width, channels = self.pixels.shape[1:]
        return height, width, channels


NoisySet = tuple[np.ndarray, Images]
"""Noisy images, float32 (n, h, w, c), and the clean ones."""


@dataclass(frozen=True, eq=False)
class Dataset:
    """The images of a run.

    validation: may have length 0.
    fingerprint: SHA-256 in hex; it changes with every pixel, label and row number used.
    source: one sentence that says where the images were read from.
    """

    name: str
    train: Images
    validation: Images
    test: Images
    fingerprint: str
    source: str

    @classmethod
    def of(
        cls,
        name: str,
        source: str,
        pixels: np.ndarray,
        labels: np.ndarray | None,
        *,
        train: Slice,
        validation: Slice,
        test: Slice,
    ) -> "Dataset":
        """Cut a source into the three parts of a run; arguments and errors are those of ``split``."""
        parts = split(pixels, labels, train=train, validation=validation, test=test)
        return cls(name, *parts, fingerprint(parts), source)


def split(
    pixels: np.ndarray, labels: np.ndarray | None, *, train: Slice, validation: Slice, test: Slice
) -> tuple[Images, Images, Images]:
    """Views of the rows of train, validation and test; nothing is copied.

    Args:
        pixels: (n, h, w, c), uint8 or float32 in [0, 1].
        labels: (n,) int64, or None.
        train, validation, test: ``[start, stop]``; ``[]`` is none; null is 80, 10 and 10 % of the rows.

    Raises:
        ConfigError: the slices make no sense, or training rows are used for judging too.
        DataError: images of neither 1 nor 3 channels, a slice that reaches beyond the last row, or too few
            rows to share out.
    """
    if pixels.shape[3] not in (1, 3):
        raise DataError(f"images have 1 channel, or 3 for red, green and blue; these have {pixels.shape[3]}")
    given = {"train": train, "validation": validation, "test": test}
    rows = len(pixels)
    slices = {name: _share(name, rows) if part is None else list(part) for name, part in given.items()}
    check_slices(**slices)
    for name, part in slices.items():
        if part and part[1] > rows:
            raise DataError(
                f"data.{name} {part} reaches beyond the source, which has {rows:,} rows; if a preset has set "
                f"it, give rows that are there, data.{name}=[start,stop]"
            )
    first, second, third = (_view(pixels, labels, part) for part in slices.values())
    return first, second, third


def fingerprint(parts: Sequence[Images]) -> str:
    """SHA-256, in hex, of the parts' row numbers, pixels and labels."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(f"{part.rows} {part.pixels.dtype} {part.pixels.shape}".encode())
        digest.update(np.ascontiguousarray(part.pixels).data)
        if part.labels is not None:
            digest.update(b"labels")
            digest.update(np.ascontiguousarray(part.labels).data)
    return digest.hexdigest()


def interleave(labels: np.ndarray) -> np.ndarray:
    """An order of rows, (n,) int64, in which every class is spread evenly, so that slices are stratified.

    Classes of equal size come in turn: 0, 1, 2, 0, 1, 2, … Within a class the order is kept. The k-th of
    a class's m rows is placed at (k + ½)/m; ties go to the lower class. No randomness is used.
    """
    place = np.empty(len(labels))
    for label in np.unique(labels):
        (members,) = np.nonzero(labels == label)
        place[members] = (np.arange(len(members)) + 0.5) / len(members)
    return np.lexsort((labels, place))


def _share(name: str, rows: int) -> list[int]:
    """The rows of a part that was left to us: the first 80 %, the next 10 %, the last 10 %."""
    four_fifths, nine_tenths = rows * 8 // 10, rows * 9 // 10
    start, stop = {
        "train": (0, four_fifths),
        "validation": (four_fifths, nine_tenths),
        "test": (nine_tenths, rows),
    }[name]
    if start < stop:
        return [start, stop]
    if name == "validation":
        return []
    raise DataError(f"data.{name} is left open, but {rows} images are too few to give it 10 or 80 %")


def _view(pixels: np.ndarray, labels: np.ndarray | None, part: Sequence[int]) -> Images:
    start, stop = part or (0, 0)
    return Images(
        pixels=_frozen(pixels[start:stop]),
        labels=None if labels is None else _frozen(labels[start:stop]),
        rows=range(start, stop),
    )


def _frozen(view: np.ndarray) -> np.ndarray:
    view.flags.writeable = False  # article A's slip: its noisy test images were overwritten in place
    return view
