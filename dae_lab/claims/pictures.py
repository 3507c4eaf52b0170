"""The figures of a judgement."""

import math
from typing import TYPE_CHECKING

from dae_lab.claims.archive import CURVE
from dae_lab.claims.beside import of_arm
from dae_lab.claims.judge import Judgement, Reading
from dae_lab.claims.outcome import Runs
from dae_lab.figures.arms import Panel, arms
from dae_lab.figures.bands import bands
from dae_lab.sweep.estimate import course

if TYPE_CHECKING:
    from PIL.Image import Image

CAPTIONS = {
    "outcome": "What was measured of each arm: the seeds, their mean and its 95 % interval.",
    "effect": "The effect by each reading: seeds, mean, the interval that decides; dashed: the margin.",
    "val_mse": "Validation MSE over the epochs: each arm's mean and its 95 % interval, and single seeds.",
}
"""Figure → what it shows."""


def pictures(found: Judgement, runs: Runs) -> "dict[str, Image]":
    """``outcome``: each arm's values; ``effect``: each reading's; ``val_mse``: the arms' curves."""
    first = found.readings[0]
    drawn = {
        "outcome": arms(list(first.arms), [_outcome(first)]),
        "effect": arms(["effect"], [_effect(one) for one in found.readings]),
    }
    curves = {arm: [[*run.curve(CURVE)] for run in of.values()] for arm, of in runs.items()}
    curves = {arm: every for arm, every in curves.items() if every}
    if curves and all(all(every) for every in curves.values()):
        courses = {arm: course(every) for arm, every in curves.items()}
        drawn["val_mse"] = bands(curves, courses, "Validation MSE")
    return drawn


def _outcome(first: Reading) -> Panel:
    """Each arm by the reading that decides, causes too."""
    given, values = first.definition.outcome, [item.values.tolist() for item in first.arms.values()]
    title = given.metric
    if given.kind == "share":
        title = f"share of {' or '.join(given.among)}"
    elif given.kind == "time":
        aim = "a common target" if isinstance(given.target, str) else f"{given.target}"
        aim = f"{given.share:.0%} of the drop" if given.share is not None else aim
        title = f"epochs to {aim} ({given.metric})"
    ends = [of_arm(item, given.kind) for item in first.arms.values()]
    means = [sum(of) / len(of) if of else math.nan for of in values]
    return Panel(title, values, means, [(one.low, one.high) for one in ends])


def _effect(one: Reading) -> Panel:
    margin = one.definition.margin
    return Panel(
        one.name.replace("_", " "),
        [one.effects.tolist()],
        [one.effect],
        [(one.interval.low, one.interval.high)],
        sorted({-margin, margin}),
    )
