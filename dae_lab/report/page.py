"""The report page: one HTML file that needs nothing but itself."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from jinja2 import Environment
from PIL import Image

from dae_lab import collapse
from dae_lab.data.images import FEW
from dae_lab.evaluation import code_geometry, separation
from dae_lab.evaluation.evaluate import Evaluation
from dae_lab.evaluation.scores import interval
from dae_lab.metrics import recorded_in, shown_in
from dae_lab.model.latent import WIDEST
from dae_lab.report import text
from dae_lab.report.html import embedded, environment

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
        headline_metrics=shown_in("headline"),
        test_metrics=recorded_in("test"),
    )


@cache
def _environment() -> Environment:
    made = environment("report")
    made.filters |= {name: getattr(text, name) for name in ("number", "bounds", "share")}
    known: dict[str, Any] = {"text": text, "collapse": collapse}
    made.globals |= known | {
        "code_geometry": code_geometry,
        "separation": separation,
        "few": FEW,
        "widest": WIDEST,
    }
    return made
