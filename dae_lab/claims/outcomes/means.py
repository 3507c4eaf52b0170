"""Kinds of outcome whose effects are one number a seed: the claim is about their mean."""

import math
from functools import partial
from typing import ClassVar

import numpy as np

from dae_lab.claims.measurement import ArmValues, Measurement
from dae_lab.claims.outcomes.kind import OutcomeKind, Tests
from dae_lab.claims.rule import Definition, Seeds
from dae_lab.claims.statistics import anytime, equivalence, paired, prediction, sequential
from dae_lab.claims.statistics.decision import Conclusion, is_decided
from dae_lab.claims.statistics.interval import Interval
from dae_lab.seeds import derive

STUDIES = 4_000
"""Simulated for a power: it is known to ±0.8 %."""


class MeanEffect(OutcomeKind):
    """The mean over seeds of effects that are taken for normal."""

    effects_per_seed: ClassVar[bool] = True
    any_sample_size: ClassVar[bool] = True
    resolution: float = 0.0
    """The step in which an arm's value comes; 0: continuous."""

    def interval(self, measured: Measurement, error: float) -> Interval:
        method = paired.mean_interval if measured.n <= measured.seeds.maximum else anytime.mean_interval
        return method(measured.effects, measured.level(error), self._effect_resolution(measured))

    def _effect_resolution(self, measured: Measurement) -> float:
        """The step in which the effect comes: of epochs, counts and ranks few seeds may agree by chance."""
        values = {arm: item.values for arm, item in measured.compared.items()}
        return measured.effect.resolution(values, self.resolution)

    def arm_interval(self, measured: ArmValues) -> Interval:
        return paired.student_interval(measured.known, 0.95)

    def sensitivity_tests(self, measured: Measurement, level: float) -> Tests:
        """Tests of the mean effect, and of how often it is positive.

        ``bootstrap`` interval (BCa); exact ``sign-flip p`` and ``Wilcoxon p`` that the effect is the margin
        (of an equivalence, and where either direction counts: 0); ``P(effect > 0)`` on a seed, and its exact
        interval; ``TOST p`` of an equivalence.
        """
        definition, effects = measured.definition, measured.effects
        null = definition.margin if definition.rule == "difference" else 0.0
        rng = np.random.default_rng(derive(0, "claim", measured.name))
        share, bounds = paired.superiority(effects, level)
        found: dict[str, float | Interval] = {
            "bootstrap": paired.bootstrap_interval(effects, level, rng),
            "sign-flip p": paired.sign_flip(effects - null, rng),
            "Wilcoxon p": paired.wilcoxon(effects - null),
            "P(effect > 0)": share,
            "its interval": bounds,
        }
        if definition.rule == "equivalence":
            found["TOST p"] = equivalence.two_one_sided(effects, definition.margin)
        return found

    def fixed_design(self, measured: Measurement, error: float) -> tuple[int | None, Conclusion]:
        mean, definition = float(measured.effects.mean()), measured.definition
        rounding = self._effect_resolution(measured) / math.sqrt(6)  # as in the interval
        spread = max(float(np.std(measured.effects, ddof=1)), rounding)
        seeds = _fixed_design(mean, spread, error, definition.margin, definition.rule)
        return seeds, nearest_conclusion(mean, definition)

    def _predict(self, measured: Measurement, level: float, rng: np.random.Generator) -> float:
        definition = measured.definition
        decide = partial(is_decided, margin=definition.margin, rule=definition.rule)
        return prediction.of_mean(measured.effects, measured.seeds.maximum, level, decide, rng)

    def power(self, definition: Definition, seeds: Seeds, error: float, spreads: float) -> float:
        rng = np.random.default_rng(derive(0, "claim", "power"))
        equal = definition.rule == "equivalence"
        effects = rng.normal(0.0 if equal else spreads, 1.0, (STUDIES, seeds.maximum))
        decided = np.zeros(STUDIES, bool)
        for n in [n for n in seeds.planned_looks() if n >= seeds.support]:
            low, high = paired.mean_ends(effects[:, :n], seeds.look_error(n, error))
            decided |= (low > -spreads) & (high < spreads) if equal else low > 0
        return float(decided.mean())


def nearest_conclusion(mean: float, definition: Definition) -> Conclusion:
    """The conclusion that more seeds would give, were the effect just as it was found."""
    within = abs(mean) < definition.margin
    if definition.rule == "equivalence":
        return Conclusion.supported if within else Conclusion.refuted
    if within:
        return Conclusion.equivalent
    if definition.rule == "either":
        return Conclusion.supported
    return Conclusion.supported if mean > 0 and mean >= definition.margin else Conclusion.refuted


def _fixed_design(mean: float, spread: float, error: float, margin: float, rule: str) -> int | None:
    if abs(mean) < margin:
        return sequential.fixed_equivalence(mean, spread, error, margin)
    if rule == "difference" and mean < 0:
        return sequential.fixed_design(-mean, spread, error, margin=-margin)  # that it is not above
    return sequential.fixed_design(abs(mean), spread, error, margin=margin)
