"""The figures of a verdict: the arms' values, the effects, the curves."""

import math
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dae_lab.claims.judge import Reading, Verdict
from dae_lab.claims.measurement import Runs
from dae_lab.claims.publishing.pictures import draw
from dae_lab.claims.publishing.runs_file import CURVE
from dae_lab.sweep.estimate import course

if TYPE_CHECKING:
    from PIL.Image import Image

CAPTIONS = {
    "outcome.png": "What was measured of each arm: the seeds, their mean and its 95 % interval.",
    "effect.png": "The effect by each reading: seeds, mean, the interval that decides; dashed: the margin.",
    "val_mse.png": "Validation MSE over the epochs: each arm's mean and its 95 % interval, and single seeds.",
}
"""File → what it shows."""


def draw_figures(home: Path, verdict: Verdict, runs: Runs, again: bool = False) -> dict[str, str]:
    """Draw the figures whose content has changed into the folder ``home``; gives the caption of each file.

    ``outcome.png``: each arm's values; ``effect.png``: each reading's effects; ``val_mse.png``: the arms'
    validation curves, where all runs have one.

    Args:
        again: draw all of them.
    """
    if not verdict.readings:
        return {}
    first = verdict.readings[0]
    panels = {
        "outcome.png": (list(first.arms), [_outcome(first)]),
        "effect.png": (["effect"], [_effect(one) for one in verdict.readings]),
    }
    for file, (names, shown) in panels.items():
        draw(home / file, [names, shown], partial(_draw_arms, names, shown), again)
    files = [*panels]
    curves = {arm: [[*run.curve(CURVE)] for run in of.values()] for arm, of in runs.items()}
    curves = {arm: every for arm, every in curves.items() if every}
    if curves and all(all(every) for every in curves.values()):
        draw(home / "val_mse.png", curves, partial(_draw_curves, curves), again)
        files.append("val_mse.png")
    return {file: CAPTIONS[file] for file in files}


def _draw_arms(names: Sequence[str], panels: Sequence[Mapping[str, Any]]) -> "Image":
    from dae_lab.figures.arms import Panel, arms  # here, because matplotlib takes a second

    return arms(names, [Panel(**panel) for panel in panels])


def _draw_curves(curves: Mapping[str, list[list[tuple[int, float]]]]) -> "Image":
    from dae_lab.figures.bands import bands  # here, because matplotlib takes a second

    means = {arm: course(every) for arm, every in curves.items()}
    return bands(curves, means, "Validation MSE")


def _outcome(first: Reading) -> dict[str, Any]:
    """The panel of each arm's values by the reading that decides, causes too; as ``figures.arms.Panel``."""
    kind, arms = first.measured.kind, [*first.arms.values()]
    values = [item.values.tolist() for item in arms]
    ends = [kind.arm_interval(item) for item in arms]
    return {
        "title": kind.title(),
        "values": values,
        "means": [sum(of) / len(of) if of else math.nan for of in values],
        "intervals": [(one.low, one.high) for one in ends],
    }


def _effect(one: Reading) -> dict[str, Any]:
    """The panel of a reading's effects, likewise."""
    margin = one.definition.margin
    return {
        "title": one.name.replace("_", " "),
        "values": [one.measured.effects.tolist()],
        "means": [one.effect],
        "intervals": [(one.interval.low, one.interval.high)],
        "marks": sorted({-margin, margin}),
    }
