"""From what the runs measured to a verdict: looks, intervals, guards."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from dae_lab.claims.expression import Effect
from dae_lab.claims.outcome import Measured, Runs, horizon, measure, restricted
from dae_lab.claims.spec import Claim, Definition, Outcome
from dae_lab.claims.statistics import correlation, decision, paired, proportion, sequential
from dae_lab.claims.statistics.decision import Verdict
from dae_lab.claims.statistics.interval import Interval, whole
from dae_lab.recording.names import COUNTS
from dae_lab.seeds import derive

MANY = 1_000_000
"""Seeds that nobody trains: an effect that needs so many lies on the margin, as far as one can tell."""


@dataclass(frozen=True)
class Evidence:
    """What the runs of a claim's first ``n`` seeds say, before anything is decided by it.

    arms: by reading, what was measured of each arm.
    effects: by reading, the effect of each seed, float (n,); of a correlation that of all seeds, (1,).
    broken: guards that are not met, one sentence each.
    """

    claim: Claim
    n: int
    arms: Mapping[str, Mapping[str, Measured]]
    effects: Mapping[str, np.ndarray]
    broken: tuple[str, ...]


@dataclass(frozen=True)
class Reading:
    """What one definition says.

    name: ``definition``, or the alternative's.
    effect: the mean over seeds, or the difference of shares; NaN where a run has no value.
    interval: at the level of this look, so that all looks together hold the claim's error rate.
    effects, arms: as in ``Evidence``.
    """

    name: str
    definition: Definition
    verdict: Verdict
    effect: float
    interval: Interval
    effects: np.ndarray
    arms: Mapping[str, Measured]


@dataclass(frozen=True)
class Judgement:
    """What became of a claim after ``n`` seeds.

    verdict: over all readings and guards.
    readings: the one that decides first.
    broken: guards that are not met, one sentence each; then the verdict is ``invalid``.
    level: of the intervals, 1 less what of the error rate this look may spend.
    share: what the claim's error rate was divided by, as it was judged with others.
    needed: seeds that a fixed design with 80 % power would have needed for this effect; None: unknown.
    remarks: what is to be minded beside it, see ``remarks``.
    """

    claim: Claim
    verdict: Verdict
    readings: tuple[Reading, ...]
    broken: tuple[str, ...]
    n: int
    level: float
    share: int
    needed: int | None
    remarks: tuple[str, ...] = ()

    @property
    def decided(self) -> bool:
        """Whether the runs answer the question."""
        return self.verdict not in (Verdict.inconclusive, Verdict.invalid)


def gather(claim: Claim, runs: Runs, n: int) -> Evidence:
    """What the runs of seeds 0 to ``n`` - 1 say; of ``claim.causes`` some may be missing."""
    seeds = {arm: [seed for seed in claim.wanted(arm, n) if seed in of] for arm, of in runs.items()}
    arms = {name: _measure(claim, runs, seeds, name) for name in claim.readings}
    effects = {
        name: _effects(effect, claim.readings[name].outcome.kind, arms[name])
        for name, effect in claim.effects.items()
    }
    broken = _broken(claim, runs, arms["definition"])
    if not broken and not np.isfinite(effects["definition"]).all():
        broken = [f"{claim.definition.effect} is no number, for these values of its arms"]
    return Evidence(claim, n, arms, effects, tuple(broken))


def _measure(claim: Claim, runs: Runs, seeds: Mapping[str, Sequence[int]], name: str) -> dict[str, Measured]:
    outcome = claim.readings[name].outcome
    found = measure(runs, seeds, outcome)
    if outcome.kind != "time":
        return found
    end = horizon([found[arm] for arm in claim.arms])
    return {arm: restricted(measured, end) for arm, measured in found.items()}


def judge(evidence: Evidence, share: int = 1) -> Judgement:
    """Judge a claim by what its runs say, at its error rate divided by ``share``."""
    claim, n = evidence.claim, evidence.n
    looks, error = claim.seeds.looks(), claim.error / share
    level = 1 - sequential.nominal(looks, claim.seeds.maximum, error)[looks.index(n)]
    readings = tuple(_reading(name, evidence, level) for name in claim.readings)
    found = decision.combine([reading.verdict for reading in readings])
    verdict = Verdict.invalid if evidence.broken else found
    needed = _fixed(readings[0], claim.effects["definition"], error)
    needed = needed if needed and needed < MANY else None
    return Judgement(claim, verdict, readings, evidence.broken, n, level, share, needed)


def invalid(claim: Claim, broken: Sequence[str], n: int) -> Judgement:
    """The judgement where runs are missing."""
    return Judgement(claim, Verdict.invalid, (), tuple(broken), n, math.nan, 1, None)


def correlated(measured: Measured, level: float) -> correlation.RankCorrelation:
    """How an arm's metric goes with the other one, over seeds; the same whenever it is asked."""
    rng = np.random.default_rng(derive(0, "claim", "correlation"))
    return correlation.rank_correlation(measured.values, measured.beside, level, rng)


