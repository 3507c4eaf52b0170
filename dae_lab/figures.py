"""Pictures of results."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

CELL = 84
"""Side of an image in a grid, in pixels, at least."""


def reconstruction_grid(rows: dict[str, np.ndarray], titles: Sequence[str]) -> Image.Image:
    """Images in rows, one row a key, one column a title; every row on the same grey scale, 0 to 1.

    Args:
        rows: name of a row → float (n, h, w, c), c 1 or 3; values outside [0, 1] are cut for display.
        titles: n short texts, shown above the columns.
    """
    height, width = next(iter(rows.values())).shape[1:3]
    scale = max(1, -(-CELL // max(height, width)))
    cell_w, cell_h, gap = width * scale, height * scale, 4
    font = ImageFont.load_default(size=15)
    left = 12 + max(int(font.getlength(name)) for name in rows)
    top = 26
    size = (left + len(titles) * (cell_w + gap), top + len(rows) * (cell_h + gap))
    canvas = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(canvas)
    for column, title in enumerate(titles):
        middle = left + column * (cell_w + gap) + cell_w // 2
        draw.text((middle, top // 2), title, fill="black", font=font, anchor="mm")
    for line, (name, images) in enumerate(rows.items()):
        y = top + line * (cell_h + gap)
        draw.text((left - 8, y + cell_h // 2), name, fill="black", font=font, anchor="rm")
        for column, image in enumerate(images):
            canvas.paste(
                _picture(image).resize((cell_w, cell_h), Image.Resampling.NEAREST),
                (left + column * (cell_w + gap), y),
            )
    return canvas


def _picture(image: np.ndarray) -> Image.Image:
    shown = np.nan_to_num(np.clip(image, 0, 1), nan=0.0)  # a diverged model is shown black
    levels = np.rint(shown * 255).astype(np.uint8)
    return Image.fromarray(levels[..., 0] if levels.shape[-1] == 1 else levels[..., :3])
