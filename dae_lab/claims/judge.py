"""From what the runs measured to a verdict: looks, intervals, guards."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from dae_lab.claims.expression import Effect
from dae_lab.claims.outcome import Measured, Runs, measure
from dae_lab.claims.spec import Claim, Definition
from dae_lab.claims.statistics import decision, paired, proportion, sequential
from dae_lab.claims.statistics.decision import Verdict
from dae_lab.claims.statistics.interval import Interval, whole
from dae_lab.seeds import derive


@dataclass(frozen=True)
class Reading:
    """What one definition says.

    name: ``definition``, or the alternative's.
    effect: the mean over seeds, or the difference of shares; NaN where a run has no value.
    interval: at the level of this look, so that all looks together hold the claim's error rate.
    effects: of each seed, float (n,); of shares, the seeds' own differences.
    arms: what was measured of each arm.
    p: the exact two-sided p value of the sign-flip test that the mean effect is ``margin``; NaN of shares.
    bootstrap: the interval by resampling seeds, at the same level, for comparison.
    """

    name: str
    definition: Definition
    verdict: Verdict
    effect: float
    interval: Interval
    effects: np.ndarray
    arms: dict[str, Measured]
    p: float
    bootstrap: Interval


@dataclass(frozen=True)
class Judgement:
    """What became of a claim after ``n`` seeds.

    verdict: over all readings and guards.
    readings: the one that decides first.
    broken: guards that are not met, one sentence each; then the verdict is ``invalid``.
    level: of the intervals, 1 less what of the error rate this look may spend.
    needed: seeds that a fixed design with 80 % power would have needed for this effect; None: unknown.
    """

    claim: Claim
    verdict: Verdict
    readings: tuple[Reading, ...]
    broken: tuple[str, ...]
    n: int
    level: float
    needed: int | None

    @property
    def decided(self) -> bool:
        """Whether more seeds would change nothing that matters."""
        return self.verdict not in (Verdict.inconclusive, Verdict.invalid)


def judge(claim: Claim, runs: Runs, n: int) -> Judgement:
    """Judge ``claim`` by the runs of seeds 0 to ``n`` - 1.

    Raises:
        ConfigError: the runs do not record what is asked for.
    """
    looks = claim.seeds.looks()
    nominal = sequential.nominal(looks, claim.seeds.maximum, claim.error)[looks.index(n)]
    effects = claim.effects()
    seeds = {arm: claim.wanted(arm, n) for arm in runs}
    readings = tuple(
        _reading(name, definition, effects[name], measure(runs, seeds, definition.outcome), 1 - nominal)
        for name, definition in claim.readings().items()
    )
    broken = tuple(_broken(claim, runs, readings[0]))
    verdict = Verdict.invalid if broken else decision.combine([reading.verdict for reading in readings])
    first = readings[0]
    needed = _fixed(first, claim.error)
    return Judgement(claim, verdict, readings, broken, n, 1 - nominal, needed)


def _fixed(first: Reading, error: float) -> int | None:
    """Seeds that one look at the end would have needed; None: not known, or no number would do."""
    given = first.definition
    if given.rule != "difference" or given.outcome.kind == "share" or not math.isfinite(first.effect):
        return None
    spread = float(np.std(first.effects, ddof=1))
    return sequential.fixed_design(first.effect, spread, error, margin=given.margin)


def invalid(claim: Claim, broken: Sequence[str], n: int) -> Judgement:
    """The judgement where runs are missing."""
    return Judgement(claim, Verdict.invalid, (), tuple(broken), n, math.nan, None)


def _reading(
    name: str, definition: Definition, effect: Effect, arms: dict[str, Measured], level: float
) -> Reading:
    values = {arm: measured.values for arm, measured in arms.items()}
    effects = np.atleast_1d(effect(values))
    if not np.isfinite(effects).all():
        nothing = whole(level)
        return Reading(name, definition, Verdict.invalid, math.nan, nothing, effects, arms, math.nan, nothing)
    if definition.outcome.kind == "share":
        interval, p, resampled = _of_shares(effect, values, level), math.nan, None
    else:
        grain = 1.0 if definition.outcome.kind == "time" else 0.0  # epochs come whole
        interval = paired.mean_interval(effects, level, grain)
        rng = np.random.default_rng(derive(0, "claim", name))
        off = definition.margin if definition.rule == "difference" else 0.0
        p = paired.sign_flip(effects - off, rng)
        resampled = paired.bootstrap_interval(effects, level, rng)
    verdict = decision.decide(interval, definition.margin, definition.kind)
    mean = float(effects.mean())
    return Reading(name, definition, verdict, mean, interval, effects, arms, p, resampled or interval)


def _of_shares(effect: Effect, values: Mapping[str, np.ndarray], level: float) -> Interval:
    """The exact interval of ``arm - arm``, ``arm - number`` or ``number - arm``."""
    sides = effect.share()
    assert sides is not None
    one, other = sides
    if isinstance(one, str) and isinstance(other, str):
        return proportion.paired_difference(values[one] > 0, values[other] > 0, level)
    arm = one if isinstance(one, str) else str(other)
    exact = proportion.exact_interval(int(values[arm].sum()), len(values[arm]), level)
    if isinstance(one, str):
        return exact.shifted(-float(other))
    return Interval(float(one) - exact.high, float(one) - exact.low, level)


def _broken(claim: Claim, runs: Runs, first: Reading) -> list[str]:
    """The guards that are not met."""
    found = []
    for arm in claim.guards.improved:
        worse = [seed for seed, run in runs[arm].items() if not _improved(run.curve("val/mse"))]
        if worse:
            found.append(f"arm {arm} learned nothing with seed {_list(worse)}: its val/mse did not fall")
    for arm in claim.guards.not_collapsed:
        stuck = [seed for seed, run in runs[arm].items() if run.tags.get("collapse", "none") != "none"]
        if stuck:
            found.append(f"arm {arm} collapsed with seed {_list(stuck)}")
    if first.definition.outcome.kind == "time":
        for arm, measured in first.arms.items():
            share = float(measured.reached.mean())
            if share < claim.guards.reached:
                found.append(f"only {share:.0%} of the runs of arm {arm} reached the target")
    if any(not np.isfinite(measured.values).all() for measured in first.arms.values()):
        found.append("a run has no value of the outcome")
    return found


def _improved(curve: Sequence[tuple[int, float]]) -> bool:
    return len(curve) > 1 and curve[-1][1] < curve[0][1]


def _list(seeds: Sequence[int]) -> str:
    return ", ".join(map(str, sorted(seeds)))
