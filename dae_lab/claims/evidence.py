"""What the runs of a claim say before anything is decided: values, effects, and what is wrong with them."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from dae_lab.claims.expression import Effect
from dae_lab.claims.outcome import ClaimRun, Measured, Runs, above_worst, horizon, measure, restricted
from dae_lab.claims.rule import Outcome
from dae_lab.claims.spec import Claim
from dae_lab.claims.statistics import correlation, paired, proportion, sequential
from dae_lab.seeds import derive

BEYOND = 0.2
"""The share of a claim's error rate that is kept for seeds beyond the planned maximum."""


@dataclass(frozen=True)
class Problem:
    """Why a reading cannot be judged by the runs that there are.

    final: more seeds would not mend it. collapse: all runs have values, but some collapsed, which a guard
        excludes.
    """

    sentence: str
    final: bool = True
    collapse: bool = False


@dataclass(frozen=True)
class Evidence:
    """What the runs of a claim's first ``n`` seeds say.

    arms: by reading, what was measured of each arm.
    effects: by reading, the effect of each seed, float (n,); of a correlation that of all seeds, (1,).
    problems: by reading, why it cannot be judged; those of ``definition`` include the claim's guards.
    collapsed: by arm, how many runs did.
    """

    claim: Claim
    n: int
    arms: Mapping[str, Mapping[str, Measured]]
    effects: Mapping[str, np.ndarray]
    problems: Mapping[str, tuple[Problem, ...]]
    collapsed: Mapping[str, int] = field(default_factory=dict)


def look_error(claim: Claim, n: int, error: float) -> float:
    """The two-sided error rate of the intervals after ``n`` seeds, so that of all looks is ``error``."""
    seeds = claim.seeds
    planned = seeds.planned_looks()
    if n not in planned:
        return error * BEYOND
    error = error if seeds.beyond == "none" else error * (1 - BEYOND)
    return sequential.nominal(planned, seeds.maximum, error)[planned.index(n)]


def gather(claim: Claim, runs: Runs, n: int) -> Evidence:
    """What the runs of the first ``n`` seeds say; of ``claim.causes`` some may be missing."""
    seeds = {arm: [seed for seed in claim.wanted(arm, n) if seed in of] for arm, of in runs.items()}
    measured = {
        name: measure(runs, seeds, reading.outcome, claim.effects[name].arms)
        for name, reading in claim.readings.items()
    }
    arms = {name: _comparable(claim, of, name) for name, of in measured.items()}
    effects = {
        name: _effects(effect, claim.readings[name].outcome.kind, arms[name])
        for name, effect in claim.effects.items()
    }
    problems = {}
    for name, reading in claim.readings.items():
        found = [*_problems_of_reading(claim, n, seeds, measured[name], name)]
        if name == "definition":
            found = [*_problems_of_guards(claim, runs), *found]
        if not found and not np.isfinite(effects[name]).all():
            found = [Problem(f"{reading.effect} is no number, for these values of its arms")]
        problems[name] = tuple(found)
    collapsed = {arm: len(collapsed_seeds(of)) for arm, of in runs.items()}
    return Evidence(claim, n, arms, effects, problems, collapsed)


def correlated(measured: Measured, level: float) -> correlation.RankCorrelation:
    """How an arm's metric goes with the other one, over seeds; the same whenever it is asked."""
    rng = np.random.default_rng(derive(0, "claim", "correlation"))
    return correlation.rank_correlation(measured.values, measured.beside, level, rng)


def _comparable(claim: Claim, measured: Mapping[str, Measured], name: str) -> Mapping[str, Measured]:
    """What was measured, times up to where the first run ended that had not reached its target."""
    if claim.readings[name].outcome.kind != "time":
        return measured
    end = horizon([measured[arm] for arm in claim.effects[name].arms])
    return {arm: restricted(of, end) for arm, of in measured.items()}


def _effects(effect: Effect, kind: str, arms: Mapping[str, Measured]) -> np.ndarray:
    if kind == "correlation":
        known = all(np.isfinite([arms[arm].values, arms[arm].beside]).all() for arm in effect.arms)
        rho = {arm: correlated(arms[arm], 0.95).rho if known else math.nan for arm in effect.arms}
        return np.atleast_1d(effect(rho))
    return np.atleast_1d(effect({arm: arms[arm].values for arm in effect.arms}))


def _problems_of_guards(claim: Claim, runs: Runs) -> Iterator[Problem]:
    """The guards of a claim that single runs do not meet."""
    for arm in claim.guards.improved:
        collapsed = collapsed_seeds(runs[arm]) if arm in claim.guards.not_collapsed else []
        worse = [
            seed
            for seed, run in runs[arm].items()
            if seed not in collapsed and not _improved(run.curve("val/mse"))
        ]
        if worse:
            yield Problem(f"arm {arm} learned nothing with seed {_list(worse)}: its val/mse did not fall")
    for arm in claim.guards.not_collapsed:
        if collapsed := collapsed_seeds(runs[arm]):
            yield Problem(f"arm {arm} collapsed with seed {_list(collapsed)}", collapse=True)


