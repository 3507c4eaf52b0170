"""The epoch at which a curve has come down: to a value, to a common target, or by a share of its own drop."""

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, ClassVar, NamedTuple

import numpy as np

from dae_lab.claims.expression import Effect
from dae_lab.claims.measurement import ArmValues, ClaimRun, Curve, Measurement, Problem, Runs
from dae_lab.claims.outcomes import comparability
from dae_lab.claims.outcomes.kind import Tests, capitalized, finite_or_nan
from dae_lab.claims.outcomes.means import MeanEffect
from dae_lab.claims.rule import Guards
from dae_lab.claims.statistics import censored, paired
from dae_lab.claims.statistics.decision import Attainable, telling
from dae_lab.claims.statistics.interval import Interval
from dae_lab.config.run import Config
from dae_lab.errors import ConfigError
from dae_lab.evaluation.convergence import epochs_to_share, first_reached
from dae_lab.formatting import significant
from dae_lab.recording.names import CURVES, falling_metrics, is_recorded, metric_names

if TYPE_CHECKING:
    from dae_lab.claims.judge import Reading


class _RunTime(NamedTuple):
    """What one run gave, see ``ArmValues``."""

    value: float = math.nan
    reached: bool = False
    first: float = math.nan
    last: float = math.nan
    epochs: float = math.nan


