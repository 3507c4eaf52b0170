"""Pages of one HTML file that need nothing but themselves. Imports no TensorFlow."""

import base64
from io import BytesIO
from typing import TYPE_CHECKING, NamedTuple

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

if TYPE_CHECKING:
    from PIL.Image import Image

WIDEST = 1720
"""Of a picture on the page, in pixels: twice what it is shown in, for fine screens and print."""


class Picture(NamedTuple):
    """A picture as the page carries it: a ``data:`` URI, and its size in pixels."""

    uri: str
    width: int
    height: int


def embedded(picture: "Image") -> Picture:
    """``picture`` as a PNG in a ``data:`` URI, made smaller if it is wider than ``WIDEST``."""
    if picture.width > WIDEST:  # twelve noisy photographs in a row would weigh tens of megabytes
        from PIL.Image import Resampling

        height = max(1, round(picture.height * WIDEST / picture.width))
        picture = picture.resize((WIDEST, height), Resampling.LANCZOS)
    file = BytesIO()
    picture.save(file, "PNG", optimize=True)
    return Picture(f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}", *picture.size)


def environment(*rooms: str) -> Environment:
    """Templates of those rooms of ``dae_lab``, the first that has one counting.

    All they are given is escaped; a name they do not know is an error.
    """
    return Environment(
        loader=ChoiceLoader([PackageLoader("dae_lab", room) for room in rooms]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
