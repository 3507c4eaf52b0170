"""The page of a sweep: one HTML file that needs nothing but itself, in the look of a run's report."""

import base64
from collections.abc import Mapping
from functools import cache
from io import BytesIO
from typing import TYPE_CHECKING, NamedTuple

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

from dae_lab.sweep import words
from dae_lab.sweep.summary import Summary

if TYPE_CHECKING:
    from PIL.Image import Image

SECTIONS = {
    "arms": "Arms",
    "training": "Training",
    "differences": "What differed",
    "failures": "Failures",
    "runs": "Runs",
    "time": "Time",
}
"""Anchor → heading, in the order of the page."""


class Picture(NamedTuple):
    """A picture as the page carries it: a ``data:`` URI, and its size in pixels."""

    uri: str
    width: int
    height: int


def page(found: Summary, pictures: "Mapping[str, Image]", given_up: str = "") -> str:
    """The page as HTML: no script, no request to anywhere; equal arguments give equal bytes.

    Args:
        pictures: of ``results.pictures``; what is missing is left out, with a line that says why.
        given_up: why the sweep ended before its last run; empty where it did not.
    """
    return (
        _environment()
        .get_template("page.html.jinja")
        .render(
            found=found,
            pictures={name: _embedded(picture) for name, picture in pictures.items()},
            given_up=given_up,
            sections=SECTIONS,
        )
    )


def _embedded(picture: "Image") -> Picture:
    file = BytesIO()
    picture.save(file, "PNG", optimize=True)
    return Picture(f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}", *picture.size)


@cache
def _environment() -> Environment:
    """Templates of this folder and of the report's. All they are given is escaped."""
    made = Environment(
        loader=ChoiceLoader([PackageLoader("dae_lab", "sweep"), PackageLoader("dae_lab", "report")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"number": words.number, "bounds": words.bounds}
    made.globals |= {"words": words}
    return made