def _problems_of_reading(
    claim: Claim, n: int, seeds: Mapping[str, Sequence[int]], arms: Mapping[str, Measured], name: str
) -> Iterator[Problem]:
    outcome, compared = claim.readings[name].outcome, claim.effects[name].arms
    metric = " and ".join(filter(None, (outcome.metric, outcome.relative_to)))
    known = True
    for arm in compared:
        unknown = np.flatnonzero(~np.isfinite(arms[arm].values + arms[arm].beside))
        if len(unknown):
            known = False
            yield Problem(f"arm {arm} has no {metric} with seed {_list(seeds[arm], unknown)}")
    if not known or outcome.kind != "time":
        return
    level, last = 1 - look_error(claim, n, claim.error), n == claim.seeds.last
    times = {arm: arms[arm] for arm in compared}
    yield from _cut_short(times, seeds, outcome)
    yield from not_reached(times, claim.guards.reached, level, last)
    if outcome.share is not None and outcome.comparable is not None:
        yield from _ends_apart(times, outcome.comparable, level, last)
    if outcome.target == "common":
        yield from _reached_at_once(times, seeds, outcome)


def _cut_short(
    times: Mapping[str, Measured], seeds: Mapping[str, Sequence[int]], outcome: Outcome
) -> Iterator[Problem]:
    """Runs that ended before others: their targets would be other ones, or they would erase others' times."""
    if outcome.share is not None or outcome.target == "common":
        longest = np.max([of.epochs for of in times.values()], axis=0)
        for arm, measured in times.items():
            for place in np.flatnonzero(measured.epochs < longest).tolist():
                yield Problem(
                    f"arm {arm}'s run with seed {seeds[arm][place]} ended at epoch "
                    f"{measured.epochs[place]:g}, another one with that seed at {longest[place]:g}: a target "
                    "made of where runs end needs runs of equal length"
                )
        return
    end = horizon(times.values())
    if end is None:
        return
    latest = max(float(of.values[of.reached].max(initial=0)) for of in times.values())
    if latest <= end:
        return
    for arm, measured in times.items():
        for place in np.flatnonzero(~measured.reached & (measured.values <= end)).tolist():
            yield Problem(
                f"arm {arm}'s run with seed {seeds[arm][place]} ended at epoch {end:g} without its target, "
                f"which another run reached at epoch {latest:g}: nothing can be compared beyond {end:g}"
            )


def not_reached(times: Mapping[str, Measured], wanted: float, level: float, last: bool) -> Iterator[Problem]:
    """Arms of which too few runs reached the target; final where that is certain, or no seeds are left."""
    for arm, measured in times.items():
        count, n = int(measured.reached.sum()), len(measured.reached)
        if count < wanted * n or not count:
            final = last or proportion.exact_interval(count, n, level).high < wanted
            yield Problem(f"only {count / n:.0%} of the runs of arm {arm} reached the target", final)


def _ends_apart(times: Mapping[str, Measured], most: float, level: float, last: bool) -> Iterator[Problem]:
    """Arms that end apart: shares of their own drops are of different drops."""
    ends = {arm: measured.last for arm, measured in times.items()}
    for arm, of in ends.items():
        if not (np.isfinite(of).all() and (of > 0).all()):
            yield Problem(f"arm {arm} does not end at values above 0 that could be compared")
            return
    low, high = min(ends, key=lambda arm: ends[arm].mean()), max(ends, key=lambda arm: ends[arm].mean())
    if ends[high].mean() > ends[low].mean() * (1 + most):
        ratios = np.log(ends[high] / ends[low])
        final = last or paired.mean_interval(ratios, level).low > math.log1p(most)
        yield Problem(
            f"arm {high} ends at {ends[high].mean():.3g} and arm {low} at {ends[low].mean():.3g}: shares of "
            f"drops that are not comparable; compare times to a common target, or values",
            final,
        )


def _reached_at_once(
    times: Mapping[str, Measured], seeds: Mapping[str, Sequence[int]], outcome: Outcome
) -> Iterator[Problem]:
    """Seeds whose common target is no lower than where a curve begins: an arm learned nothing."""
    targets = above_worst([measured.last for measured in times.values()], outcome)
    for arm, measured in times.items():
        at_once = np.flatnonzero(measured.first <= targets)
        if len(at_once):
            yield Problem(
                f"with seed {_list(seeds[arm], at_once)} the common target is no lower "
                f"than where arm {arm} begins: an arm learned too little to be compared"
            )


def collapsed_seeds(of: Mapping[int, ClaimRun]) -> list[int]:
    """The seeds whose runs, of one arm, collapsed."""
    return [seed for seed, run in of.items() if run.tags.get("collapse", "none") != "none"]


def _improved(curve: Sequence[tuple[int, float]]) -> bool:
    return len(curve) > 1 and curve[-1][1] < curve[0][1]


def _list(seeds: Sequence[int], places: np.ndarray | None = None) -> str:
    """The seeds, or those at ``places`` alone, for a sentence."""
    chosen = seeds if places is None else [seeds[place] for place in places.tolist()]
    return ", ".join(map(str, sorted(chosen)))
