"""How one metric goes with another over the seeds of an arm: Spearman's rank correlation."""

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from dae_lab.claims.expression import Effect
from dae_lab.claims.measurement import ArmValues, Measurement
from dae_lab.claims.outcomes.kind import SingleValue, Tests, decides, need_one_arm_and_a_number
from dae_lab.claims.statistics import correlation, paired, prediction
from dae_lab.claims.statistics.decision import Attainable
from dae_lab.claims.statistics.interval import Interval
from dae_lab.errors import ConfigError
from dae_lab.formatting import significant
from dae_lab.seeds import derive

if TYPE_CHECKING:
    from dae_lab.claims.judge import Reading


class Correlation(SingleValue):
    """Spearman's correlation of two metrics over the seeds of one arm."""

    name: ClassVar[str] = "correlation"

    def check(self) -> None:
        if not self.outcome.relative_to:
            raise ConfigError("kind=correlation needs relative_to: the metric that it is correlated with")
        super().check()

    def check_effect(self, effect: Effect) -> None:
        need_one_arm_and_a_number(effect, self.name, arms=1)

    def _arm_values(self, values: np.ndarray, other: np.ndarray) -> ArmValues:
        return ArmValues(values, np.ones(len(values), bool), other)

    def effects(self, effect: Effect, arms: Mapping[str, ArmValues]) -> np.ndarray:
        """The effect over all seeds, float (1,)."""
        [arm] = effect.arms
        known = np.isfinite([arms[arm].values, arms[arm].covariate]).all()
        return np.atleast_1d(effect({arm: _correlate(arms[arm], 0.95).rho if known else math.nan}))

    def interval(self, measured: Measurement, error: float) -> Interval:
        [arm] = measured.compared.values()
        return measured.effect.from_arm_interval(_correlate(arm, measured.level(error)).interval)

    def arm_interval(self, measured: ArmValues) -> Interval:
        return paired.student_interval(measured.known, 0.95)

    def sensitivity_tests(self, measured: Measurement, level: float) -> Tests:
        """``permutation p`` that the two metrics do not go together."""
        [arm] = measured.compared.values()
        return {"permutation p": _correlate(arm, level).p}

    def attainable(self, effect: Effect, epochs: int) -> Attainable:
        return lambda n, level: [effect.from_arm_interval(one) for one in correlation.attainable(n, level)]

    def _predict(self, measured: Measurement, level: float, rng: np.random.Generator) -> float:
        [arm] = measured.compared.values()
        rho = _correlate(arm, level).rho
        return prediction.of_correlation(
            rho, measured.n, measured.seeds.maximum, level, decides(measured), rng
        )

    def description(self) -> str:
        metric, other = self.outcome.metric, self.outcome.relative_to
        return f"Spearman's correlation of `{metric}` with `{other}` over the seeds"

    def finding(self, reading: "Reading", label: Callable[[str], str]) -> str:
        both = f"`{self.outcome.metric}` and `{self.outcome.relative_to}`"
        return f"Over {reading.n} seeds {both} correlate by {significant(reading.effect)}"


def _correlate(arm: ArmValues, level: float) -> correlation.RankCorrelation:
    """The correlation of an arm's metric with the other one; the same whenever it is computed."""
    rng = np.random.default_rng(derive(0, "claim", "correlation"))
    return correlation.rank_correlation(arm.values, arm.covariate, level, rng)
