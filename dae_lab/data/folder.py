"""A person's own PNG and JPEG files."""

import warnings
from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import numpy as np

from dae_lab.data.images import Dataset
from dae_lab.data.layout import Layout, read_layout
from dae_lab.data.source import DataSource, Slice
from dae_lab.errors import ConfigError, DataError
from dae_lab.files import need_regular
from dae_lab.parts.schema import FilePath, option
from dae_lab.paths import as_text
from dae_lab.progress import progress

if TYPE_CHECKING:
    from PIL import Image

NAMED = 10  # broken files named in a message; the others are counted
LONGEST_REASON = 90  # letters of what a decoder says of a file
OTHER_FORMATS = ("WEBP", "GIF", "BMP", "TIFF", "AVIF")  # what files called .jpg or .png hold now and then


class Folder(DataSource, target="dae_lab.data.folder.load_folder"):
    """The PNG and JPEG images of a folder, sorted by name; its sub-folders, if any, are the classes.

    Labels are the sub-folders' places in their sorted list (whole numbers are sorted as numbers); rows of
    different classes are interleaved, so that every slice is stratified. Sub-folders called train, val and
    test are the parts of the run, and the rows must then be null; without val, the last 10 % of train are
    used to validate. Linked files and folders are followed. Hidden files and files of other suffixes are left
    alone and counted. Images of another size are resampled (bilinear, antialiased); grey is ITU-R 601-2 luma;
    what is transparent turns black.
    """

    path: FilePath = option("the folder")
    size: list[Annotated[int, option(ge=1, le=10_000)]] = option(
        "`[height, width]` in pixels that every image is brought to"
    )
    colour: Literal["grey", "rgb"] = option("`grey` is one channel, `rgb` three")

    SHARES: ClassVar = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.size) != 2:
            raise ValueError(f"size must be [height, width]; got {list(self.size)}")

    def image_shape(self) -> tuple[int, int, int]:
        height, width = self.size
        return height, width, 1 if self.colour == "grey" else 3

    def load(self) -> Dataset:
        """Read the images.

        Raises:
            ConfigError: rows are given for a folder that is divided by its sub-folders.
            DataError: no folder, no images in it, images that cannot be read (all are named, up to 10, with
                the reason), or test images that are all training images.
        """
        folder = Path(self.path).expanduser()
        layout = read_layout(folder)
        slices: dict[str, Slice] = {"train": self.train, "validation": self.validation, "test": self.test}
        if layout.parts:
            slices = _slices_of_parts(layout, slices, folder)
        pixels, changed = _read(folder, layout.files, (self.size[0], self.size[1]), self.colour)
        dataset = self.cut(
            folder.resolve().name,
            f"{_describe(layout, slices)}{changed}, read from {folder}{_passed_over(layout)}",
            pixels,
            layout.labels,
            **slices,
            class_names=layout.class_names,
            count_repeated=True,
        )
        if layout.parts and dataset.repeated == len(dataset.test):
            test_folder, train_folder = (folder / layout.parts[part][0] for part in ("test", "train"))
            raise DataError(
                f"all images of {as_text(test_folder)} are in {as_text(train_folder)} too: a model must not "
                "be judged on images that it was trained on"
            )
        return dataset


def _slices_of_parts(layout: Layout, given: dict[str, Slice], folder: Path) -> dict[str, Slice]:
    """The rows of the parts that the sub-folders make; ``validation: []`` leaves those images unused.

    Raises:
        ConfigError: rows were given as well.
    """
    for part, rows in given.items():
        if rows is not None and (part, list(rows)) != ("validation", []):
            names = ", ".join(f"{as_text(name)}/" for name, _ in layout.parts.values())
            raise ConfigError(
                f"data.{part}={list(rows)} is given, but {as_text(folder)} is divided into {names}: set "
                f"data.{part}=null, or give one of these folders as data.path"
            )
    train, validation, test = (layout.parts.get(part, ("", 0))[1] for part in given)
    slices: dict[str, Slice] = {
        "train": [0, train],
        "validation": [train, train + validation] if validation else [],
        "test": [train + validation, train + validation + test],
    }
    if given["validation"] is not None:
        slices["validation"] = []
    elif not validation and train >= 10:
        stop = train - train // 10
        slices |= {"train": [0, stop], "validation": [stop, train]}
    return slices


def _describe(layout: Layout, slices: dict[str, Slice]) -> str:
    """What was read, as ``30 images of 2 classes (0 = ant, 1 = bee)``."""
    text = f"{len(layout.files):,} images"
    if layout.class_names:
        numbered = ", ".join(f"{number} = {name}" for number, name in enumerate(layout.class_names))
        text += f" of {len(layout.class_names)} classes ({numbered})"
    if layout.parts:
        text += (
            f", divided by the folders {', '.join(f'{as_text(name)}/' for name, _ in layout.parts.values())}"
        )
        if "validation" not in layout.parts and slices["validation"]:
            text += f" (the last 10 % of {as_text(layout.parts['train'][0])}/ are used to validate)"
    return text


