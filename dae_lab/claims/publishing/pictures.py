"""PNG files that know what they show: each keeps a digest of it, and is drawn again where that changes."""

import hashlib
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from dae_lab.files import replace_file
from dae_lab.provenance import code_fingerprint

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

DIGEST = "drawn from"
"""The text chunk of a PNG file with the digest of what it shows."""


def draw(file: Path, shown: object, make: "Callable[[], Picture]", again: bool = False) -> None:
    """Write the picture that ``make`` gives, unless ``file`` shows the same already.

    Args:
        shown: what the picture depends on, as JSON takes it; the code that draws is added.
        again: draw it in any case.
    """
    text = json.dumps([code_fingerprint(("figures",)), shown])
    digest = hashlib.sha256(text.encode()).hexdigest()
    if again or _digest(file) != digest:
        info = PngInfo()
        info.add_text(DIGEST, digest)
        replace_file(file, partial(make().save, format="PNG", optimize=True, pnginfo=info))


def _digest(file: Path) -> str:
    """The digest that ``file`` keeps; empty where it is missing, damaged, or of another program."""
    try:
        with Image.open(file) as image:
            return str(image.info.get(DIGEST, ""))
    except (OSError, SyntaxError, ValueError):
        return ""
