"""How many seeds a claim needs, what more of them promise, and what power its plan has."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from dae_lab.claims.evidence import Evidence, correlated, look_error
from dae_lab.claims.expression import Effect
from dae_lab.claims.intervals import grain_of
from dae_lab.claims.outcome import Measured
from dae_lab.claims.rule import FUTILITY_FROM, Definition
from dae_lab.claims.spec import Claim
from dae_lab.claims.statistics import paired, prediction, proportion, sequential
from dae_lab.claims.statistics.decision import Verdict, decide, is_decided
from dae_lab.claims.statistics.interval import Interval
from dae_lab.seeds import derive

MANY = 1_000_000
"""Seeds that nobody trains: an effect that needs so many lies on the margin, as far as one can tell."""

STUDIES = 4_000
"""Simulated for a power: it is known to ±0.8 %."""


@dataclass(frozen=True)
class FixedDesign:
    """Seeds with which one look at the end gives ``verdict`` with 80 % power."""

    seeds: int
    verdict: Verdict


def fixed_design(evidence: Evidence, name: str, error: float) -> FixedDesign | None:
    """For the effect found by the reading ``name``, and its nearest verdict; None: not known, or too many."""
    given, effect = evidence.claim.readings[name], evidence.claim.effects[name]
    effects, arms = evidence.effects[name], evidence.arms[name]
    if not np.isfinite(effects).all() or given.outcome.kind == "correlation":
        return None
    mean = float(effects.mean())
    verdict = _nearest(mean, given)
    if given.outcome.kind == "share":
        one_sided = given.rule == "difference" and verdict is not Verdict.equivalent
        seeds = _fixed_of_share(given, arms, effect, error) if one_sided else None
    else:
        grain = grain_of(effect, given.outcome, arms)
        spread = max(float(np.std(effects, ddof=1)), grain / math.sqrt(6))  # rounding's, as in the interval
        seeds = _fixed_of_mean(mean, spread, error, given.margin, given.rule)
    return FixedDesign(seeds, verdict) if seeds and seeds < MANY else None


def _nearest(mean: float, given: Definition) -> Verdict:
    """The verdict that more seeds would give, were the effect just as it was found."""
    if given.rule == "equivalence":
        return Verdict.supported if abs(mean) < given.margin else Verdict.refuted
    if abs(mean) < given.margin:
        return Verdict.equivalent
    if given.rule == "either":
        return Verdict.supported
    return Verdict.supported if mean > 0 and mean >= given.margin else Verdict.refuted


def _fixed_of_mean(mean: float, spread: float, error: float, margin: float, rule: str) -> int | None:
    if abs(mean) < margin:
        return sequential.fixed_equivalence(mean, spread, error, margin)
    if rule == "difference" and mean < 0:
        return sequential.fixed_design(-mean, spread, error, margin=-margin)  # that it is not above
    return sequential.fixed_design(abs(mean), spread, error, margin=margin)


def _fixed_of_share(
    given: Definition, arms: Mapping[str, Measured], effect: Effect, error: float
) -> int | None:
    """For the share of one arm, as it was found, above or below a number."""
    match effect.sides():
        case (str(arm), float(number)):
            share, bound = float(arms[arm].values.mean()), number + given.margin
        case (float(number), str(arm)):
            share, bound = float(arms[arm].values.mean()), number - given.margin
        case _:
            return None
    if share < bound:
        return proportion.fixed_design(1 - share, 1 - bound, error)
    return proportion.fixed_design(share, bound, error)


def chance_of_verdict(evidence: Evidence, name: str, error: float) -> float | None:
    """The predictive probability that the reading ``name`` is decided at the planned maximum.

    None: not predicted, as there are fewer than ``FUTILITY_FROM`` seeds, none are left, the study may go on
    beyond the maximum, or the outcome is a difference of shares.
    """
    claim, n = evidence.claim, evidence.n
    given, effects, maximum = claim.readings[name], evidence.effects[name], claim.seeds.maximum
    if not FUTILITY_FROM <= n < maximum or claim.seeds.beyond != "none" or not np.isfinite(effects).all():
        return None
    level = 1 - look_error(claim, maximum, error)
    rng = np.random.default_rng(derive(0, "claim", "prediction", name, str(n)))

    effect = claim.effects[name]
    if given.outcome.kind in ("value", "time"):
        many = partial(is_decided, margin=given.margin, kind=given.kind)
        return prediction.of_mean(effects, maximum, level, many, rng)
    if len(effect.arms) > 1:
        return None

    def decides(interval: Interval) -> bool:
        return decide(effect.place(interval), given.margin, given.kind) is not Verdict.inconclusive

    measured = evidence.arms[name][effect.arms[0]]
    if given.outcome.kind == "share":
        return prediction.of_share(int(measured.values.sum()), n, maximum, level, decides)
    rho = correlated(measured, level).rho
    return prediction.of_correlation(rho, n, maximum, level, decides, rng)


def power(claim: Claim, spreads: float, divisor: int = 1) -> float:
    """The chance that a claim's own reading is decided for it, at an effect of so many standard deviations.

    By 4,000 simulated studies of normal effects. The effect is counted from the margin of a difference on;
    of an equivalence it is 0, and the margin is so many standard deviations. Of shares and correlations no
    power is known: NaN.

    Args:
        divisor: of the error rate, in a family.
    """
    given, seeds = claim.definition, claim.seeds
    if given.outcome.kind not in ("value", "time"):
        return math.nan
    rng = np.random.default_rng(derive(0, "claim", "power"))
    equal = given.rule == "equivalence"
    effects = rng.normal(0.0 if equal else spreads, 1.0, (STUDIES, seeds.maximum))
    decided = np.zeros(STUDIES, bool)
    for n in [n for n in seeds.planned_looks() if n >= seeds.support]:
        low, high = paired.mean_ends(effects[:, :n], look_error(claim, n, claim.error / divisor))
        decided |= (low > -spreads) & (high < spreads) if equal else low > 0
    return float(decided.mean())
