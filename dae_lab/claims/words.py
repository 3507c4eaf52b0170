"""What is said of a judgement, the same on the terminal, in the notebook and in MLflow."""

import math
from collections.abc import Callable, Sequence

from dae_lab.claims import design
from dae_lab.claims.judge import Judgement, Reading
from dae_lab.claims.rule import Definition, Outcome
from dae_lab.claims.spec import Claim
from dae_lab.claims.statistics import proportion
from dae_lab.claims.statistics.decision import OPEN, Verdict
from dae_lab.claims.statistics.interval import Interval

_MEANING = {
    Verdict.supported: "the effect is large enough to matter",
    Verdict.refuted: "the effect is not what the claim says",
    Verdict.equivalent: "the effect is too small to matter, either way",
    Verdict.definition_dependent: "the answer depends on what one means by it",
    Verdict.inconclusive: "these seeds do not tell",
    Verdict.invalid: "these runs cannot answer the question",
}
_OF_EQUIVALENCE = {
    Verdict.supported: "the difference is too small to matter",
    Verdict.refuted: "the difference is large enough to matter",
}
COLOURS = {
    Verdict.supported: "2e7d32",
    Verdict.refuted: "c62828",
    Verdict.equivalent: "1565c0",
    Verdict.definition_dependent: "ef6c00",
    Verdict.inconclusive: "757575",
    Verdict.invalid: "424242",
}
"""Of the badges; the verdict's word is on them too."""


def meaning(found: Judgement) -> str:
    """What the verdict says, in a few words."""
    of_rule = _OF_EQUIVALENCE if found.claim.definition.rule == "equivalence" else {}
    return of_rule.get(found.verdict, _MEANING[found.verdict])


def headline(found: Judgement) -> str:
    """The verdict in one sentence; before it, how the claim was judged otherwise."""
    before = f"{found.history}. " if found.history else ""
    return f"{before}{verdict(found)}"


def verdict(found: Judgement) -> str:
    """The verdict in one sentence."""
    if found.broken:
        return f"Invalid: {'; '.join(found.broken)}.{_unconditional(found)}"
    if not found.readings:
        return "Not judged."
    first, others = found.readings[0], found.readings[1:]
    text = f"{found.verdict.value.capitalize()}: {effect(first)}, of {outcome(first.definition.outcome)}"
    text += f"; {_against(first.definition)}; over {found.n} seeds, at {percent(found.level)} %"
    if found.verdict is Verdict.definition_dependent:
        text += f"; another answer under {_names(others, lambda one: one not in (first.verdict, *OPEN))}"
    if first.decided and (still := _names(others, lambda one: one in OPEN)):
        text += f"; these seeds leave open {still}"
    if found.waiting:
        text += f"; not judged before the last look, as {'; '.join(found.waiting)}"
    return f"{text}.{_stopped(found)}"


def _unconditional(found: Judgement) -> str:
    """What all runs say, where a guard against collapse has made the claim invalid."""
    if found.unconditional is None or not found.readings:
        return ""
    first = found.readings[0]
    if not math.isfinite(first.effect):
        return ""
    return f" With collapsed runs counted: {found.unconditional.value}, {effect(first)}."


def _stopped(found: Judgement) -> str:
    """Why a claim that is not decided does not go on."""
    chance, least = found.readings[0].chance, found.claim.seeds.futility
    if not found.settled or chance is None or chance >= least:
        return ""
    return (
        f" Stopped: the chance that {found.claim.seeds.maximum} seeds decide it is {number(100 * chance)} %, "
        f"less than {number(100 * least)} %."
    )


def condition(found: Judgement) -> str:
    """What a guard against collapse makes of a verdict: how often the arms may collapse all the same."""
    guarded = found.claim.guards.not_collapsed
    if not guarded or found.broken or not found.readings:
        return ""
    most = proportion.exact_interval(0, found.n, 0.95).high
    return (
        f"Given no collapse: none of {found.n} runs of {', '.join(guarded)} collapsed, so that up to "
        f"{most:.0%} of all runs of an arm may (95 %); the effect says nothing of such runs."
    )


def said(found: Judgement, reading: Reading) -> str:
    """The verdict under one reading; runs that cannot answer the question answer it under none."""
    if found.broken or not reading.problem:
        return (Verdict.invalid if found.broken else reading.verdict).value
    return f"{reading.verdict.value}: {reading.problem}"


def beside(found: Judgement) -> str:
    """What the other readings found, where the one that decides leaves open what they do not; else empty."""
    if found.broken:
        return ""
    first, others = found.readings[0], found.readings[1:]
    decided = [verdict for verdict in Verdict if verdict not in OPEN]
    by = {verdict.value: [one.name for one in others if one.verdict is verdict] for verdict in decided}
    told = "; ".join(f"{verdict} by {', '.join(names)}" for verdict, names in by.items() if names)
    if first.verdict not in OPEN or not told:
        return ""
    return (
        f"By other readings it is decided: {told}. They cannot close what the claim's own reading leaves "
        "open, for of many readings one that fits can always be picked."
    )


