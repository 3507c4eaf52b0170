"""From evidence to a verdict: intervals, the protection of several readings, guards, futility."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from dae_lab.claims.design import FixedDesign, chance_of_verdict, fixed_design
from dae_lab.claims.evidence import Evidence, look_error
from dae_lab.claims.intervals import interval_of
from dae_lab.claims.outcome import Measured
from dae_lab.claims.rule import Definition
from dae_lab.claims.spec import Claim
from dae_lab.claims.statistics import decision
from dae_lab.claims.statistics.decision import AGAINST, Verdict
from dae_lab.claims.statistics.family import holm
from dae_lab.claims.statistics.interval import Interval, whole


@dataclass(frozen=True)
class Reading:
    """What one definition says.

    name: ``definition``, or the alternative's.
    effect: the mean over seeds, or the difference of shares; NaN where a run has no value.
    interval: so that all looks together hold the claim's error rate, divided by ``divisor``.
    effects, arms: as in ``Evidence``.
    problem: why it cannot be judged, or not yet; empty where it can.
    divisor: what the claim's error rate was divided by: in a family, and among several readings.
    chance: that it is decided at the planned maximum; None: not predicted.
    """

    name: str
    definition: Definition
    verdict: Verdict
    effect: float
    interval: Interval
    effects: np.ndarray
    arms: Mapping[str, Measured]
    problem: str = ""
    divisor: int = 1
    chance: float | None = None

    @property
    def decided(self) -> bool:
        """Whether the runs answer the question by this reading."""
        return self.verdict not in decision.OPEN


@dataclass(frozen=True)
class Judgement:
    """What became of a claim after ``n`` seeds.

    verdict: over all readings and guards.
    readings: the one that decides first.
    broken: guards that are not met, one sentence each; then the verdict is ``invalid``.
    waiting: guards that are not met yet, one sentence each; then nothing is decided before the last look.
    level: of the intervals of the first reading, 1 less what of the error rate this look may spend.
    share: what the claim's error rate was divided by, as it was judged with others.
    unconditional: the verdict with collapsed runs counted, where a guard against them is not met.
    provisional: what becomes of other claims, judged together with this one, may change its verdict.
    evidence: what it stands on; None where runs are missing.
    settled: more seeds would change nothing, promise nothing, or there are no more.
    remarks: what is to be minded beside it, see ``remarks``.
    history: how the claim was judged before, otherwise; empty where it was not.
    """

    claim: Claim
    verdict: Verdict
    readings: tuple[Reading, ...]
    broken: tuple[str, ...]
    n: int
    level: float
    share: int
    evidence: Evidence | None = None
    waiting: tuple[str, ...] = ()
    unconditional: Verdict | None = None
    provisional: bool = False
    settled: bool = True
    remarks: tuple[str, ...] = ()
    history: str = ""

    @property
    def decided(self) -> bool:
        """Whether the runs answer the question."""
        return self.verdict not in decision.OPEN

    @cached_property
    def needed(self) -> FixedDesign | None:
        """What a fixed design would have needed for the effect found; None: unknown."""
        if self.evidence is None:
            return None
        return fixed_design(self.evidence, "definition", self.claim.error / self.share)


def judge(evidence: Evidence, share: int = 1, family: int = 1) -> Judgement:
    """Judge a claim by what its runs say, at its error rate divided by ``share``.

    Args:
        family: the largest ``share`` that there may be, the number of claims that are judged together.
    """
    found = _judge(evidence, share)
    others = (_judge(evidence, divisor).verdict for divisor in {1, family} - {share})
    return replace(found, provisional=any(verdict is not found.verdict for verdict in others))


def is_decided(evidence: Evidence, share: int) -> bool:
    """Whether ``judge`` would give a verdict that answers the question.

    The first reading alone says so: others can change which verdict it is, not whether there is one.
    """
    return not _is_final(evidence, "definition") and _reading("definition", evidence, share).decided


def invalid(claim: Claim, broken: Sequence[str], n: int) -> Judgement:
    """The judgement where runs are missing."""
    return Judgement(claim, Verdict.invalid, (), tuple(broken), n, math.nan, 1)


def _judge(evidence: Evidence, share: int) -> Judgement:
    claim, n = evidence.claim, evidence.n
    problems = evidence.problems["definition"]
    broken = tuple(problem.sentence for problem in problems if problem.final)
    waiting = tuple(problem.sentence for problem in problems if not problem.final)
    readings = (_reading("definition", evidence, share), *_secondary(evidence, share))
    readings = tuple(_with_chance(reading, evidence) for reading in readings)
    whatever = decision.combine([reading.verdict for reading in readings if reading.definition.votes])
    collapse_alone = bool(problems) and all(problem.collapse for problem in problems)
    return Judgement(
        claim=claim,
        verdict=Verdict.invalid if broken else whatever,
        readings=readings,
        broken=broken,
        n=n,
        level=readings[0].interval.level,
        share=share,
        evidence=evidence,
        waiting=waiting,
        unconditional=whatever if collapse_alone else None,
        settled=(bool(broken) and not collapse_alone)
        or n == claim.seeds.last
        or _settled(readings, evidence),
    )


def _settled(readings: Sequence[Reading], evidence: Evidence) -> bool:
    """Whether more seeds can be spared: every reading is decided, cannot be, or promises nothing."""
    primary, others = readings[0], [one for one in readings[1:] if one.definition.votes]
    least = evidence.claim.seeds.futility
    hopeless = [one for one in readings if one.chance is not None and one.chance < least]
    if not primary.decided:
        return primary in hopeless
    return all(one.decided or _is_final(evidence, one.name) or one in hopeless for one in others)


def _secondary(evidence: Evidence, share: int) -> list[Reading]:
    """The other readings; of those that contradict in one direction Holm's correction keeps the error rate.

    Each direction, for the claim and against it, is a family of its own, as only one can contradict.
    """
    claim = evidence.claim
    names = [name for name, one in claim.alternatives.items() if one.votes and not _is_final(evidence, name)]

    def divisors(wanted: frozenset[Verdict]) -> Mapping[str, int]:
        decides = {
            name: lambda by, name=name: _reading(name, evidence, share * by).verdict in wanted
            for name in names
        }
        return holm(decides)

    support, against = divisors(frozenset({Verdict.supported})), divisors(AGAINST)
    found = []
    for name in claim.alternatives:
        if name not in names:
            found.append(_reading(name, evidence, share))
            continue
        by = sorted({share * support[name], share * against[name]})
        each = [_reading(name, evidence, divisor) for divisor in by]
        found.append(next((one for one in each if _stands(one, share, support, against)), each[-1]))
    return found


def _stands(reading: Reading, share: int, support: Mapping[str, int], against: Mapping[str, int]) -> bool:
    """Whether a reading is decided at the divisor of its direction."""
    family = support if reading.verdict is Verdict.supported else against
    return reading.decided and reading.divisor == share * family[reading.name]


def _is_final(evidence: Evidence, name: str) -> bool:
    return any(problem.final for problem in evidence.problems[name])


def _reading(name: str, evidence: Evidence, divisor: int) -> Reading:
    claim, n = evidence.claim, evidence.n
    definition, effects, arms = claim.readings[name], evidence.effects[name], evidence.arms[name]
    problem = "; ".join(one.sentence for one in evidence.problems[name] if not one.collapse)
    if not np.isfinite(effects).all():
        level = 1 - look_error(claim, n, claim.error / divisor)
        return Reading(
            name, definition, Verdict.invalid, math.nan, whole(level), effects, arms, problem, divisor
        )
    interval = interval_of(evidence, name, claim.error / divisor)
    verdict = decision.decide(interval, definition.margin, definition.kind)
    if verdict is Verdict.supported and n < claim.seeds.support:
        verdict = Verdict.inconclusive
    if problem:
        verdict = Verdict.invalid if _is_final(evidence, name) else Verdict.inconclusive
    mean = float(effects.mean())
    return Reading(name, definition, verdict, mean, interval, effects, arms, problem, divisor)


def _with_chance(reading: Reading, evidence: Evidence) -> Reading:
    """With the chance that it will be decided, where that is open."""
    if reading.decided or reading.problem or not evidence.claim.seeds.futility:
        return reading
    error = evidence.claim.error / reading.divisor
    return replace(reading, chance=chance_of_verdict(evidence, reading.name, error))
