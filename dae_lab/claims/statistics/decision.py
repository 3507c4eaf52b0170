"""How an interval becomes a verdict, and verdicts on several definitions one."""

import math
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Literal, get_args

import numpy as np

from dae_lab.claims.statistics.interval import Interval
from dae_lab.claims.statistics.sequential import check_looks, nominal

Rule = Literal["difference", "equivalence", "either"]
"""What is claimed: an effect above the margin, one within ±margin, or one beyond ±margin, either way."""


class Conclusion(StrEnum):
    """What is said of a claim."""

    supported = "supported"
    refuted = "refuted"
    equivalent = "equivalent"  # the effect claimed is too small to matter
    definition_dependent = "definition-dependent"  # it is so by one definition, and not by another
    inconclusive = "inconclusive"
    invalid = "invalid"  # a guard failed: the runs cannot answer the question


AGAINST = frozenset({Conclusion.refuted, Conclusion.equivalent})
"""Verdicts that the claim does not hold."""

OPEN = frozenset({Conclusion.inconclusive, Conclusion.invalid})
"""Verdicts that answer nothing."""


def decide(interval: Interval, margin: float, rule: str) -> Conclusion:
    """The verdict on an effect known to lie in ``interval``, oriented so that above 0 favours the claim.

    margin: the smallest effect that matters, at least 0. The first row that applies:

    ===========  =================================================  ============
    rule         the interval                                       verdict
    ===========  =================================================  ============
    difference   low > margin                                       supported
    difference   -margin < low, high < margin                       equivalent
    difference   high < margin, or low = high = 0 with margin = 0   refuted
    equivalence  -margin < low, high < margin                       supported
    equivalence  low > margin, or high < -margin                    refuted
    either       low > margin, or high < -margin                    supported
    either       -margin < low, high < margin                       equivalent
    any          anything else                                      inconclusive
    ===========  =================================================  ============

    An effect that is exactly 0 on all seeds so refutes a difference without a margin, and does not decide
    an equivalence without one. Raises ValueError for another rule, and a margin that is negative or NaN.
    """
    _check(margin, rule)
    low, high = interval.low, interval.high
    above, below, within = low > margin, high < -margin, -margin < low and high < margin
    if rule == "equivalence":
        return _first(supported=within, refuted=above or below)
    if rule == "either":
        return _first(supported=above or below, equivalent=within)
    return _first(supported=above, equivalent=within, refuted=high < margin or low == high == margin == 0)


def _check(margin: float, rule: str) -> None:
    if rule not in get_args(Rule):
        raise ValueError(f"A claim is of a {', '.join(get_args(Rule))}, not of {rule!r}.")
    if not 0 <= margin < math.inf:
        raise ValueError(f"A margin must be 0 or a finite number above, not {margin}.")


def is_decided(low: np.ndarray, high: np.ndarray, margin: float, rule: str) -> np.ndarray:
    """Whether intervals, of any shape, decide: ``decide`` for arrays; bool, of their shape."""
    within, above, below = (low > -margin) & (high < margin), low > margin, high < -margin
    if rule != "difference":
        return np.asarray(within | above | below)
    return np.asarray(above | (high < margin) | ((low == high) & (high == margin) & (margin == 0)))


def _first(**found: bool) -> Conclusion:
    return next((Conclusion[name] for name, so in found.items() if so), Conclusion.inconclusive)


def combine(verdicts: Sequence[Conclusion]) -> Conclusion:
    """The verdict on a claim from those by its definitions, the primary one first.

    The primary definition's stands, unless another one is decided and contradicts it:

    ====================  ==========  =======  ==========  ====================  ============  =======
    primary ╲ another     supported   refuted  equivalent  definition-dependent  inconclusive  invalid
    ====================  ==========  =======  ==========  ====================  ============  =======
    supported             supported   def.-d.  def.-d.     def.-d.               supported     supported
    refuted               def.-d.     refuted  refuted     def.-d.               refuted       refuted
    equivalent            def.-d.     equiv.   equivalent  def.-d.               equivalent    equivalent
    definition-dependent  def.-d.     def.-d.  def.-d.     def.-d.               def.-d.       def.-d.
    inconclusive          inconcl.    inconcl. inconcl.    inconcl.              inconcl.      inconcl.
    invalid               invalid     invalid  invalid     invalid               invalid       invalid
    ====================  ==========  =======  ==========  ====================  ============  =======

    Of several others one that contradicts is enough. Refuted and equivalent agree: either way the claim does
    not hold. What the primary definition leaves open no other may close, for then one could be
    picked that does; and one that is open or invalid says nothing against the primary. So others can take a
    claim's support away but never give it. How many there are does raise the rate at which one contradicts by
    chance: the verdicts of others must come from intervals that allow for it, see ``dae_lab.claims.judge``.
    Raises ValueError where there is no verdict.
    """
    if not verdicts:
        raise ValueError("A claim needs a verdict by at least one definition.")
    primary, *others = (Conclusion(verdict) for verdict in verdicts)
    contradictory = {Conclusion.definition_dependent}
    if primary is Conclusion.supported:
        contradictory |= AGAINST
    elif primary in AGAINST:
        contradictory.add(Conclusion.supported)
    else:
        return primary
    return Conclusion.definition_dependent if contradictory.intersection(others) else primary


