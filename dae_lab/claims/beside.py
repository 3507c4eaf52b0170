"""What is said of a reading beside the interval that decides: other tests of the same numbers."""

import math
from collections.abc import Mapping

import numpy as np

from dae_lab.claims.evidence import correlated
from dae_lab.claims.judge import Reading
from dae_lab.claims.outcome import Measured
from dae_lab.claims.statistics import censored, equivalence, paired, proportion
from dae_lab.claims.statistics.interval import Interval
from dae_lab.seeds import derive

Found = Mapping[str, float | Interval]
"""By name: a p value, a probability, or an interval."""


def beside(reading: Reading, sides: tuple[str | float, str | float] | None) -> Found:
    """The tests that make sense of ``reading``; nothing where a run has no value.

    ``bootstrap`` interval of the mean effect (BCa); exact ``sign-flip p`` and ``Wilcoxon p`` that the effect
    is the margin (of an equivalence, and where either direction counts: 0); ``P(effect > 0)`` on a seed, and
    its exact interval; ``TOST p`` of an equivalence; ``log-rank p`` of times and ``McNemar p`` of shares of
    two arms; ``permutation p`` of a correlation.

    Args:
        sides: of the effect, as ``Effect.sides`` gives them.
    """
    given = reading.definition
    if not np.isfinite(reading.effects).all():
        return {}
    two = [reading.arms[arm] for arm in sides or () if isinstance(arm, str)]
    match given.outcome.kind:
        case "correlation":
            return {"permutation p": correlated(two[0], reading.interval.level).p}
        case "share":
            return {"McNemar p": proportion.mcnemar(two[0].values, two[1].values)} if len(two) == 2 else {}
    found = _of_means(reading, given.margin if given.rule == "difference" else 0.0)
    if given.rule == "equivalence":
        found["TOST p"] = equivalence.two_one_sided(reading.effects, given.margin)
    if given.outcome.kind == "time" and len(two) == 2:
        found["log-rank p"] = censored.logrank(_times(two[0]), _times(two[1]))
    return found


def of_arm(measured: Measured, kind: str) -> Interval:
    """The 95 % interval of one arm's mean: of shares Clopper and Pearson's, else Student's."""
    known = measured.values[np.isfinite(measured.values)]
    if kind == "share":
        return proportion.exact_interval(int(known.sum()), len(known), 0.95)
    return paired.student_interval(known, 0.95)


def _of_means(reading: Reading, null: float) -> dict[str, float | Interval]:
    level, effects = reading.interval.level, reading.effects
    rng = np.random.default_rng(derive(0, "claim", reading.name))
    share, bounds = paired.superiority(effects, level)
    return {
        "bootstrap": paired.bootstrap_interval(effects, level, rng),
        "sign-flip p": paired.sign_flip(effects - null, rng),
        "Wilcoxon p": paired.wilcoxon(effects - null),
        "P(effect > 0)": share,
        "its interval": bounds,
    }


def _times(measured: Measured) -> censored.Times:
    return censored.Times(measured.values, measured.reached)


def plain(found: Found) -> dict[str, float | list[float]]:
    """``found`` as JSON takes it."""
    return {
        name: [value.low, value.high] if isinstance(value, Interval) else value
        for name, value in found.items()
        if isinstance(value, Interval) or not math.isnan(value)
    }
