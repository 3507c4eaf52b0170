"""The figures of a judgement."""

from typing import TYPE_CHECKING

from dae_lab.claims.judge import Judgement
from dae_lab.claims.outcome import Runs
from dae_lab.figures.arms import Panel, arms
from dae_lab.figures.bands import bands
from dae_lab.sweep.estimate import course, estimate

if TYPE_CHECKING:
    from PIL.Image import Image

CURVE = "val/mse"
"""What the arms' curves show, whatever the outcome is: the same yardstick for every loss."""

CAPTIONS = {
    "outcome": "What was measured of each arm: the seeds, their mean and its 95 % interval.",
    "effect": "The effect by each reading: the seeds, their mean, and the interval that decides.",
    "val_mse": "Validation MSE over the epochs: each arm's mean and its 95 % interval, and single seeds.",
}
"""Figure → what it shows."""


def pictures(found: Judgement, runs: Runs) -> "dict[str, Image]":
    """``outcome``: each arm's values; ``effect``: each reading's; ``val_mse``: the arms' curves."""
    first = found.readings[0]
    means = {arm: estimate(item.values.tolist()) for arm, item in first.arms.items()}
    drawn = {
        "outcome": arms(
            list(means),
            [
                Panel(
                    first.definition.outcome.metric,
                    [item.values.tolist() for item in first.arms.values()],
                    [item.mean for item in means.values()],
                    [(item.low, item.high) for item in means.values()],
                )
            ],
        ),
        "effect": arms(
            ["effect"],
            [
                Panel(
                    one.name.replace("_", " "),
                    [one.effects.tolist()],
                    [one.effect],
                    [(one.interval.low, one.interval.high)],
                )
                for one in found.readings
            ],
        ),
    }
    curves = {arm: [run.curve(CURVE) for run in of.values()] for arm, of in runs.items()}
    if all(all(every) for every in curves.values()):
        courses = {
            arm: [(epoch, item.mean, item.low, item.high) for epoch, item in course(every)]
            for arm, every in curves.items()
        }
        drawn["val_mse"] = bands(curves, courses, "Validation MSE")
    return drawn
