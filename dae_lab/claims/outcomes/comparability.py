"""Whether times of several arms can be compared: runs of equal length, like ends, reached targets."""

import math
from collections.abc import Collection, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from dae_lab.claims.measurement import ArmValues, Problem, list_seeds
from dae_lab.claims.rule import Outcome
from dae_lab.claims.statistics import paired, proportion

Times = Mapping[str, ArmValues]
"""Times by arm."""

SeedsOf = Mapping[str, Sequence[int]]
"""By arm, the seeds of its values."""


def common_target(ends: ArrayLike, tolerance: float) -> np.ndarray:
    """The target of end values (arms, ...): the largest, times 1 + ``tolerance``; (...)."""
    return np.asarray(np.max(ends, axis=0) * (1 + tolerance))


def horizon(arms: Collection[ArmValues]) -> float | None:
    """The epoch at which the shortest run that did not reach its target ended; None where all reached it."""
    ends = [float(end) for measured in arms for end in measured.values[~measured.reached] if np.isfinite(end)]
    return min(ends, default=None)


def runs_too_short(times: Times, seeds: SeedsOf, outcome: Outcome) -> Iterator[Problem]:
    """Runs that ended before others: their targets would be other ones, or they would erase others' times."""
    if outcome.share is not None or outcome.target == "common":
        yield from _unequal_lengths(times, seeds)
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


def _unequal_lengths(times: Times, seeds: SeedsOf) -> Iterator[Problem]:
    longest = np.max([of.epochs for of in times.values()], axis=0)
    for arm, measured in times.items():
        for place in np.flatnonzero(measured.epochs < longest).tolist():
            yield Problem(
                f"arm {arm}'s run with seed {seeds[arm][place]} ended at epoch "
                f"{measured.epochs[place]:g}, another one with that seed at {longest[place]:g}: a target "
                "made of where runs end needs runs of equal length"
            )


def targets_not_reached(times: Times, wanted: float, level: float, last: bool) -> Iterator[Problem]:
    """Arms of which too few runs reached the target; final where that is certain, or no seeds are left.

    Args:
        wanted: the least share of an arm's runs, in [0, 1].
    """
    for arm, measured in times.items():
        count, n = int(measured.reached.sum()), len(measured.reached)
        if count < wanted * n or not count:
            final = last or proportion.exact_interval(count, n, level).high < wanted
            yield Problem(f"only {count / n:.0%} of the runs of arm {arm} reached the target", final)


def ends_too_different(times: Times, most: float, level: float, last: bool) -> Iterator[Problem]:
    """Arms whose mean end values differ by more than the share ``most``: shares of different drops."""
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


def targets_reached_at_once(times: Times, seeds: SeedsOf, outcome: Outcome) -> Iterator[Problem]:
    """Seeds whose common target is no lower than where a curve begins: an arm learned nothing."""
    targets = common_target([measured.last for measured in times.values()], outcome.tolerance)
    for arm, measured in times.items():
        at_once = np.flatnonzero(measured.first <= targets)
        if len(at_once):
            yield Problem(
                f"with seed {list_seeds(seeds[arm], at_once)} the common target is no lower "
                f"than where arm {arm} begins: an arm learned too little to be compared"
            )
