"""A verdict in sentences, the same on the terminal, on the page of the claim and in MLflow."""

import math
from collections.abc import Callable, Sequence

from dae_lab.claims.claim import Claim
from dae_lab.claims.judge import Reading, Verdict
from dae_lab.claims.rule import Definition
from dae_lab.claims.statistics import proportion
from dae_lab.claims.statistics.decision import OPEN, Conclusion
from dae_lab.claims.statistics.interval import Interval
from dae_lab.formatting import level_percent, significant

_MEANING = {
    Conclusion.supported: "the effect is large enough to matter",
    Conclusion.refuted: "the effect is not what the claim says",
    Conclusion.equivalent: "the effect is too small to matter, either way",
    Conclusion.definition_dependent: "the answer depends on what one means by it",
    Conclusion.inconclusive: "these seeds do not tell",
    Conclusion.invalid: "these runs cannot answer the question",
}
_OF_EQUIVALENCE = {
    Conclusion.supported: "the difference is too small to matter",
    Conclusion.refuted: "the difference is large enough to matter",
}
COLOURS = {
    Conclusion.supported: "2e7d32",
    Conclusion.refuted: "c62828",
    Conclusion.equivalent: "1565c0",
    Conclusion.definition_dependent: "ef6c00",
    Conclusion.inconclusive: "757575",
    Conclusion.invalid: "424242",
}
"""Of the badges; the verdict's word is on them too."""


def meaning(found: Verdict) -> str:
    """What the verdict says, in a few words."""
    of_rule = _OF_EQUIVALENCE if found.claim.definition.rule == "equivalence" else {}
    return of_rule.get(found.conclusion, _MEANING[found.conclusion])


def first_sentence(found: Verdict) -> str:
    """What the runs showed, without the rule; empty where they cannot be judged.

    ``10 of 10 runs with mse ended black; at least 69 % of all would (95 %)``.
    """
    if found.broken or not found.readings:
        return ""
    first = found.readings[0]
    if first.problem or not math.isfinite(first.effect):
        return ""
    return f"{first.measured.kind.finding(first, found.claim.label)}."


def headline(found: Verdict) -> str:
    """The verdict in one sentence; before it, how the claim was judged otherwise."""
    before = f"{found.history}. " if found.history else ""
    return f"{before}{conclusion(found)}"


def conclusion(found: Verdict) -> str:
    """The verdict in one sentence."""
    if found.broken:
        return f"Invalid: {'; '.join(found.broken)}.{_unconditional(found)}"
    if not found.readings:
        return "Not judged."
    first, others = found.readings[0], found.readings[1:]
    text = f"{found.conclusion.value.capitalize()}: {effect(first)}, of {first.measured.kind.description()}"
    text += f"; {_against(first.definition)}; over {found.n} seeds, at {level_percent(found.level)} %"
    if found.conclusion is Conclusion.definition_dependent:
        text += f"; another answer under {_names(others, lambda one: one not in (first.conclusion, *OPEN))}"
    if first.decided and (still := _names(others, lambda one: one in OPEN)):
        text += f"; these seeds leave open {still}"
    if found.waiting:
        text += f"; not judged before the last look, as {'; '.join(found.waiting)}"
    return f"{text}.{_stopped(found)}"


def _unconditional(found: Verdict) -> str:
    """What all runs say, where a guard against collapse has made the claim invalid."""
    if found.unconditional is None or not found.readings:
        return ""
    first = found.readings[0]
    if not math.isfinite(first.effect):
        return ""
    return f" With collapsed runs counted: {found.unconditional.value}, {effect(first)}."


def _stopped(found: Verdict) -> str:
    """Why a claim that is not decided does not go on."""
    chance, least = found.readings[0].chance, found.claim.seeds.futility
    if not found.settled or chance is None or chance >= least:
        return ""
    return (
        f" Stopped: the chance that {found.claim.seeds.maximum} seeds decide it is "
        f"{significant(100 * chance)} %, less than {significant(100 * least)} %."
    )


def condition(found: Verdict) -> str:
    """What a guard against collapse makes of a verdict: how often the arms may collapse all the same."""
    guarded = found.claim.guards.not_collapsed
    if not guarded or found.broken or not found.readings:
        return ""
    most = proportion.exact_interval(0, found.n, 0.95).high
    return (
        f"Given no collapse: none of {found.n} runs of {', '.join(guarded)} collapsed, so that up to "
        f"{most:.0%} of all runs of an arm may (95 %); the effect says nothing of such runs."
    )


