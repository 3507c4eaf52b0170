"""The page of a sweep: one HTML file that needs nothing but itself, in the look of a run's report."""

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING

from jinja2 import Environment

from dae_lab.report.html import embedded, environment
from dae_lab.sweep import text
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


def page(summary: Summary, pictures: "Mapping[str, Image]", given_up: str = "") -> str:
    """The page as HTML: no script, no request to anywhere; equal arguments give equal bytes.

    Args:
        pictures: of ``results.draw_figures``; what is missing is left out, with a line that says why.
        given_up: why the sweep ended before its last run; empty where it did not.
    """
    return (
        _environment()
        .get_template("page.html.jinja")
        .render(
            summary=summary,
            pictures={name: embedded(picture) for name, picture in pictures.items()},
            given_up=given_up,
            sections=SECTIONS,
        )
    )


@cache
def _environment() -> Environment:
    made = environment("sweep", "report")
    made.filters |= {"number": text.format_number, "bounds": text.format_interval}
    made.globals |= {"text": text}
    return made
