"""A person's own arrays, from a file that ``numpy.savez`` wrote."""

import zipfile
from math import isqrt
from pathlib import Path
from typing import ClassVar

import numpy as np

from dae_lab.data.images import LEAST_SPAN, Dataset
from dae_lab.data.source import DataSource
from dae_lab.errors import DataError
from dae_lab.parts.schema import FilePath, option
from dae_lab.paths import as_text
from dae_lab.pixels import RESCALE

ROUNDING = 4
"""Units in the last place at 1 by which floating values may lie outside [0, 1]; they are clipped to it.

Computations such as ``images * scale`` round by so much. The units are those of the array's type, but at
least those of float32, because a float64 array may have been computed in float32.
"""


class Npz(DataSource, target="dae_lab.data.npz.load_npz"):
    """Images (and labels) of an ``.npz`` file; no pickle in it is ever opened.

    Images are an array (n, h, w) or (n, h, w, c), uint8, or floating in [0, 1] (kept as float32; what
    rounding has taken out of the interval is clipped). Labels are an array (n,) of whole numbers.
    """

    path: FilePath = option("the file, written by `numpy.savez`")
    images: str = option("name of the array of images in it")
    labels: str | None = option("name of the array of class numbers; null: there are none")

    SHARES: ClassVar = True

    def load(self) -> Dataset:
        file = Path(self.path).expanduser()
        pixels, classes = _read(file, self.images, self.labels)
        pixels = _as_images(pixels, f"{as_text(file)}, array {self.images}")
        if classes is not None:
            classes = _as_labels(classes, len(pixels), f"{as_text(file)}, array {self.labels}")
        source = f"{len(pixels):,} images, read from {file}"
        return self.cut(file.stem, source, pixels, classes, count_repeated=True)


def _read(file: Path, images: str, labels: str | None) -> tuple[np.ndarray, np.ndarray | None]:
    if not file.is_file():
        what = "is no regular file" if file.exists() else "is not there"
        raise DataError(f"{as_text(file)} {what}: data.path must be a file that numpy.savez wrote")
    if not zipfile.is_zipfile(file):
        raise DataError(
            f"{as_text(file)} is not an .npz file, or is cut short: "
            "write it with numpy.savez(path, images=…, labels=…)"
        )
    try:
        with file.open("rb") as opened, np.load(opened, allow_pickle=False) as arrays:
            return _take(arrays, images, file), None if labels is None else _take(arrays, labels, file)
    except DataError:
        raise
    except Exception as error:  # a damaged zip raises a dozen types, from zlib.error to NotImplementedError
        raise DataError(f"{as_text(file)} is broken: {error}; write it again") from error


def _take(arrays: np.lib.npyio.NpzFile, name: str, file: Path) -> np.ndarray:
    if name not in arrays.files:
        raise DataError(
            f"{as_text(file)} has no array {name!r}; it has {', '.join(arrays.files) or 'none at all'}"
        )
    try:
        array = arrays[name]
    except ValueError as error:
        if "allow_pickle" not in str(error):
            raise
        raise DataError(
            f"{as_text(file)}, array {name} holds Python objects, which are never opened because they can "
            "run code: save one array of numbers"
        ) from error
    if not isinstance(array, np.ndarray):  # NumPy returns the bytes of what is not an array
        raise DataError(f"{as_text(file)}, member {name} is no array: write the file with numpy.savez")
    return array


def _as_images(array: np.ndarray, name: str) -> np.ndarray:
    """(n, h, w, c), c 1 or 3, uint8 or float32 in [0, 1]."""
    if array.ndim not in (3, 4) or 0 in array.shape or (array.ndim == 4 and array.shape[3] not in (1, 3)):
        raise DataError(
            f"{name} has shape {array.shape}; images are (n, h, w) or (n, h, w, channels), with 1 or 3 "
            f"channels{_shape_remedy(array.shape)}"
        )
    pixels = array if array.ndim == 4 else array[..., np.newaxis]
    if pixels.dtype.kind not in "fiub":
        raise DataError(f"{name} is {array.dtype}; images are uint8, or floating in [0, 1]")
    low, high = array.min(), array.max()
    if low == high and np.isfinite(float(low)):
        raise DataError(f"{name} is {array.dtype} {_range(low, high)}; {_range_remedy(low, high)}")
    if pixels.dtype == np.uint8:
        return pixels
    if pixels.dtype.kind != "f" or not _nearly_within_unit_interval(low, high):
        raise DataError(f"{name} is {array.dtype} {_range(low, high)}; {_range_remedy(low, high)}")
    pixels = pixels.astype(np.float32)
    return np.clip(pixels, 0, 1, out=pixels) if low < 0 or high > 1 else pixels


