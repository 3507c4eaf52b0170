"""What the runs of a claim measured: one value for each arm and seed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import numpy as np

from dae_lab.claims.expression import Effect
from dae_lab.claims.rule import Definition, Seeds

if TYPE_CHECKING:
    from dae_lab.claims.outcomes.kind import OutcomeKind


class ClaimRun(Protocol):
    """What a claim reads of a finished run: one of a store, or one of a page's ``runs.csv``."""

    @property
    def run_id(self) -> str:
        """As in MLflow."""

    @property
    def started(self) -> int:
        """When the run began, in milliseconds since 1970."""

    @property
    def tags(self) -> Mapping[str, str]:
        """Labels, such as ``collapse``."""

    @property
    def params(self) -> Mapping[str, str]:
        """Params."""

    @property
    def values(self) -> Mapping[str, float]:
        """The last value of each metric."""

    def curve(self, metric: str) -> Sequence[tuple[int, float]]:
        """All of ``metric``: (step, value), by step."""


Runs = Mapping[str, Mapping[int, ClaimRun]]
"""Finished runs by arm and seed."""

NO_RUNS: Runs = {}

Curve = Sequence[tuple[int, float]]
"""(epoch, value), by epoch."""


@dataclass(frozen=True)
class ArmValues:
    """What the runs of one arm measured, one value a seed.

    Attributes:
        values: float (seeds,); NaN where a run has no value. Of times: epochs; the last epoch of the run
            where the target was not reached. Of shares: 1 where the run counts, else 0.
        reached: bool (seeds,); False where a time is censored.
        covariate: float (seeds,); of correlations the other metric, else the values again.
        first, last: float (seeds,); of times the first value of the curve, and its end value; else NaN.
        epochs: float (seeds,); of times the last epoch of the curve; else NaN.
    """

    values: np.ndarray
    reached: np.ndarray
    covariate: np.ndarray
    first: np.ndarray = field(default_factory=lambda: np.zeros(0))
    last: np.ndarray = field(default_factory=lambda: np.zeros(0))
    epochs: np.ndarray = field(default_factory=lambda: np.zeros(0))

    @property
    def known(self) -> np.ndarray:
        """The finite values, float (k ≤ seeds,)."""
        return self.values[np.isfinite(self.values)]


@dataclass(frozen=True)
class Problem:
    """Why a reading cannot be judged by the runs that there are.

    Attributes:
        sentence: the reason, without a full stop.
        final: more seeds would not change it.
        collapse: all runs have values, but some collapsed, which a guard excludes.
    """

    sentence: str
    final: bool = True
    collapse: bool = False


@dataclass(frozen=True)
class Measurement:
    """What one reading of a claim measured on its first ``n`` seeds; everything that it is judged by.

    Attributes:
        name: ``definition``, or the alternative's.
        seeds: the claim's plan of looks.
        arms: by arm. effects: the effect of each seed, float (n,); of a correlation over all seeds, (1,).
        problems: why it cannot be judged; those of ``definition`` include the claim's guards.
    """

    name: str
    definition: Definition
    kind: "OutcomeKind"
    effect: Effect
    seeds: Seeds
    n: int
    arms: Mapping[str, ArmValues]
    effects: np.ndarray
    problems: tuple[Problem, ...] = ()

    @property
    def is_known(self) -> bool:
        """Whether every effect is a finite number."""
        return bool(np.isfinite(self.effects).all())

    @property
    def is_final(self) -> bool:
        """Whether a problem stays, however many seeds are added."""
        return any(problem.final for problem in self.problems)

    @property
    def compared(self) -> dict[str, ArmValues]:
        """The arms of the effect, in order of appearance."""
        return {arm: self.arms[arm] for arm in self.effect.arms}

    def level(self, error: float) -> float:
        """The level of the interval at this look, at error rate ``error`` over all looks together."""
        return 1 - self.seeds.look_error(self.n, error)


def collapsed_seeds(runs: Mapping[int, ClaimRun]) -> list[int]:
    """The seeds whose runs, of one arm, collapsed."""
    return [seed for seed, run in runs.items() if run.tags.get("collapse", "none") != "none"]


def list_seeds(seeds: Sequence[int], places: np.ndarray | None = None) -> str:
    """The seeds, or those at ``places`` (k,) alone, sorted, for a sentence: ``0, 3``."""
    chosen = seeds if places is None else [seeds[place] for place in places.tolist()]
    return ", ".join(map(str, sorted(chosen)))
