"""A person's own arrays, from a file that ``numpy.savez`` wrote."""

import zipfile
from pathlib import Path

import numpy as np

from dae_lab.config.data import Slice
from dae_lab.data.images import Dataset
from dae_lab.errors import DataError

ROUNDING = 5e-8  # what a float64 may exceed 1 by and still be 1 in float32


def load_npz(
    *, train: Slice, validation: Slice, test: Slice, path: str, images: str, labels: str | None
) -> Dataset:
    """Images (and labels) of an ``.npz`` file; no pickle in it is ever opened.

    Args:
        train, validation, test: rows ``[start, stop]``; null is 80, 10 and 10 % of the rows.
        path: the file.
        images: name of an array (n, h, w) or (n, h, w, c), uint8, or floating in [0, 1] (kept as float32).
        labels: name of an array (n,) of whole numbers, or None.

    Raises:
        DataError: no such file or array, a broken file, a pickle, or values that are no images.
    """
    file = Path(path).expanduser()
    pixels, classes = _read(file, images, labels)
    pixels = _as_images(pixels, f"{file}, array {images}")
    if classes is not None:
        classes = _as_labels(classes, len(pixels), f"{file}, array {labels}")
    return Dataset.of(
        file.stem,
        f"{len(pixels):,} images, read from {file}",
        pixels,
        classes,
        train=train,
        validation=validation,
        test=test,
    )


def _read(file: Path, images: str, labels: str | None) -> tuple[np.ndarray, np.ndarray | None]:
    if not file.is_file():
        raise DataError(f"{file} is not there: data.path must be a file that numpy.savez wrote")
    if not zipfile.is_zipfile(file):
        raise DataError(
            f"{file} is not an .npz file, or is cut short: "
            "write it with numpy.savez(path, images=…, labels=…)"
        )
    try:
        with file.open("rb") as opened, np.load(opened, allow_pickle=False) as arrays:
            return _take(arrays, images, file), None if labels is None else _take(arrays, labels, file)
    except DataError:
        raise
    except Exception as error:  # a damaged zip raises a dozen types, from zlib.error to NotImplementedError
        raise DataError(f"{file} is broken: {error}; write it again") from error


def _take(arrays: np.lib.npyio.NpzFile, name: str, file: Path) -> np.ndarray:
    if name not in arrays.files:
        raise DataError(f"{file} has no array {name!r}; it has {', '.join(arrays.files) or 'none at all'}")
    try:
        array = arrays[name]
    except ValueError as error:
        if "allow_pickle" not in str(error):
            raise
        raise DataError(
            f"{file}, array {name} holds Python objects, which are never opened because they can run "
            "code: save one array of numbers"
        ) from error
    if not isinstance(array, np.ndarray):  # NumPy returns the bytes of what is not an array
        raise DataError(f"{file}, member {name} is no array: write the file with numpy.savez")
    return array


def _as_images(array: np.ndarray, name: str) -> np.ndarray:
    """(n, h, w, c), uint8 or float32 in [0, 1]."""
    if array.ndim not in (3, 4) or 0 in array.shape:
        raise DataError(f"{name} has shape {array.shape}; images are (n, h, w) or (n, h, w, channels)")
    pixels = array if array.ndim == 4 else array[..., np.newaxis]
    if pixels.dtype == np.uint8:
        return pixels
    if pixels.dtype.kind not in "fiub":
        raise DataError(f"{name} is {array.dtype}; images are uint8, or floating in [0, 1]")
    low, high = float(array.min()), float(array.max())
    if pixels.dtype.kind != "f" or not (low >= 0 and high <= 1 + ROUNDING):
        raise DataError(f"{name} is {array.dtype} {_range(low, high)}; {_remedy(low, high)}")
    return pixels.astype(np.float32)


def _range(low: float, high: float) -> str:
    return "and holds NaN" if np.isnan(low) else f"from {low:g} to {high:g}"


def _remedy(low: float, high: float) -> str:
    why = "BCE, PSNR and SSIM are defined here on [0, 1]"
    if not np.isfinite(high - low):
        return f"replace what is not finite: {why}"
    if low >= 0 and 2 <= high <= 255:
        return f"save images.astype('uint8') if 255 is white: {why}"
    shift = f"(images - {low:g})" if low else "images"
    scale = f" / {high - low:g}" if high > low and high - low != 1 else ""
    return f"save ({shift}{scale}).astype('float32') if these are black and white: {why}"


def _as_labels(array: np.ndarray, count: int, name: str) -> np.ndarray:
    """(n,) int64."""
    if array.dtype.kind not in "iu" or array.shape not in [(count,), (count, 1)]:
        raise DataError(
            f"{name} is {array.dtype} of shape {array.shape}; "
            f"labels are {count:,} whole numbers, one an image"
        )
    return array.reshape(-1).astype(np.int64)
