"""What a kind of outcome has to answer: how it is measured, decided, planned and described."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from dae_lab.claims.expression import Effect
from dae_lab.claims.measurement import ArmValues, ClaimRun, Measurement, Problem, Runs, list_seeds
from dae_lab.claims.rule import FUTILITY_FROM, Definition, Guards, Outcome, Seeds
from dae_lab.claims.statistics.decision import Attainable, Conclusion, decide
from dae_lab.claims.statistics.interval import Interval
from dae_lab.config.run import Config
from dae_lab.errors import ConfigError
from dae_lab.recording.names import CURVES, metric_names, need_recorded
from dae_lab.seeds import derive
from dae_lab.tracking.jsonable import is_finite

if TYPE_CHECKING:
    from dae_lab.claims.judge import Reading

Tests = Mapping[str, float | Interval]
"""Sensitivity tests by name: a p value, a probability, or an interval."""


class OutcomeKind(ABC):
    """One kind of outcome, with the options that a claim gives it.

    Attributes:
        name: as in a claim's file.
        options: the keys of ``Outcome`` that only some kinds have, and this one takes.
        effects_per_seed: each seed has an effect, and the claim is about their mean.
        censored: runs may end before there is a value.
        any_sample_size: intervals are known that hold beyond the planned maximum of seeds.
        single_runs: single runs can be compared by it, as bridges do.
        unit: of the values, as a page names it; empty: none.
    """

    name: ClassVar[str]
    options: ClassVar[tuple[str, ...]] = ()
    effects_per_seed: ClassVar[bool] = False
    censored: ClassVar[bool] = False
    any_sample_size: ClassVar[bool] = False
    single_runs: ClassVar[bool] = False
    unit: ClassVar[str] = ""

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome

    # What a claim's file may say

    def check(self) -> None:
        """Raise a ConfigError for options that contradict the kind."""
        for option in ("relative_to", "at", "share", "target"):
            if option not in self.options and getattr(self.outcome, option) is not None:
                raise ConfigError(
                    f"{option} means nothing with kind={self.name}; leave it away, or set it to null"
                )

    def check_effect(self, effect: Effect) -> None:  # noqa: B027  # most kinds take every effect
        """Raise a ConfigError unless an interval is known for ``effect``."""

    def check_recorded(self, config: Config) -> None:
        """Raise a ConfigError unless runs of ``config`` record what is measured."""
        self._check_metrics(metric_names(config))

    def _check_metrics(self, recorded: Sequence[str]) -> None:
        for key, metric in (("metric", self.outcome.metric), ("relative_to", self.outcome.relative_to)):
            if metric:
                need_recorded(key, metric, recorded)

    # Measuring

    @abstractmethod
    def measure(
        self, runs: Runs, seeds: Mapping[str, Sequence[int]], compared: Collection[str] = ()
    ) -> dict[str, ArmValues]:
        """What the runs of each arm gave, in the order of its ``seeds``; NaN where a run has no value.

        Args:
            compared: the arms of the effect.
        """

    def align(self, arms: Mapping[str, ArmValues], compared: Collection[str]) -> Mapping[str, ArmValues]:
        """The values of ``arms`` on the common ground on which those ``compared`` can be."""
        return arms

    def effects(self, effect: Effect, arms: Mapping[str, ArmValues]) -> np.ndarray:
        """The effect of each seed, float (seeds,)."""
        return np.atleast_1d(effect({arm: arms[arm].values for arm in effect.arms}))

    def problems(
        self,
        compared: Mapping[str, ArmValues],
        seeds: Mapping[str, Sequence[int]],
        guards: Guards,
        level: float,
        last: bool,
    ) -> Iterator[Problem]:
        """Why the arms ``compared`` cannot be judged.

        Args:
            level: of the intervals at this look, for the claim's whole error rate.
            last: this is the last look.
        """
        metric = " and ".join(filter(None, (self.outcome.metric, self.outcome.relative_to)))
        for arm, measured in compared.items():
            unknown = np.flatnonzero(~np.isfinite(measured.values + measured.covariate))
            if len(unknown):
                yield Problem(f"arm {arm} has no {metric} with seed {list_seeds(seeds[arm], unknown)}")

    # Deciding

    @abstractmethod
    def interval(self, measured: Measurement, error: float) -> Interval:
        """The interval of the effect at this look, at error rate ``error`` over all looks together.

        The intervals of all looks hold together (repeated confidence intervals: Jennison & Turnbull,
        "Interim analyses: the repeated confidence interval approach", JRSS B 1989),
        and each holds by itself. The one reported is that of the last look, which knows all seeds. The
        intersection over the looks would be narrower, but need not hold the mean that was found.
        """

    def sensitivity_tests(self, measured: Measurement, level: float) -> Tests:
        """Other tests of the same numbers, which decide nothing, by name.

        Args:
            level: of the intervals among them.
        """
        return {}

    @abstractmethod
    def arm_interval(self, measured: ArmValues) -> Interval:
        """The 95 % interval of one arm's mean."""

    # Planning

    def bounds(self, effect: Effect) -> tuple[float, float] | None:
        """Between what the effect lies, where its interval can be as narrow as may be; None: not known."""
        return None

    def attainable(self, effect: Effect, epochs: int) -> Attainable | None:
        """The most telling intervals that an effect can have; None: as narrow as may be.

        Args:
            epochs: of the longest run.
        """
        return None

    def fixed_design(self, measured: Measurement, error: float) -> tuple[int | None, Conclusion] | None:
        """The seeds with which one look would reach the nearest conclusion with 80 % power."""
        return None

    def chance_of_decision(self, measured: Measurement, error: float) -> float | None:
        """The predictive probability that the effect is decided at the planned maximum of seeds.

        None: not predicted, as there are fewer than ``FUTILITY_FROM`` seeds, none are left, the study may go
        on beyond the maximum, or the kind of outcome has no prediction.
        """
        n, seeds = measured.n, measured.seeds
        if not FUTILITY_FROM <= n < seeds.maximum or seeds.beyond != "none" or not measured.is_known:
            return None
        rng = np.random.default_rng(derive(0, "claim", "prediction", measured.name, str(n)))
        return self._predict(measured, 1 - seeds.look_error(seeds.maximum, error), rng)

    def _predict(self, measured: Measurement, level: float, rng: np.random.Generator) -> float | None:
        return None

    def power(self, definition: Definition, seeds: Seeds, error: float, spreads: float) -> float:
        """The chance that the claim is supported at an effect of so many standard deviations over seeds.

        The effect is counted from the margin of a difference on; of an equivalence it is 0, and the margin is
        so many standard deviations. NaN: not known for this kind.
        """
        return math.nan

    # Words

    @abstractmethod
    def description(self) -> str:
        """What is measured, in words."""

    @abstractmethod
    def finding(self, reading: "Reading", label: Callable[[str], str]) -> str:
        """What the runs showed, one sentence without its full stop.

        Args:
            label: what a person calls an arm.
        """

    def title(self) -> str:
        """Of a figure of the arms' values."""
        return self.outcome.metric

    # The runs of a page

    def tags(self) -> list[str]:
        """The tags of a run that it is measured by."""
        return []

    def metrics(self) -> list[str]:
        """The metrics of a run whose last value it is measured by."""
        return []

    def curves(self) -> dict[str, int | None]:
        """The curves that it is measured by, with the only step that is needed; None: all."""
        return {}