def reading_conclusion(found: Verdict, reading: Reading) -> str:
    """The verdict under one reading; runs that cannot answer the question answer it under none."""
    if found.broken or not reading.problem:
        return (Conclusion.invalid if found.broken else reading.conclusion).value
    return f"{reading.conclusion.value}: {reading.problem}"


def other_readings(found: Verdict) -> str:
    """What the other readings found, where the one that decides leaves open what they do not; else empty."""
    if found.broken:
        return ""
    first, others = found.readings[0], found.readings[1:]
    decided = [one for one in Conclusion if one not in OPEN]
    by = {known.value: [one.name for one in others if one.conclusion is known] for known in decided}
    found_by = "; ".join(f"{known} by {', '.join(names)}" for known, names in by.items() if names)
    if first.conclusion not in OPEN or not found_by:
        return ""
    return (
        f"By other readings it is decided: {found_by}. They cannot close what the claim's own reading leaves "
        "open, for of many readings one that fits can always be picked."
    )


def _names(readings: Sequence[Reading], chosen: Callable[[Conclusion], bool]) -> str:
    return ", ".join(one.name for one in readings if chosen(one.conclusion))


def effect(reading: Reading) -> str:
    """``linear_mse - sigmoid_bce is 3.2 [2.1, 4.3]``."""
    return f"{reading.definition.effect} is {significant(reading.effect)} {bounds(reading.interval)}"


def bounds(interval: Interval) -> str:
    """The interval's ends."""
    return f"[{significant(interval.low)}, {significant(interval.high)}]"


def _against(given: Definition) -> str:
    margin = significant(given.margin)
    if given.rule == "difference":
        return f"more than {margin} matters"
    return f"±{margin} counts as equal" if given.rule == "equivalence" else f"more than ±{margin} matters"


def rule(given: Definition) -> str:
    """When the claim holds."""
    if given.rule == "equivalence":
        return f"{given.effect} within ±{significant(given.margin)}"
    if given.rule == "either":
        return f"|{given.effect}| > {significant(given.margin)}"
    return f"{given.effect} > {significant(given.margin)}"


def guards(claim: Claim) -> str:
    """What must be so for any verdict, in one sentence."""
    known = claim.guards
    sentences = []
    if known.improved:
        sentences.append(f"{', '.join(known.improved)} must have learned something (`val/mse` fell)")
    if known.not_collapsed:
        sentences.append(f"no run of {', '.join(known.not_collapsed)} may have collapsed")
    if claim.kinds["definition"].censored:
        sentences.append(
            f"at least {known.reached:.0%} of each arm's runs must have reached the target, at the last look"
        )
    return (
        f"Guards: {'; '.join(sentences)}."
        if sentences
        else "No guards: runs that learned nothing count, too."
    )


def seeds(found: Verdict) -> str:
    """How many seeds were used, and how many a fixed design would have needed."""
    looks = found.claim.seeds.looks()
    used = f"{found.n} of at most {looks[-1]} seeds, looked at after {', '.join(map(str, looks))}"
    if not found.readings:
        return used
    if found.fixed_design is None:
        return f"{used}; no fixed number of seeds is known for an effect like the one found"
    return (
        f"{used}; for the effect found, a fixed design would need {found.fixed_design.seeds} seeds to say "
        f"{found.fixed_design.conclusion.value} with 80 % power"
    )


def power(claim: Claim, family: int) -> str:
    """What the plan promises: the chance of support, for effects of one and two standard deviations."""
    definition, kind = claim.definition, claim.kinds["definition"]
    error = claim.error / family
    chances = [kind.power(definition, claim.seeds, error, spreads) for spreads in (1, 2)]
    if any(map(math.isnan, chances)):
        return f"power: not known for a {kind.name}"
    one, two = (f"{chance:.0%}" for chance in chances)
    against = "for a margin" if definition.rule == "equivalence" else "for an effect beyond the margin"
    among = f", at the error rate of a family of {family}" if family > 1 else ""
    return f"power: {one} {against} of one standard deviation over seeds, {two} of two{among}"


def error(found: Verdict) -> str:
    """The error rate, and what became of it in a family."""
    rate = found.claim.error
    once = rate if found.claim.definition.rule == "either" else rate / 2
    text = (
        f"Error rate {significant(rate)} over all looks together, half of it on each side: for normal "
        f"effects a wrong verdict, also one of equality, has a probability of {significant(once)} at most"
    )
    if found.divisor == 1:
        return text
    return (
        f"{text}, here divided by {found.divisor}: it was judged with other claims, and Holm's correction "
        "keeps the rate of the whole family, as far as a claim that is not so should not be found so. Claims "
        "that share runs are right or wrong together"
    )
