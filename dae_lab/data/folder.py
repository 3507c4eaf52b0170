"""A person's own PNG and JPEG files."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dae_lab.config.data import Slice
from dae_lab.data.images import Dataset, interleave
from dae_lab.errors import DataError
from dae_lab.progress import progress

if TYPE_CHECKING:
    from PIL import Image

SUFFIXES = {".png", ".jpg", ".jpeg"}
NAMED = 10  # broken files named in a message; the others are counted


def load_folder(
    *, train: Slice, validation: Slice, test: Slice, path: str, size: Sequence[int], colour: str
) -> Dataset:
    """The images of a folder, sorted by name; its sub-folders, if any, are the classes.

    Labels are the sub-folders' places in their sorted list; rows of different classes are interleaved, so
    that every slice is stratified. Hidden files and files of other suffixes are left alone.

    Args:
        train, validation, test: rows ``[start, stop]``; null is 80, 10 and 10 % of the rows.
        path: the folder.
        size: [height, width] in pixels; images of another size are resampled (bilinear, antialiased).
        colour: ``grey`` (ITU-R 601-2 luma) or ``rgb``. What is transparent turns black.

    Raises:
        DataError: no folder, no images in it, or images that cannot be read (all are named, up to 10).
    """
    folder = Path(path).expanduser()
    files, labels, names = _list(folder)
    pixels = _read(folder, files, (size[0], size[1]), colour)
    numbered = ", ".join(f"{number} = {name}" for number, name in enumerate(names))
    classes = f" of {len(names)} classes ({numbered})" if names else ""
    return Dataset.of(
        folder.resolve().name,
        f"{len(files):,} images{classes}, read from {folder}",
        pixels,
        labels,
        train=train,
        validation=validation,
        test=test,
    )


def _list(folder: Path) -> tuple[list[Path], np.ndarray | None, list[str]]:
    """The image files in row order, their classes (n,) int64 if there are any, and the classes' names."""
    if not folder.is_dir():
        raise DataError(f"{folder} is no folder: data.path must be a folder of PNG or JPEG files")
    files = _images_under(folder)
    if not files:
        raise DataError(
            f"{folder} holds no images: PNG or JPEG files are needed, in it or one sub-folder a class"
        )
    groups = [file.relative_to(folder).parts[0] if file.parent != folder else "" for file in files]
    names = sorted(set(groups))
    if names == [""]:
        return files, None, []
    if "" in names:
        raise DataError(
            f"{folder} holds images both in itself ({files[groups.index('')].name}, …) and in sub-folders: "
            "move them all into sub-folders, one a class, or all out of them"
        )
    labels = np.array([names.index(group) for group in groups], np.int64)
    order = interleave(labels)
    return [files[row] for row in order], labels[order], names


def _images_under(folder: Path) -> list[Path]:
    def refuse(error: OSError) -> None:
        raise DataError(f"{error.filename} cannot be listed: {error.strerror}") from error

    found = []
    for place, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [Path(place, name) for name in names if not name.startswith(".")]
    images = [file for file in found if file.suffix.lower() in SUFFIXES]
    return sorted(images, key=lambda file: file.relative_to(folder).parts)


def _read(folder: Path, files: list[Path], size: tuple[int, int], colour: str) -> np.ndarray:
    """(n, h, w, 1 or 3) uint8."""
    pixels = np.empty((len(files), *size, 1 if colour == "grey" else 3), np.uint8)
    broken = []
    with progress("Reading images", total=len(files)) as advance:
        for row, file in enumerate(files):
            try:
                pixels[row] = _decode(file, size, colour)
            except Exception:  # whatever a decoder raises on foreign bytes, the file is what is wrong
                broken.append(file.relative_to(folder).as_posix())
            advance()
    if broken:
        rest = f" and {len(broken) - NAMED} more" if len(broken) > NAMED else ""
        raise DataError(
            f"{folder}: {len(broken)} of {len(files)} files cannot be read as images: "
            f"{', '.join(sorted(broken)[:NAMED])}{rest}; mend or remove them"
        )
    return pixels


def _decode(file: Path, size: tuple[int, int], colour: str) -> np.ndarray:
    """(h, w, c) uint8."""
    from PIL import Image, ImageOps

    with Image.open(file, formats=["PNG", "JPEG"]) as opened:
        upright = ImageOps.exif_transpose(opened)  # as cameras say that it is to be held
        image = _eight_bit(upright).convert("L" if colour == "grey" else "RGB")
    height, width = size
    if image.size != (width, height):
        image = image.resize((width, height), Image.Resampling.BILINEAR)
    array = np.asarray(image)
    return array[..., np.newaxis] if colour == "grey" else array


def _eight_bit(image: "Image.Image") -> "Image.Image":
    """Without transparency, and with the 16-bit greys scaled, which Pillow would cut off at 255."""
    from PIL import Image

    if image.mode.startswith("I"):
        return Image.fromarray((np.asarray(image) // 257).astype(np.uint8))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, (0, 0, 0, 255)), image)
    return image