class Time(MeanEffect):
    """Epochs until a falling curve is at its target; runs that do not get there are censored at their end."""

    name: ClassVar[str] = "time"
    options: ClassVar[tuple[str, ...]] = ("share", "target")
    censored: ClassVar[bool] = True
    unit: ClassVar[str] = "epochs"
    resolution = 1.0

    def check(self) -> None:
        if (self.outcome.share is None) == (self.outcome.target is None):
            raise ConfigError(
                "kind=time needs either share, of the curve's own drop, or target, a value or common"
            )
        super().check()

    def check_recorded(self, config: Config) -> None:
        metric = self.outcome.metric
        curves = [name for name in metric_names(config) if name.startswith(CURVES)]
        if not metric.endswith(tuple(falling_metrics())) and is_recorded(metric, curves):
            raise ConfigError(
                f"metric: kind=time asks when a curve has come down, and {metric} does not fall; "
                f"take one that ends in {', '.join(falling_metrics())}"
            )
        self._check_metrics(curves)

    def measure(
        self, runs: Runs, seeds: Mapping[str, Sequence[int]], compared: Collection[str] = ()
    ) -> dict[str, ArmValues]:
        targets = self._common_targets(runs, compared) if self.outcome.target == "common" else {}
        found = {}
        for arm, of in runs.items():
            each = [self._measure_run(of[seed], targets.get(seed, math.nan)) for seed in seeds[arm]]
            values, first, last, epochs = (
                np.array([getattr(one, name) for one in each], float)
                for name in ("value", "first", "last", "epochs")
            )
            reached = np.array([one.reached for one in each], bool)
            found[arm] = ArmValues(values, reached, values, first, last, epochs)
        return found

    def _common_targets(self, runs: Runs, compared: Collection[str]) -> dict[int, float]:
        """By seed, the common target of the arms compared; NaN where a run has no finite end value."""
        ends: dict[int, list[float]] = {}
        for arm in compared:
            for seed, run in runs[arm].items():
                ends.setdefault(seed, []).append(end_value(self._curve(run)))
        tolerance = self.outcome.tolerance
        return {
            seed: float(comparability.common_target(of, tolerance))
            for seed, of in ends.items()
            if not np.isnan(of).any()
        }

    def _curve(self, run: ClaimRun) -> Curve:
        begin = self.outcome.from_epoch
        return [(epoch, value) for epoch, value in run.curve(self.outcome.metric) if epoch >= begin]

    def _measure_run(self, run: ClaimRun, common: float) -> _RunTime:
        """What one run gave, with the common target of its seed."""
        curve = self._curve(run)
        if not curve:
            return _RunTime()
        found = _RunTime(first=finite_or_nan(curve[0][1]), last=end_value(curve), epochs=float(curve[-1][0]))
        if self.outcome.share is not None:
            epoch = epochs_to_share(curve, self.outcome.share)
        else:
            target = common if self.outcome.target == "common" else float(self.outcome.target or 0.0)
            if math.isnan(target):
                return found
            epoch = first_reached(curve, target, 1).epoch
        return found._replace(
            value=found.epochs if epoch is None else float(epoch), reached=epoch is not None
        )

    def align(self, arms: Mapping[str, ArmValues], compared: Collection[str]) -> Mapping[str, ArmValues]:
        """Times up to where the first run ended without its target, so that a short run is not a fast one.

        Their mean is the restricted mean survival time (Royston & Parmar 2013).
        """
        end = comparability.horizon([arms[arm] for arm in compared])
        if end is None:
            return arms
        return {arm: replace(item, values=np.minimum(item.values, end)) for arm, item in arms.items()}

    def problems(
        self,
        compared: Mapping[str, ArmValues],
        seeds: Mapping[str, Sequence[int]],
        guards: Guards,
        level: float,
        last: bool,
    ) -> Iterator[Problem]:
        unknown = [*super().problems(compared, seeds, guards, level, last)]
        yield from unknown
        if unknown:
            return
        outcome = self.outcome
        yield from comparability.runs_too_short(compared, seeds, outcome)
        yield from comparability.targets_not_reached(compared, guards.reached, level, last)
        if outcome.share is not None and outcome.comparable is not None:
            yield from comparability.ends_too_different(compared, outcome.comparable, level, last)
        if outcome.target == "common":
            yield from comparability.targets_reached_at_once(compared, seeds, outcome)

    def sensitivity_tests(self, measured: Measurement, level: float) -> Tests:
        """As of every mean effect, and ``log-rank p`` of two arms."""
        found = {**super().sensitivity_tests(measured, level)}
        sides = [measured.arms[side] for side in measured.effect.sides() or () if isinstance(side, str)]
        if len(sides) == 2:
            times = [censored.Times(item.values, item.reached) for item in sides]
            found["log-rank p"] = censored.logrank(*times)
        return found

    def attainable(self, effect: Effect, epochs: int) -> Attainable:
        resolution = self.resolution if effect.in_units else 0.0
        return partial(_attainable, effect.bounds(0.0, epochs), resolution)

    def description(self) -> str:
        outcome = self.outcome
        since = f", from epoch {outcome.from_epoch} on" if outcome.from_epoch else ""
        if outcome.share is not None:
            return f"epochs until `{outcome.metric}` has made {outcome.share:.0%} of its own drop{since}"
        if isinstance(outcome.target, str):
            return (
                f"epochs until `{outcome.metric}` is at the end value of the worse arm, plus "
                f"{outcome.tolerance:.0%}{since}"
            )
        return f"epochs until `{outcome.metric}` is at {significant(float(outcome.target or 0))}{since}"

    def finding(self, reading: "Reading", label: Callable[[str], str]) -> str:
        arms = reading.compared
        missed = sum(int(np.sum(~item.reached)) for item in arms.values())
        never = f"; {missed} runs did not get there and count with their last epoch" if missed else ""
        low, high = reading.interval.low, reading.interval.high
        match reading.measured.effect.sides():
            case (str() as slower, str() as faster):
                if reading.effect < 0:
                    slower, faster, low, high = faster, slower, -high, -low
                needs = "needs" if low > 0 else "needed, as far as these seeds tell,"
                text = (
                    f"{label(slower)} {needs} {significant(abs(reading.effect))} [{significant(low)}, "
                    f"{significant(high)}] epochs more than {label(faster)}"
                )
            case _:
                means = (
                    f"{label(arm)} {significant(float(np.mean(item.values)))}" for arm, item in arms.items()
                )
                text = f"epochs needed, mean of {reading.n} seeds: {', '.join(means)}"
        return f"{capitalized(text)}{never}"

    def title(self) -> str:
        target = "a common target" if isinstance(self.outcome.target, str) else f"{self.outcome.target}"
        target = target if self.outcome.share is None else f"{self.outcome.share:.0%} of the drop"
        return f"epochs to {target} ({self.outcome.metric})"

    def curves(self) -> dict[str, int | None]:
        return {self.outcome.metric: None}


def end_value(curve: Curve) -> float:
    """Where a curve has settled: the median of its last tenth, at least of its last value; NaN: nowhere."""
    if not curve:
        return math.nan
    tail = [value for _, value in curve[-max(1, len(curve) // 10) :]]
    return float(np.median(tail)) if np.isfinite(tail).all() else math.nan


def _attainable(bounds: tuple[float, float], resolution: float, n: int, level: float) -> list[Interval]:
    """As narrow as may be, around the least effect, none, and the greatest."""
    low, high = (min(max(end, -1e9), 1e9) for end in bounds)
    width = paired.mean_interval([0.0] * n, level, resolution)
    return [width.shifted(effect) for effect in telling(low, high)]