def _passed_over(layout: Layout) -> str:
    return f" (passed over: {layout.passed_over})" if layout.passed_over else ""


def _read(folder: Path, files: list[Path], size: tuple[int, int], colour: str) -> tuple[np.ndarray, str]:
    """(n, h, w, 1 or 3) uint8, and how the images were changed for it."""
    pixels = np.empty((len(files), *size, 1 if colour == "grey" else 3), np.uint8)
    broken: dict[str, str] = {}
    seen: dict[tuple[int, int, bool], None] = {}
    with progress("Reading images", total=len(files)) as advance, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what Pillow says of a file that it can read all the same
        for row, file in enumerate(files):
            try:
                pixels[row], found = _decode(file, size, colour)
                seen[found] = None
            except (
                Exception
            ) as error:  # whatever a decoder raises on foreign bytes, the file is what is wrong
                broken[as_text(file.relative_to(folder).as_posix())] = _reason(file, error)
            advance()
    if broken:
        rest = f" and {len(broken) - NAMED} more" if len(broken) > NAMED else ""
        named = ", ".join(f"{name} ({reason})" for name, reason in sorted(broken.items())[:NAMED])
        raise DataError(
            f"{as_text(folder)}: {len(broken)} of {len(files)} files cannot be read as images: "
            f"{named}{rest}; mend or remove them"
        )
    return pixels, _changed(list(seen), size, colour)


def _changed(seen: list[tuple[int, int, bool]], size: tuple[int, int], colour: str) -> str:
    """``, resampled from 101x77 to 28x28 (stretched), colour to grey``: width by height.

    Args:
        seen: (width, height, whether it has colours) of the images as they are in their files.
    """
    height, width = size
    others = list(dict.fromkeys(item[:2] for item in seen if item[:2] != (width, height)))
    text = ""
    if others:
        more = f" and {len(others) - 1} other sizes" if len(others) > 2 else " and another size"
        text += (
            f", resampled from {others[0][0]}x{others[0][1]}{more * (len(others) > 1)} to {width}x{height}"
        )
        text += " (stretched)" * any(w * height != h * width for w, h in others)
    return text + ", colour to grey" * (colour == "grey" and any(item[2] for item in seen))


def _reason(file: Path, error: Exception) -> str:
    """Why a file cannot be read, in a few words."""
    from PIL import UnidentifiedImageError

    if isinstance(error, UnidentifiedImageError):
        kind = _other_format(file)
        if kind:
            return f"a {kind} image: save it as PNG"
        return "neither PNG nor JPEG data" if file.stat().st_size else "the file is empty"
    said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return shorten(as_text(said) or type(error).__name__, LONGEST_REASON, placeholder=" …")


def _other_format(file: Path) -> str:
    """The format of an image that is neither PNG nor JPEG; empty if it is not known either."""
    from PIL import Image

    try:
        with Image.open(file, formats=OTHER_FORMATS) as opened:
            return opened.format or ""
    except Exception:  # whatever a decoder raises on foreign bytes
        return ""


def _decode(file: Path, size: tuple[int, int], colour: str) -> tuple[np.ndarray, tuple[int, int, bool]]:
    """(h, w, c) uint8, and what the file has: width, height, and whether there are colours."""
    from PIL import Image, ImageOps

    need_regular(file)
    with Image.open(file, formats=["PNG", "JPEG"]) as opened:
        upright = ImageOps.exif_transpose(opened)  # as cameras say that it is to be held
        whole = _eight_bit(upright)
        found = (*whole.size, _has_colours(whole))
        image = whole.convert("L" if colour == "grey" else "RGB")
    height, width = size
    if image.size != (width, height):
        image = image.resize((width, height), Image.Resampling.BILINEAR)
    array = np.asarray(image)
    return (array[..., np.newaxis] if colour == "grey" else array), found


def _has_colours(image: "Image.Image") -> bool:
    """Whether the channels of ``image`` differ; many greys are kept in three equal ones."""
    if image.mode in ("1", "L", "LA"):
        return False
    red, green, blue = image.convert("RGB").split()
    return not red.tobytes() == green.tobytes() == blue.tobytes()


def _eight_bit(image: "Image.Image") -> "Image.Image":
    """Without transparency, and with the 16-bit greys scaled, which Pillow would cut off at 255."""
    from PIL import Image

    if image.mode.startswith("I"):
        return Image.fromarray((np.asarray(image) // 257).astype(np.uint8))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, (0, 0, 0, 255)), image)
    return image
