"""Images beside each other, every pixel as it is: drawn with Pillow, as matplotlib would resample them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import distribution
from itertools import accumulate
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from dae_lab.figures import palette

CELL = 84
"""Side of an image in a grid, in pixels, at least."""

_WIDTH = 800
_GAP, _GROUP_GAP, _MARGIN = 4, 18, 12
_TITLE, _LINE, _HEADING, _LEGEND = 26, 17, 26, 30  # heights in pixels


@dataclass(frozen=True)
class _Layout:
    """Where things stand, in pixels: a cell of width x height at each x of ``columns``, y of ``lines``."""

    width: int
    height: int
    columns: list[int]
    lines: list[int]
    slot: int  # what a column may take up: its cell, or its title if that is wider


def reconstruction_grid(
    rows: dict[str, np.ndarray],
    titles: Sequence[str],
    groups: Sequence[tuple[str, int]] = (),
    errors: np.ndarray | None = None,
) -> Image.Image:
    """Images in rows, one row a key, one column a title; every row on the same grey scale, 0 to 1.

    Args:
        rows: name of a row → float (n, h, w, c), c 1 or 3; values outside [0, 1] are cut for display,
            pixels that are not finite are purple.
        titles: n short texts, shown above the columns, in one or two lines; cut where they are too wide.
        groups: headings with the number of columns under each, n in all: ``[("best", 4), ("worst", 4)]``.
        errors: float (n, h, w, c), reconstruction - clean, shown as one more row: the mean over the
            channels, from blue, -1, over white, 0, to red, 1, with a legend.

    Raises:
        ValueError: the groups do not have n columns together.
    """
    pictures = {name: [_grey(image) for image in images] for name, images in rows.items()}
    if errors is not None:
        pictures["error"] = [_signed(image) for image in errors]
    legend = _legend(errors is not None, broken=_any_broken(*rows.values(), errors))
    layout = _layout(list(pictures), next(iter(pictures.values()))[0].size, titles, groups)
    canvas = _canvas(layout, legend)
    draw = ImageDraw.Draw(canvas)
    _headings(draw, layout, groups)
    _titles(draw, layout, titles)
    for (name, images), y in zip(pictures.items(), layout.lines, strict=True):
        draw.text((layout.columns[0] - 8, y + layout.height // 2), name, "black", _font(), anchor="rm")
        for image, x in zip(images, layout.columns, strict=True):
            canvas.paste(image.resize((layout.width, layout.height), Image.Resampling.NEAREST), (x, y))
    if legend is not None:
        canvas.paste(legend, (_MARGIN, canvas.height - _LEGEND))
    return canvas


def tile(images: np.ndarray, columns: int, caption: Sequence[str] = ()) -> Image.Image:
    """Images in reading order, edge to edge: for the decoded grid of a 2-D code.

    Args:
        images: float (k, h, w, c), c 1 or 3, k ≥ 1; cut to [0, 1] for display, what is not finite is purple.
        columns: images in a row; the last row may be shorter.
        caption: lines of text under the picture.
    """
    height, width = images.shape[1:3]
    scale = max(1, min(_WIDTH // (columns * width), _scale(height, width)))
    cell = width * scale, height * scale
    across, down = min(columns, len(images)), -(-len(images) // columns)
    text_width = max((int(_font().getlength(line)) + 2 * _GAP for line in caption), default=0)
    size = max(across * cell[0], text_width), down * cell[1] + (len(caption) * _LINE + _GAP if caption else 0)
    canvas = Image.new("RGB", size, "white")
    for place, image in enumerate(images):
        corner = place % columns * cell[0], place // columns * cell[1]
        canvas.paste(_grey(image).resize(cell, Image.Resampling.NEAREST), corner)
    for line, text in enumerate(caption):
        middle = down * cell[1] + line * _LINE + _LINE // 2 + _GAP // 2
        ImageDraw.Draw(canvas).text((_GAP, middle), text, "black", _font(), anchor="lm")
    return canvas


def _layout(names: list[str], size: tuple[int, int], titles: Sequence[str], groups: Sequence) -> _Layout:
    scale = _scale(*size)
    width, height = size[0] * scale, size[1] * scale
    lines = [line for title in titles for line in title.split("\n")]
    slot = max(width, min(CELL, max(int(_font().getlength(line)) for line in lines)))
    left = _MARGIN + max(int(_font().getlength(name)) for name in names) + (slot - width) // 2
    breaks = set(accumulate(count for _, count in groups))
    if groups and max(breaks) != len(titles):
        raise ValueError(f"the groups have {max(breaks)} columns, but there are {len(titles)}")
    columns = list(
        accumulate(
            (slot + _GAP + _GROUP_GAP * (column in breaks) for column in range(1, len(titles))), initial=left
        )
    )
    top = _TITLE + _LINE * max(title.count("\n") for title in titles) + _HEADING * bool(groups)
    return _Layout(width, height, columns, [top + line * (height + _GAP) for line in range(len(names))], slot)


def _canvas(layout: _Layout, legend: Image.Image | None) -> Image.Image:
    width = layout.columns[-1] + (layout.width + layout.slot) // 2 + _GAP
    height = layout.lines[-1] + layout.height + _GAP
    if legend is not None:
        width, height = max(width, legend.width + 2 * _MARGIN), height + _LEGEND
    return Image.new("RGB", (width, height), "white")


def _headings(draw: ImageDraw.ImageDraw, layout: _Layout, groups: Sequence[tuple[str, int]]) -> None:
    """Each group's name over a line as long as its columns."""
    start = 0
    for name, count in groups:
        left, right = layout.columns[start], layout.columns[start + count - 1] + layout.width
        shown = _shortened(name, right - left)
        draw.text(((left + right) // 2, _HEADING // 2), shown, "black", _font(), anchor="mm")
        draw.line((left, _HEADING - 3, right - 1, _HEADING - 3), "#7F7F7F")
        start += count


def _titles(draw: ImageDraw.ImageDraw, layout: _Layout, titles: Sequence[str]) -> None:
    """Titles in the middle over their columns; of those in one line, all stand at one height."""
    lowest = layout.lines[0] - _TITLE // 2
    for title, x in zip(titles, layout.columns, strict=True):
        for line, text in enumerate(reversed(title.split("\n"))):
            place = x + layout.width // 2, lowest - line * _LINE
            draw.text(place, _shortened(text, layout.slot), "black", _font(), anchor="mm")


def _legend(error: bool, broken: bool) -> Image.Image | None:
    """What the colours mean: of the error row, and of pixels that are not finite; None: there are none."""
    ramp = _signed(np.linspace(-1, 1, 121)[None, :, None].repeat(14, axis=0))
    purple = Image.new("RGB", (14, 14), palette.NOT_A_NUMBER)
    parts: list[str | Image.Image] = []
    if error:
        parts += ["error:  too dark  −1", ramp, "+1  too bright"]
    if broken:
        parts += ["   ", purple, "not a number"]
    if not parts:
        return None
    widths = [part.width if isinstance(part, Image.Image) else int(_font().getlength(part)) for part in parts]
    strip = Image.new("RGB", (sum(widths) + 8 * len(parts), _LEGEND), "white")
    draw, x = ImageDraw.Draw(strip), 0
    for part, width in zip(parts, widths, strict=True):
        if isinstance(part, Image.Image):
            strip.paste(part, (x, (_LEGEND - part.height) // 2))
        else:
            draw.text((x, _LEGEND // 2), part, "black", _font(), anchor="lm")
        x += width + 8
    return strip


def _grey(image: np.ndarray) -> Image.Image:
    """An image (h, w, c) as it looks; c 1 or 3."""
    rgb = np.broadcast_to(image, (*image.shape[:2], 3))
    return _picture(np.clip(rgb, 0, 1) * 255, np.isfinite(image).all(axis=-1))


def _signed(error: np.ndarray) -> Image.Image:
    """An error (h, w, c), its mean over the channels through the diverging map."""
    mean = error.mean(axis=-1)
    ends = np.array([palette.NEGATIVE, palette.ZERO, palette.POSITIVE])
    rgb = np.stack([np.interp(mean, [-1, 0, 1], end) for end in ends.T], axis=-1)
    return _picture(rgb, np.isfinite(mean))


def _picture(rgb: np.ndarray, finite: np.ndarray) -> Image.Image:
    shown = np.where(finite[..., None], rgb, palette.NOT_A_NUMBER)
    return Image.fromarray(np.rint(shown).astype(np.uint8))


def _any_broken(*images: np.ndarray | None) -> bool:
    return any(not np.isfinite(some).all() for some in images if some is not None)


def _scale(height: int, width: int) -> int:
    """How many times an image is enlarged, so that its longer side has at least ``CELL`` pixels."""
    return max(1, -(-CELL // max(height, width)))


def _shortened(text: str, width: int) -> str:
    """``text``, cut so that it is at most ``width`` pixels wide."""
    ends = [text, *(text[:end].rstrip() + "…" for end in range(len(text) - 1, 0, -1))]
    return next((shown for shown in ends if _font().getlength(shown) <= width), "…")


@cache
def _font() -> ImageFont.FreeTypeFont:
    """DejaVu Sans, as matplotlib brings it along, found without its import: Pillow's own has no σ, × or é."""
    file = Path(str(distribution("matplotlib").locate_file("matplotlib/mpl-data/fonts/ttf/DejaVuSans.ttf")))
    if not file.exists():  # a system's own package may keep it elsewhere
        from matplotlib import get_data_path

        file = Path(get_data_path(), "fonts/ttf/DejaVuSans.ttf")
    return ImageFont.truetype(file, 14)
