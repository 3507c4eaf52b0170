"""Whether a tag of each run has one of some values: the share of an arm's runs, or the difference of two."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from dae_lab.claims.expression import Effect
from dae_lab.claims.measurement import ArmValues, Measurement, Runs
from dae_lab.claims.outcomes.kind import OutcomeKind, Tests, decides, need_one_arm_and_a_number
from dae_lab.claims.outcomes.means import nearest_conclusion
from dae_lab.claims.statistics import prediction, proportion
from dae_lab.claims.statistics.decision import Attainable, Conclusion
from dae_lab.claims.statistics.interval import Interval
from dae_lab.config.run import Config
from dae_lab.errors import ConfigError
from dae_lab.formatting import level_percent, percent
from dae_lab.recording.names import LABELS

if TYPE_CHECKING:
    from dae_lab.claims.judge import Reading


class Share(OutcomeKind):
    """The share of runs whose tag has one of the values ``among``."""

    name: ClassVar[str] = "share"

    def check(self) -> None:
        if not self.outcome.among:
            raise ConfigError("kind=share needs among: the values of the tag that count")
        super().check()

    def check_effect(self, effect: Effect) -> None:
        need_one_arm_and_a_number(effect, self.name, arms=2)

    def check_recorded(self, config: Config) -> None:
        tag = self.outcome.metric
        if tag not in LABELS:
            raise ConfigError(f"metric: runs have no tag {tag}; there is {', '.join(LABELS)}")
        if odd := set(self.outcome.among) - {*LABELS[tag]}:
            raise ConfigError(
                f"among: {tag} is never {', '.join(sorted(odd))}, but one of {', '.join(LABELS[tag])}"
            )

    def measure(
        self, runs: Runs, seeds: Mapping[str, Sequence[int]], compared: Collection[str] = ()
    ) -> dict[str, ArmValues]:
        found = {}
        for arm, of in runs.items():
            counts = [of[seed].tags.get(self.outcome.metric) in self.outcome.among for seed in seeds[arm]]
            values = np.array(counts, float)
            found[arm] = ArmValues(values, np.ones(len(values), bool), values)
        return found

    def interval(self, measured: Measurement, error: float) -> Interval:
        level, (first, *others) = measured.level(error), measured.compared.values()
        if others:
            return proportion.paired_difference(first.values > 0, others[0].values > 0, level)
        exact = proportion.exact_interval(int(first.values.sum()), len(first.values), level)
        return measured.effect.from_arm_interval(exact)

    def arm_interval(self, measured: ArmValues) -> Interval:
        return proportion.exact_interval(int(measured.known.sum()), len(measured.known), 0.95)

    def sensitivity_tests(self, measured: Measurement, level: float) -> Tests:
        """``McNemar p`` of two arms."""
        arms = [item.values for item in measured.compared.values()]
        return {"McNemar p": proportion.mcnemar(*arms)} if len(arms) == 2 else {}

    def attainable(self, effect: Effect, epochs: int) -> Attainable:
        if len(effect.arms) > 1:
            return proportion.paired_attainable
        return lambda n, level: [effect.from_arm_interval(one) for one in proportion.attainable(n, level)]

    def fixed_design(self, measured: Measurement, error: float) -> tuple[int | None, Conclusion]:
        definition = measured.definition
        nearest = nearest_conclusion(float(measured.effects.mean()), definition)
        one_sided = definition.rule == "difference" and nearest is not Conclusion.equivalent
        return self._one_sided_design(measured, error) if one_sided else None, nearest

    def _one_sided_design(self, measured: Measurement, error: float) -> int | None:
        """For the share of one arm, as it was found, above or below a number."""
        margin = measured.definition.margin
        match measured.effect.sides():
            case (str(arm), float(number)):
                share, bound = float(measured.arms[arm].values.mean()), number + margin
            case (float(number), str(arm)):
                share, bound = float(measured.arms[arm].values.mean()), number - margin
            case _:
                return None
        if share < bound:
            return proportion.fixed_design(1 - share, 1 - bound, error)
        return proportion.fixed_design(share, bound, error)

    def _predict(self, measured: Measurement, level: float, rng: np.random.Generator) -> float | None:
        arms = [*measured.compared.values()]
        if len(arms) > 1:
            return None
        successes = int(arms[0].values.sum())
        return prediction.of_share(successes, measured.n, measured.seeds.maximum, level, decides(measured))

    def description(self) -> str:
        return f"the share of runs whose `{self.outcome.metric}` is {' or '.join(self.outcome.among)}"

    def finding(self, reading: "Reading", label: Callable[[str], str]) -> str:
        labels = " or ".join(self.outcome.among)
        counts = {arm: (int(item.known.sum()), len(item.known)) for arm, item in reading.compared.items()}
        text = ", ".join(f"{k} of {n} runs with {label(arm)}" for arm, (k, n) in counts.items())
        if len(counts) > 1:
            return f"Ended {labels}: {text}"
        [(k, n)] = counts.values()
        share = reading.measured.effect.to_arm_interval(reading.interval)
        bound = f"at least {percent(share.low)}" if 2 * k >= n else f"at most {percent(share.high)}"
        return f"{text} ended {labels}; {bound} of all would ({level_percent(share.level)} %)"

    def title(self) -> str:
        return f"share of {' or '.join(self.outcome.among)}"

    def tags(self) -> list[str]:
        return [self.outcome.metric]