Attainable = Callable[[int, float], Sequence[Interval]]
"""(n, level) → the intervals of the most telling outcomes that n seeds can have."""


def can_be_both(
    n_max: int,
    alpha: float,
    looks: Sequence[int],
    margin: float,
    rule: str,
    bounded: tuple[float, float] | None = None,
    attainable: Attainable | None = None,
) -> str:
    """Why no runs could support the claim, or none could refute it; empty where either may happen.

    It asks ``decide`` about every outcome of every look at ``looks`` seeds, the last of them at most
    ``n_max``, at error rate ``alpha`` overall. A difference found too small to matter counts as refuted.

    bounded: the least and greatest effect there can be, of an outcome that is; a mean's interval can be as
        narrow as may be round any of them. attainable: what intervals there are, where those are exact and
        have a width even if all seeds agree: ``attainable`` of ``proportion`` or ``correlation``,
        ``proportion.paired_attainable``; for a proportion above one half
        ``lambda n, level: [one.shifted(-0.5) for one in proportion.attainable(n, level)]``.
    Raises ValueError as ``decide`` and ``sequential.nominal``.
    """
    _check(margin, rule)
    if n_max < 2 or max(looks, default=0) < 2:
        return "Fewer than two seeds cannot decide anything."
    check_looks(looks, n_max, alpha)
    if attainable:
        levels = [1 - error for error in nominal(looks, n_max, alpha)]
        intervals = [one for n, level in zip(looks, levels, strict=True) for one in attainable(n, level)]
    else:  # of no width at any level
        intervals = _points(margin, bounded, 1 - alpha)
    found = {decide(one, margin, rule) for one in intervals}
    for verdict, wanted, distance in _DISTANCES[rule]:
        if not found & wanted:
            nearest = min(intervals, key=distance)
            return (
                f"It could never be {verdict}: the nearest that {n_max} seeds come to it is an interval of "
                f"[{nearest.low:.3g}, {nearest.high:.3g}], beside a margin of {margin:g}."
            )
    return ""


_SUPPORTED = frozenset({Conclusion.supported})
_Distance = Callable[[Interval], float]
_DISTANCES: dict[str, list[tuple[Conclusion, frozenset[Conclusion], _Distance]]] = {
    "difference": [
        (Conclusion.supported, _SUPPORTED, lambda one: -one.low),
        (Conclusion.refuted, AGAINST, lambda one: one.high),
    ],
    "equivalence": [
        (Conclusion.supported, _SUPPORTED, lambda one: max(-one.low, one.high)),
        (Conclusion.refuted, AGAINST, lambda one: min(-one.low, one.high)),
    ],
    "either": [
        (Conclusion.supported, _SUPPORTED, lambda one: min(-one.low, one.high)),
        (Conclusion.refuted, AGAINST, lambda one: max(-one.low, one.high)),
    ],
}
"""Rule → verdict, the verdicts that count as it, and how far an interval is from it, up to a constant."""


def _points(margin: float, bounded: tuple[float, float] | None, level: float) -> list[Interval]:
    """The narrowest intervals of means: of an effect as small or large as may be, or of none."""
    return [Interval(effect, effect, level) for effect in telling(*(bounded or (-margin - 1, margin + 1)))]


def telling(low: float, high: float) -> tuple[float, float, float]:
    """The most telling effects of a range: the least, none (or what is next to it), the greatest."""
    return low, min(max(low, 0.0), high), high
