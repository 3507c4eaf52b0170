"""A metric of each run, at its end or at one step, as it is or relative to another metric."""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from dae_lab.claims.expression import Effect
from dae_lab.claims.measurement import ArmValues
from dae_lab.claims.outcomes.kind import SingleValue, capitalized
from dae_lab.claims.outcomes.means import MeanEffect
from dae_lab.formatting import percent, significant
from dae_lab.recording.names import COUNTS, value_range

if TYPE_CHECKING:
    from dae_lab.claims.judge import Reading

QUANTITIES = {
    ("test/mse", None): "test MSE",
    ("test/mse", "baseline_mse/noisy"): "error that is left of the noise",
    ("noise_level/mse", "baseline_mse/black"): "error on clean images as a share of their energy",
    ("train/loss", None): "training loss at the end",
    ("code/knn_accuracy", None): "accuracy of the codes' nearest neighbours",
    ("code/rho_overlap", None): "rank correlation, over the classes, of the hulls' overlap with the error",
}
"""What a person calls a metric, relative to another one. Those relative to a baseline are percentages."""


class Value(MeanEffect, SingleValue):
    """A metric of each run."""

    name: ClassVar[str] = "value"
    single_runs: ClassVar[bool] = True

    @property
    def resolution(self) -> float:  # type: ignore[override]
        """1 for what is counted, else 0."""
        counted = self.outcome.metric.startswith(COUNTS) and not self.outcome.relative_to
        return 1.0 if counted else 0.0

    def _arm_values(self, values: np.ndarray, other: np.ndarray) -> ArmValues:
        if self.outcome.relative_to:
            with np.errstate(all="ignore"):
                values = np.where(other == 0, math.nan, values / other)
        return super()._arm_values(values, other)

    def bounds(self, effect: Effect) -> tuple[float, float]:
        return effect.bounds(*self._range())

    def _range(self) -> tuple[float, float]:
        """Between what the values of an arm lie."""
        metric, other = self.outcome.metric, self.outcome.relative_to
        if not other:
            return value_range(metric)
        least = min(value_range(name)[0] for name in (metric, other))
        return (0.0, math.inf) if least >= 0 else (-math.inf, math.inf)

    def description(self) -> str:
        at, other = self.outcome.at, self.outcome.relative_to
        over = f" ÷ `{other}`" if other else ""
        return f"`{self.outcome.metric}`{over} {'at the end' if at is None else f'at step {at}'}"

    def finding(self, reading: "Reading", label: Callable[[str], str]) -> str:
        metric, other = self.outcome.metric, self.outcome.relative_to
        quantity = QUANTITIES.get((metric, other))
        show = percent if quantity and other else significant
        if quantity is None:
            quantity = f"`{metric}`" + (f" ÷ `{other}`" if other else "")
        means = (
            f"{label(arm)} {show(float(np.mean(item.values)))}" for arm, item in reading.compared.items()
        )
        return f"{capitalized(quantity)}, mean of {reading.n} seeds: {', '.join(means)}"
