"""The report page: one HTML file that needs nothing but itself."""

import base64
from collections.abc import Mapping
from functools import cache
from io import BytesIO
from typing import Any, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined
from PIL import Image

from dae_lab import collapse, metrics
from dae_lab.data.images import FEW
from dae_lab.evaluation import latent, separation
from dae_lab.evaluation.evaluate import Evaluation
from dae_lab.evaluation.scores import interval
from dae_lab.report import words

SECTIONS = {
    "reconstructions": "Reconstructions",
    "baselines": "Against baselines",
    "classes": "By class",
    "collapse": "Collapse diagnosis",
    "training": "Training and convergence",
    "noise": "Other noise",
    "code": "The code",
    "kernels": "First-layer kernels",
    "run": "What was run",
    "definitions": "Definitions",
}
"""Anchor → heading, in the order of the page."""

WIDEST = 1720
"""Of a picture on the page, in pixels: twice what it is shown in, for fine screens and print."""


class Picture(NamedTuple):
    """A picture as the page carries it: a ``data:`` URI, and its size in pixels."""

    uri: str
    width: int
    height: int


def page(
    title: str,
    evaluation: Evaluation,
    pictures: Mapping[str, Image.Image],
    config_yaml: str,
    facts: Mapping[str, str],
) -> str:
    """The page of one run, as HTML: no script, no request to anywhere; equal arguments give equal bytes.

    Args:
        title: the run's name.
        pictures: of ``pictures.pictures``; what is missing is left out, with a line that says why.
        config_yaml: the resolved config.
        facts: what was run and is no config key, by name.
    """
    template = _environment().get_template("page.html.jinja")
    return template.render(
        title=title,
        found=evaluation,
        intervals={name: interval(values) for name, values in evaluation.model.items()},
        pictures={name: embedded(picture) for name, picture in pictures.items()},
        config_yaml=config_yaml,
        facts=facts,
        sections=SECTIONS,
    )


def embedded(picture: Image.Image) -> Picture:
    """``picture`` as a PNG in a ``data:`` URI, made smaller if it is wider than ``WIDEST``."""
    if picture.width > WIDEST:  # twelve noisy photographs in a row would weigh tens of megabytes
        height = max(1, round(picture.height * WIDEST / picture.width))
        picture = picture.resize((WIDEST, height), Image.Resampling.LANCZOS)
    file = BytesIO()
    picture.save(file, "PNG", optimize=True)
    return Picture(f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}", *picture.size)


@cache
def _environment() -> Environment:
    """Templates of this folder. All they are given is escaped; a name they do not know is an error."""
    made = Environment(
        loader=PackageLoader("dae_lab", "report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {name: getattr(words, name) for name in ("number", "bounds", "share")}
    known: dict[str, Any] = {"words": words, "metrics": metrics, "collapse": collapse}
    made.globals |= known | {"latent": latent, "separation": separation, "few": FEW}
    return made