def _names(readings: Sequence[Reading], chosen: Callable[[Verdict], bool]) -> str:
    return ", ".join(one.name for one in readings if chosen(one.verdict))


def effect(reading: Reading) -> str:
    """``linear_mse - sigmoid_bce is 3.2 [2.1, 4.3]``."""
    return f"{reading.definition.effect} is {number(reading.effect)} {bounds(reading.interval)}"


def bounds(interval: Interval) -> str:
    """The interval's ends."""
    return f"[{number(interval.low)}, {number(interval.high)}]"


def _against(given: Definition) -> str:
    margin = number(given.margin)
    if given.rule == "difference":
        return f"more than {margin} matters"
    return f"±{margin} counts as equal" if given.rule == "equivalence" else f"more than ±{margin} matters"


def outcome(found: Outcome) -> str:
    """What is measured, in words."""
    if found.kind == "share":
        return f"the share of runs whose `{found.metric}` is {' or '.join(found.among)}"
    if found.kind == "time":
        since = f", from epoch {found.from_epoch} on" if found.from_epoch else ""
        if found.share is not None:
            return f"epochs until `{found.metric}` has made {found.share:.0%} of its own drop{since}"
        if isinstance(found.target, str):
            return (
                f"epochs until `{found.metric}` is at the end value of the worse arm, plus "
                f"{found.tolerance:.0%}{since}"
            )
        return f"epochs until `{found.metric}` is at {number(float(found.target or 0))}{since}"
    if found.kind == "correlation":
        return f"Spearman's correlation of `{found.metric}` with `{found.relative_to}` over the seeds"
    over = f" ÷ `{found.relative_to}`" if found.relative_to else ""
    return f"`{found.metric}`{over} {'at the end' if found.at is None else f'at step {found.at}'}"


def rule(given: Definition) -> str:
    """When the claim holds."""
    if given.rule == "equivalence":
        return f"{given.effect} within ±{number(given.margin)}"
    if given.rule == "either":
        return f"|{given.effect}| > {number(given.margin)}"
    return f"{given.effect} > {number(given.margin)}"


def guards(claim: Claim) -> str:
    """What must be so for any verdict, in one sentence."""
    known = claim.guards
    told = []
    if known.improved:
        told.append(f"{', '.join(known.improved)} must have learned something (`val/mse` fell)")
    if known.not_collapsed:
        told.append(f"no run of {', '.join(known.not_collapsed)} may have collapsed")
    if claim.definition.outcome.kind == "time":
        told.append(
            f"at least {known.reached:.0%} of each arm's runs must have reached the target, at the last look"
        )
    return f"Guards: {'; '.join(told)}." if told else "No guards: runs that learned nothing count, too."


def seeds(found: Judgement) -> str:
    """How many seeds were used, and how many a fixed design would have needed."""
    looks = found.claim.seeds.looks()
    used = f"{found.n} of at most {looks[-1]} seeds, looked at after {', '.join(map(str, looks))}"
    if not found.readings:
        return used
    if found.needed is None:
        return f"{used}; no fixed number of seeds is known for an effect like the one found"
    return (
        f"{used}; for the effect found, a fixed design would need {found.needed.seeds} seeds to say "
        f"{found.needed.verdict.value} with 80 % power"
    )


def power(claim: Claim, family: int) -> str:
    """What the plan promises: the chance of support, for effects of one and two standard deviations."""
    given = claim.definition
    if given.outcome.kind not in ("value", "time"):
        return f"power: not known for a {given.outcome.kind}"
    what = "for a margin" if given.rule == "equivalence" else "for an effect beyond the margin"
    chances = [f"{design.power(claim, spreads, family):.0%}" for spreads in (1, 2)]
    among = f", at the error rate of a family of {family}" if family > 1 else ""
    return f"power: {chances[0]} {what} of one standard deviation over seeds, {chances[1]} of two{among}"


def percent(level: float) -> str:
    """``95``, ``99.9985``: as many digits as tell it from 100."""
    rest = 100 * (1 - level)
    if not rest > 0:
        return "100"
    return f"{100 * level:.{max(0, 1 - math.floor(math.log10(rest)))}f}".removesuffix(".0")


def error(found: Judgement) -> str:
    """The error rate, and what became of it in a family."""
    rate = found.claim.error
    once = rate if found.claim.definition.rule == "either" else rate / 2
    text = (
        f"Error rate {number(rate)} over all looks together, half of it on each side: for normal effects a "
        f"wrong verdict, also one of equality, has a probability of {number(once)} at most"
    )
    if found.share == 1:
        return text
    return (
        f"{text}, here divided by {found.share}: it was judged with other claims, and Holm's correction "
        "keeps the rate of the whole family, as far as a claim that is not so should not be found so. Claims "
        "that share runs are right or wrong together"
    )


def number(value: float) -> str:
    """Four significant digits, a true minus sign; a dash for what is no number."""
    if not math.isfinite(value):
        return "–" if math.isnan(value) else ("∞" if value > 0 else "−∞")
    return f"{value:.4g}".replace("-", "−")
