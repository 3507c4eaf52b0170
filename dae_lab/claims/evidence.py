"""From finished runs to evidence: what each reading measured, and why it cannot be judged where it cannot."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from dae_lab.claims.claim import Claim
from dae_lab.claims.measurement import (
    NO_RUNS,
    ArmValues,
    Measurement,
    Problem,
    Runs,
    collapsed_seeds,
    list_seeds,
)


@dataclass(frozen=True)
class Evidence:
    """What the runs of a claim's first ``n`` seeds say.

    Attributes:
        readings: what each reading measured, the one that decides first; none where runs are missing.
        collapsed: by arm, how many runs did.
        runs: those that it was measured of. long_runs: those of ``Claim.long_arms``.
        missing: runs that there are not, one sentence each.
    """

    n: int
    readings: Mapping[str, Measurement]
    collapsed: Mapping[str, int] = field(default_factory=dict)
    runs: Runs = field(default_factory=dict)
    long_runs: Runs = field(default_factory=dict)
    missing: tuple[str, ...] = ()


def gather(
    claim: Claim, runs: Runs, n: int, long_runs: Runs = NO_RUNS, missing: Sequence[str] = ()
) -> Evidence:
    """What the runs of the first ``n`` seeds say; of ``claim.causes`` some may be missing."""
    if missing:
        return Evidence(n, {}, runs=runs, long_runs=long_runs, missing=tuple(missing))
    readings = {name: _measure(claim, name, runs, n) for name in claim.readings}
    first = readings["definition"]
    guarded = (*_guard_problems(claim, runs), *first.problems)
    readings["definition"] = replace(first, problems=guarded)
    readings = {name: _with_undefined_effect(measured) for name, measured in readings.items()}
    collapsed = {arm: len(collapsed_seeds(of)) for arm, of in runs.items()}
    return Evidence(n, readings, collapsed, runs, long_runs)


def measurement(
    claim: Claim,
    name: str,
    n: int,
    arms: Mapping[str, ArmValues],
    effects: np.ndarray,
    problems: Sequence[Problem] = (),
) -> Measurement:
    """What the reading ``name`` of ``claim`` measured, from its arms' values and its effects."""
    kind, effect = claim.kinds[name], claim.effects[name]
    return Measurement(
        name, claim.readings[name], kind, effect, claim.seeds, n, arms, effects, tuple(problems)
    )


def _measure(claim: Claim, name: str, runs: Runs, n: int) -> Measurement:
    kind, effect = claim.kinds[name], claim.effects[name]
    seeds = {arm: [seed for seed in claim.wanted(arm, n) if seed in of] for arm, of in runs.items()}
    arms = kind.measure(runs, seeds, effect.arms)
    compared = {arm: arms[arm] for arm in effect.arms}
    level, last = 1 - claim.seeds.look_error(n, claim.error), n == claim.seeds.last
    problems = [*kind.problems(compared, seeds, claim.guards, level, last)]
    aligned = kind.align(arms, effect.arms)
    return measurement(claim, name, n, aligned, kind.effects(effect, aligned), problems)


def _with_undefined_effect(measured: Measurement) -> Measurement:
    """With the problem that the effect is no number, where nothing else explains it."""
    if measured.problems or measured.is_known:
        return measured
    sentence = f"{measured.definition.effect} is no number, for these values of its arms"
    return replace(measured, problems=(Problem(sentence),))


def _guard_problems(claim: Claim, runs: Runs) -> Iterator[Problem]:
    """The guards of a claim that single runs do not meet."""
    for arm in claim.guards.improved:
        collapsed = collapsed_seeds(runs[arm]) if arm in claim.guards.not_collapsed else []
        worse = [
            seed
            for seed, run in runs[arm].items()
            if seed not in collapsed and not _has_fallen(run.curve("val/mse"))
        ]
        if worse:
            yield Problem(
                f"arm {arm} learned nothing with seed {list_seeds(worse)}: its val/mse did not fall"
            )
    for arm in claim.guards.not_collapsed:
        if collapsed := collapsed_seeds(runs[arm]):
            yield Problem(f"arm {arm} collapsed with seed {list_seeds(collapsed)}", collapse=True)


def _has_fallen(curve: Sequence[tuple[int, float]]) -> bool:
    return len(curve) > 1 and curve[-1][1] < curve[0][1]