class SingleValue(OutcomeKind):
    """A kind that measures one number of each run."""

    options: ClassVar[tuple[str, ...]] = ("relative_to", "at")

    def check_recorded(self, config: Config) -> None:
        at, epochs = self.outcome.at, config.training.epochs
        if at is not None and self.outcome.metric.startswith(CURVES) and at > epochs:
            raise ConfigError(f"at: there are {epochs} epochs, not {at}")
        super().check_recorded(config)

    def measure(
        self, runs: Runs, seeds: Mapping[str, Sequence[int]], compared: Collection[str] = ()
    ) -> dict[str, ArmValues]:
        found = {}
        for arm, of in runs.items():
            pairs = [self._value(of[seed]) for seed in seeds[arm]]
            values, other = (np.array([pair[place] for pair in pairs], float) for place in (0, 1))
            found[arm] = self._arm_values(values, other)
        return found

    def _value(self, run: ClaimRun) -> tuple[float, float]:
        """The run's value, and that of ``relative_to``; NaN where it has none."""
        value = finite_or_nan(run.values.get(self.outcome.metric))
        if self.outcome.at is not None:
            value = finite_or_nan(dict(run.curve(self.outcome.metric)).get(self.outcome.at))
        return value, finite_or_nan(run.values.get(self.outcome.relative_to or ""))

    def _arm_values(self, values: np.ndarray, other: np.ndarray) -> ArmValues:
        return ArmValues(values, np.ones(len(values), bool), values)

    def metrics(self) -> list[str]:
        names = [self.outcome.relative_to] if self.outcome.relative_to else []
        return names if self.outcome.at is not None else [*names, self.outcome.metric]

    def curves(self) -> dict[str, int | None]:
        return {} if self.outcome.at is None else {self.outcome.metric: self.outcome.at}


def decides(measured: Measurement) -> Callable[[Interval], bool]:
    """Whether an interval of the effect's only arm decides the reading."""

    def decide_arm(interval: Interval) -> bool:
        definition, of_effect = measured.definition, measured.effect.from_arm_interval(interval)
        return decide(of_effect, definition.margin, definition.rule) is not Conclusion.inconclusive

    return decide_arm


def finite_or_nan(value: float | None) -> float:
    """NaN for what is missing, and for what MLflow makes of infinity."""
    return value if value is not None and is_finite(value) else math.nan


def need_one_arm_and_a_number(effect: Effect, kind: str, arms: int) -> None:
    """Raise a ConfigError unless ``effect`` is one arm and a number, or the difference of ``arms`` arms."""
    if effect.sides() is None or len(effect.arms) > arms:
        two = "'arm - arm', " if arms > 1 else ""
        raise ConfigError(
            f"with kind={kind} it may be {two}'arm - number' or 'number - arm'; got {effect.text!r}"
        )


def capitalized(sentence: str) -> str:
    """``sentence`` with a capital, the other letters as they are."""
    return f"{sentence[0].upper()}{sentence[1:]}"
