"""From evidence to a verdict: intervals, the protection of several readings, guards, futility."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from dae_lab.claims.claim import Claim
from dae_lab.claims.evidence import Evidence
from dae_lab.claims.measurement import ArmValues, Measurement
from dae_lab.claims.rule import Definition
from dae_lab.claims.statistics import decision
from dae_lab.claims.statistics.decision import AGAINST, Conclusion
from dae_lab.claims.statistics.family import holm
from dae_lab.claims.statistics.interval import Interval, whole

MOST_SEEDS = 1_000_000
"""Seeds that nobody trains: an effect that needs so many lies on the margin, as far as one can tell."""


@dataclass(frozen=True)
class FixedDesign:
    """Seeds with which one look at the end gives ``conclusion`` with 80 % power."""

    seeds: int
    conclusion: Conclusion


@dataclass(frozen=True)
class Reading:
    """The conclusion by one definition.

    Attributes:
        measured: what it is drawn from.
        effect: the mean over seeds, or the difference of shares; NaN where a run has no value.
        interval: so that all looks together hold the claim's error rate, divided by ``divisor``.
        problem: why it cannot be judged, or not yet; empty where it can.
        divisor: what the claim's error rate was divided by: in a family, and among several readings.
        chance: that it is decided at the planned maximum; None: not predicted.
    """

    measured: Measurement
    conclusion: Conclusion
    effect: float
    interval: Interval
    problem: str = ""
    divisor: int = 1
    chance: float | None = None

    @property
    def name(self) -> str:
        """``definition``, or the alternative's."""
        return self.measured.name

    @property
    def definition(self) -> Definition:
        """What it is about, and its rule."""
        return self.measured.definition

    @property
    def n(self) -> int:
        """The seeds that it was judged by."""
        return self.measured.n

    @property
    def arms(self) -> Mapping[str, ArmValues]:
        """What was measured of each arm."""
        return self.measured.arms

    @property
    def compared(self) -> Mapping[str, ArmValues]:
        """What was measured of the arms of the effect."""
        return self.measured.compared

    @property
    def decided(self) -> bool:
        """Whether the runs answer the question by this reading."""
        return self.conclusion not in decision.OPEN


@dataclass(frozen=True)
class Verdict:
    """What became of a claim after ``n`` seeds.

    Attributes:
        conclusion: over all readings and guards.
        readings: the one that decides first; none where runs are missing.
        broken: guards that are not met, and runs that are missing, one sentence each; then the conclusion
            is ``invalid``.
        waiting: guards that are not met yet, one sentence each; then nothing is decided before the last look.
        level: of the intervals of the first reading, 1 less what of the error rate this look may spend.
        divisor: of the claim's error rate, as it was judged with others.
        unconditional: the conclusion with collapsed runs counted, where a guard against them is not met.
        provisional: what becomes of other claims, judged together with this one, may change it.
        settled: more seeds would change nothing, promise nothing, or there are no more.
        caveats: what a reader has to know, see ``caveats``.
        history: how the claim was judged before, otherwise; empty where it was not.
    """

    claim: Claim
    conclusion: Conclusion
    readings: tuple[Reading, ...]
    broken: tuple[str, ...]
    n: int
    level: float
    divisor: int
    waiting: tuple[str, ...] = ()
    unconditional: Conclusion | None = None
    provisional: bool = False
    settled: bool = True
    caveats: tuple[str, ...] = ()
    history: str = ""

    @property
    def decided(self) -> bool:
        """Whether the runs answer the question."""
        return self.conclusion not in decision.OPEN

    @cached_property
    def fixed_design(self) -> FixedDesign | None:
        """What a fixed design would have needed for the effect found; None: not known, or too many seeds."""
        if not self.readings or not self.readings[0].measured.is_known:
            return None
        measured = self.readings[0].measured
        found = measured.kind.fixed_design(measured, self.claim.error / self.divisor)
        if found is None or not found[0] or found[0] >= MOST_SEEDS:
            return None
        return FixedDesign(found[0], found[1])


def judge(claim: Claim, evidence: Evidence, divisor: int = 1, family: int = 1) -> Verdict:
    """The verdict on ``claim`` by ``evidence``, at its error rate divided by ``divisor``.

    Args:
        family: the largest ``divisor`` that there may be, the number of claims that are judged together.
    """
    if evidence.missing:
        return Verdict(claim, Conclusion.invalid, (), evidence.missing, evidence.n, math.nan, 1)
    found = _judge(claim, evidence, divisor)
    others = (_judge(claim, evidence, other).conclusion for other in {1, family} - {divisor})
    return replace(found, provisional=any(conclusion is not found.conclusion for conclusion in others))