def _effects(effect: Effect, kind: str, arms: Mapping[str, Measured]) -> np.ndarray:
    if kind == "correlation":
        known = all(np.isfinite([arms[arm].values, arms[arm].beside]).all() for arm in effect.arms)
        rho = {arm: correlated(arms[arm], 0.95).rho if known else math.nan for arm in effect.arms}
        return np.atleast_1d(effect(rho))
    return np.atleast_1d(effect({arm: arms[arm].values for arm in effect.arms}))


def _reading(name: str, evidence: Evidence, level: float) -> Reading:
    definition, effects, arms = evidence.claim.readings[name], evidence.effects[name], evidence.arms[name]
    if not np.isfinite(effects).all():
        return Reading(name, definition, Verdict.invalid, math.nan, whole(level), effects, arms)
    interval = _interval(evidence.claim.effects[name], definition.outcome, effects, arms, level)
    verdict = decision.decide(interval, definition.margin, definition.kind)
    return Reading(name, definition, verdict, float(effects.mean()), interval, effects, arms)


def _interval(
    effect: Effect, outcome: Outcome, effects: np.ndarray, arms: Mapping[str, Measured], level: float
) -> Interval:
    if outcome.kind in ("value", "time"):
        return paired.mean_interval(effects, level, _grain(effect, outcome, arms))
    sides = effect.sides()
    assert sides is not None
    one, other = sides
    if isinstance(one, str) and isinstance(other, str):
        return proportion.paired_difference(arms[one].values > 0, arms[other].values > 0, level)
    measured = arms[one if isinstance(one, str) else str(other)]
    if outcome.kind == "share":
        found = proportion.exact_interval(int(measured.values.sum()), len(measured.values), level)
    else:
        found = correlated(measured, level).interval
    return found.shifted(-float(other)) if isinstance(one, str) else found.mirrored(float(one))


def _grain(effect: Effect, outcome: Outcome, arms: Mapping[str, Measured]) -> float:
    """In what steps the effect comes: of epochs, counts and ranks few seeds may agree by chance."""
    counted = outcome.kind == "time" or (outcome.metric.startswith(COUNTS) and not outcome.relative_to)
    return effect.grain({arm: arms[arm].values for arm in effect.arms}, 1.0 if counted else 0.0)


def _fixed(first: Reading, effect: Effect, error: float) -> int | None:
    """Seeds with which one look at the end says what was found; None: not known, or no number would do."""
    given, kind = first.definition, first.definition.outcome.kind
    if not math.isfinite(first.effect) or kind == "correlation":
        return None
    if kind == "share":
        return _fixed_of_share(first, effect, error) if given.rule == "difference" else None
    spread = float(np.std(first.effects, ddof=1))
    grain = _grain(effect, given.outcome, first.arms)
    spread = max(spread, grain / math.sqrt(6))  # what rounding makes of it, as in the interval
    size, margin = first.effect, given.margin
    if abs(size) < margin:
        return sequential.fixed_equivalence(size, spread, error, margin)
    if given.rule == "difference" and size < margin:
        return sequential.fixed_design(-size, spread, error, margin=-margin)  # that it is not above
    return sequential.fixed_design(abs(size), spread, error, margin=margin)


def _fixed_of_share(first: Reading, effect: Effect, error: float) -> int | None:
    """For the share of one arm, as it was found, above or below a number."""
    match effect.sides():
        case (str(arm), float(number)):
            share = float(first.arms[arm].values.mean())
            bound = number + first.definition.margin
        case (float(number), str(arm)):
            share = float(first.arms[arm].values.mean())
            bound = number - first.definition.margin
        case _:
            return None
    if share < bound:
        return proportion.fixed_design(1 - share, 1 - bound, error)
    return proportion.fixed_design(share, bound, error)


def _broken(claim: Claim, runs: Runs, deciding: Mapping[str, Measured]) -> list[str]:
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
    if claim.definition.outcome.kind == "time":
        for arm in claim.arms:
            reached = float(deciding[arm].reached.mean())
            if reached < claim.guards.reached:
                found.append(f"only {reached:.0%} of the runs of arm {arm} reached the target")
    outcome = claim.definition.outcome
    metric = " and ".join(filter(None, (outcome.metric, outcome.relative_to)))
    for arm in claim.arms:
        unknown = np.flatnonzero(~np.isfinite(deciding[arm].values + deciding[arm].beside))
        if len(unknown):
            found.append(f"arm {arm} has no {metric} with seed {_list(unknown.tolist())}")
    return found


def _improved(curve: Sequence[tuple[int, float]]) -> bool:
    return len(curve) > 1 and curve[-1][1] < curve[0][1]


def _list(seeds: Sequence[int]) -> str:
    return ", ".join(map(str, sorted(seeds)))