def _nearly_within_unit_interval(low: np.floating, high: np.floating) -> bool:
    """Whether floating values from ``low`` to ``high`` are in [0, 1] but for ``ROUNDING``; False for NaN."""
    tolerance = ROUNDING * max(np.finfo(low.dtype).eps, np.finfo(np.float32).eps)
    return bool(low >= -tolerance and high <= 1 + tolerance)


def _shape_remedy(shape: tuple[int, ...]) -> str:
    """What to save instead of an array of this shape; empty where it cannot be told."""
    if len(shape) == 2 and shape[1] >= 9 and isqrt(shape[1]) ** 2 == shape[1]:
        return f"; save images.reshape(-1, {isqrt(shape[1])}, {isqrt(shape[1])}) if each row is one image"
    if len(shape) != 4 or 0 in shape:
        return ""
    if shape[1] in (1, 3):
        return "; save np.moveaxis(images, 1, -1) if the channels come before height and width"
    if shape[2] in (1, 3):
        return "; save np.moveaxis(images, -1, 0) if the images are along the last axis"
    if shape[0] in (1, 3):
        return "; save np.moveaxis(images, 0, -1) if the channels come first of all"
    colours = {4: 3, 2: 1}.get(shape[3])
    return f"; save images[..., :{colours}] if the last channel is transparency" if colours else ""


def _range(low: np.generic, high: np.generic) -> str:
    if np.isnan(low):
        return "and holds NaN"
    return f"from {_shown(low)} to {_shown(high)}"


def _shown(value: np.generic) -> str:
    """As many digits as tell the value from its neighbours: 1.0000001 is not 1."""
    return str(int(value) if value.dtype == bool else value).removesuffix(".0")


def _range_remedy(low: np.generic, high: np.generic) -> str:
    """What to save instead of values from ``low`` to ``high``; it is accepted."""
    why = "BCE, PSNR and SSIM are defined here on [0, 1]"
    least, most = float(low), float(high)
    if not np.isfinite([least, most]).all():
        return f"save np.where(np.isfinite(images), images, 0) if what is not finite should be black: {why}"
    if least == most:
        return "all values are the same, so there is nothing to learn: see how the file was made"
    if (least, most) == (0, 1):
        return f"save images.astype('float32'): {why}"
    if least >= 0 and most - least >= LEAST_SPAN * 255 and most <= 255:
        return f"save images.astype('uint8') if 255 is white: {why}"
    if low.dtype.kind in "iu" and least >= 0 and most - least >= LEAST_SPAN * 65535 and most <= 65535:
        return f"save images / 65535.0 if 65535 is white: {why}"
    return f"save {RESCALE} if the darkest pixel should be black and the brightest white: {why}"


def _as_labels(array: np.ndarray, count: int, name: str) -> np.ndarray:
    """(n,) int64."""
    if array.dtype.kind not in "iu" or array.shape not in [(count,), (count, 1)]:
        raise DataError(
            f"{name} is {array.dtype} of shape {array.shape}; "
            f"labels are {count:,} whole numbers, one an image{_label_remedy(array, count)}"
        )
    largest = np.iinfo(np.int64).max
    if array.max(initial=0) > largest:
        raise DataError(
            f"{name} holds {array.max()}; labels are at most {largest}: save "
            f"np.unique(labels, return_inverse=True)[1]"
        )
    return array.reshape(-1).astype(np.int64)


def _label_remedy(array: np.ndarray, count: int) -> str:
    if array.shape in [(count,), (count, 1)]:
        if array.dtype.kind in "fb" and np.isfinite(array).all() and (array == np.rint(array)).all():
            return ": save labels.astype('int64')"
        return ": save np.unique(labels, return_inverse=True)[1]"
    if array.ndim == 2 and len(array) == count and array.dtype.kind in "iufb":
        return ": save labels.argmax(axis=1) if each row has its highest number at the class"
    return ""
