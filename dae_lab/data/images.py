"""What a run sees of its data: images with labels and row numbers, in three views of one array."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from dae_lab.data.source import Slice, check_slices
from dae_lab.errors import DataError
from dae_lab.paths import as_text
from dae_lab.pixels import RESCALE

FEW = 10
"""Test images below which a score says next to nothing."""

LEAST_SPAN = 0.1
"""Share of black to white that the pixels of a data set must span, or a warning is given.

The usual slips span less: bytes of 0 and 1 (0.004), division by 255 twice (0.004), 16 grey levels kept as
bytes (0.06), 12 bits kept as 16 (0.06). Dark photographs span more: the brightest pixel of all images counts.
"""


@dataclass(frozen=True, eq=False)
class Images:
    """Some rows of a source, as read-only views.

    pixels: (n, h, w, c), uint8 in [0, 255] or float32 in [0, 1].
    labels: (n,) int64 class numbers, or None.
    rows: the images' row numbers in their source; noise is drawn by them.
    class_names: by class number; empty where the classes have no other name than their number.
    """

    pixels: np.ndarray
    labels: np.ndarray | None
    rows: range
    class_names: Sequence[str] = ()

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, some: slice) -> "Images":
        """The images ``some`` of these, as views."""
        labels = None if self.labels is None else self.labels[some]
        return Images(self.pixels[some], labels, self.rows[some], self.class_names)

    def class_name(self, label: int) -> str:
        """The name of the class with number ``label``; its number where it has no name."""
        return self.class_names[label] if 0 <= label < len(self.class_names) else str(label)

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
    repeated: test images that are among the training images as well; 0 where this was not counted.
    """

    name: str
    train: Images
    validation: Images
    test: Images
    fingerprint: str
    source: str
    repeated: int = 0

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
        class_names: Sequence[str] = (),
        count_repeated: bool = False,
    ) -> "Dataset":
        """Cut a source into the three parts of a run; arguments and errors are those of ``split``.

        Args:
            count_repeated: look for the test images among the training images; published sets are known.
        """
        parts = split(pixels, labels, train=train, validation=validation, test=test, class_names=class_names)
        repeated = _count_repeated(parts[0], parts[2]) if count_repeated else 0
        return cls(as_text(name), *parts, fingerprint(parts), as_text(source), repeated)

    @cached_property
    def warnings(self) -> list[str]:
        """What speaks against judging a model by these images, one sentence each; usually nothing."""
        count = len(self.test)
        repeated = (
            f"{self.repeated:,} of {count:,} test images are among the training images too: a model must not "
            "be judged on images that it was trained on, remove them from one of the two"
        )
        few = f"{count} test images are too few to judge a model by"
        range_warning = _range_warning([self.train, self.validation, self.test])
        return [*range_warning, *[repeated] * (self.repeated > 0), *[few] * (count < FEW)]


def split(
    pixels: np.ndarray,
    labels: np.ndarray | None,
    *,
    train: Slice,
    validation: Slice,
    test: Slice,
    class_names: Sequence[str] = (),
) -> tuple[Images, Images, Images]:
    """Views of the rows of train, validation and test; nothing is copied.

    Args:
        pixels: (n, h, w, c), uint8 or float32 in [0, 1].
        labels: (n,) int64, or None.
        train, validation, test: ``[start, stop]``; ``[]`` is none; null is 80, 10 and 10 % of the rows.
        class_names: by class number; empty where a class is called by its number.

    Raises:
        ConfigError: the slices make no sense, or training rows are used for judging too.
        DataError: images of neither 1 nor 3 channels, a slice that reaches beyond the last row, or too few
            rows to share out.
    """
    if pixels.shape[3] not in (1, 3):
        raise DataError(
            f"images have shape (n, h, w, channels), with 1 channel or 3 for red, green and blue; these have "
            f"shape {pixels.shape}"
        )
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
    first, second, third = (_view(pixels, labels, part, class_names) for part in slices.values())
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


def _view(
    pixels: np.ndarray, labels: np.ndarray | None, part: Sequence[int], class_names: Sequence[str]
) -> Images:
    start, stop = part or (0, 0)
    return Images(
        pixels=_frozen(pixels[start:stop]),
        labels=None if labels is None else _frozen(labels[start:stop]),
        rows=range(start, stop),
        class_names=class_names,
    )


def _frozen(view: np.ndarray) -> np.ndarray:
    view.flags.writeable = False  # article A's slip: its noisy test images were overwritten in place
    return view


def _count_repeated(train: Images, test: Images) -> int:
    """How many test images are equal, pixel by pixel, to a training image."""
    known = {_digest(image) for image in train.pixels}
    return sum(_digest(image) in known for image in test.pixels)


def _digest(image: np.ndarray) -> bytes:
    return hashlib.blake2b(np.ascontiguousarray(image).data, digest_size=16).digest()


def _range_warning(parts: Sequence[Images]) -> list[str]:
    """One sentence if the pixels span less than ``LEAST_SPAN`` of black to white, or none."""
    pixels = [part.pixels for part in parts if len(part)]
    low, high = min(array.min() for array in pixels), max(array.max() for array in pixels)
    white = 255 if pixels[0].dtype == np.uint8 else 1
    if float(high) - float(low) >= LEAST_SPAN * white:
        return []
    if low == high:
        return [f"all pixels of all images have the same value, {low:g}: there is nothing to learn"]
    return [
        f"the pixels lie between {low:g} and {high:g}, where 0 is black and {white} white: on images that "
        "use so little of the range every model has a small error. If the darkest pixel should be black and "
        f"the brightest white, rescale them: {RESCALE}"
    ]