def is_decided(claim: Claim, evidence: Evidence, divisor: int) -> bool:
    """Whether ``judge`` would give a verdict that answers the question.

    The first reading alone says so: others can change which conclusion it is, not whether there is one.
    """
    if evidence.missing or evidence.readings["definition"].is_final:
        return False
    return _read(claim, evidence.readings["definition"], divisor).decided


def _judge(claim: Claim, evidence: Evidence, divisor: int) -> Verdict:
    problems = evidence.readings["definition"].problems
    broken = tuple(problem.sentence for problem in problems if problem.final)
    waiting = tuple(problem.sentence for problem in problems if not problem.final)
    first = _read(claim, evidence.readings["definition"], divisor)
    readings = tuple(
        _with_chance(claim, reading) for reading in (first, *_secondary(claim, evidence, divisor))
    )
    combined = decision.combine([one.conclusion for one in readings if one.definition.votes])
    collapse_alone = bool(problems) and all(problem.collapse for problem in problems)
    return Verdict(
        claim=claim,
        conclusion=Conclusion.invalid if broken else combined,
        readings=readings,
        broken=broken,
        n=evidence.n,
        level=first.interval.level,
        divisor=divisor,
        waiting=waiting,
        unconditional=combined if collapse_alone else None,
        settled=(bool(broken) and not collapse_alone)
        or evidence.n == claim.seeds.last
        or _is_settled(claim, readings),
    )


def _is_settled(claim: Claim, readings: Sequence[Reading]) -> bool:
    """Whether more seeds can be spared: every reading is decided, cannot be, or promises nothing."""
    primary, others = readings[0], [one for one in readings[1:] if one.definition.votes]
    hopeless = [one for one in readings if one.chance is not None and one.chance < claim.seeds.futility]
    if not primary.decided:
        return primary in hopeless
    return all(one.decided or one.measured.is_final or one in hopeless for one in others)


def _secondary(claim: Claim, evidence: Evidence, divisor: int) -> list[Reading]:
    """The other readings; of those that contradict in one direction Holm's correction keeps the error rate.

    Each direction, for the claim and against it, is a family of its own, as only one can contradict.
    """
    measured = {name: evidence.readings[name] for name in claim.alternatives}
    voting = [name for name, one in claim.alternatives.items() if one.votes and not measured[name].is_final]

    def divisors(wanted: frozenset[Conclusion]) -> Mapping[str, int]:
        decides = {
            name: lambda by, name=name: _read(claim, measured[name], divisor * by).conclusion in wanted
            for name in voting
        }
        return holm(decides)

    support, against = divisors(frozenset({Conclusion.supported})), divisors(AGAINST)
    readings = []
    for name, one in measured.items():
        if name not in voting:
            readings.append(_read(claim, one, divisor))
            continue
        by = sorted({divisor * support[name], divisor * against[name]})
        each = [_read(claim, one, other) for other in by]
        standing = (reading for reading in each if _stands(reading, divisor, support, against))
        readings.append(next(standing, each[-1]))
    return readings


def _stands(reading: Reading, divisor: int, support: Mapping[str, int], against: Mapping[str, int]) -> bool:
    """Whether a reading is decided at the divisor of its direction."""
    family = support if reading.conclusion is Conclusion.supported else against
    return reading.decided and reading.divisor == divisor * family[reading.name]


def _read(claim: Claim, measured: Measurement, divisor: int) -> Reading:
    """The conclusion by one reading, at the claim's error rate divided by ``divisor``."""
    error, definition = claim.error / divisor, measured.definition
    problem = "; ".join(one.sentence for one in measured.problems if not one.collapse)
    if not measured.is_known:
        unknown = whole(measured.level(error))
        return Reading(measured, Conclusion.invalid, math.nan, unknown, problem, divisor)
    interval = measured.kind.interval(measured, error)
    conclusion = decision.decide(interval, definition.margin, definition.rule)
    if conclusion is Conclusion.supported and measured.n < claim.seeds.support:
        conclusion = Conclusion.inconclusive
    if problem:
        conclusion = Conclusion.invalid if measured.is_final else Conclusion.inconclusive
    return Reading(measured, conclusion, float(measured.effects.mean()), interval, problem, divisor)


def _with_chance(claim: Claim, reading: Reading) -> Reading:
    """With the chance that it will be decided, where that is open."""
    if reading.decided or reading.problem or not claim.seeds.futility:
        return reading
    measured = reading.measured
    chance = measured.kind.chance_of_decision(measured, claim.error / reading.divisor)
    return replace(reading, chance=chance)
