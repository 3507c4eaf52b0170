"""What is said of a judgement, the same on the terminal, in the notebook and in MLflow."""

import math
from collections.abc import Callable, Sequence

from dae_lab.claims.judge import Judgement, Reading
from dae_lab.claims.spec import Claim, Definition, Outcome
from dae_lab.claims.statistics.decision import Verdict
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
_OPEN = (Verdict.inconclusive, Verdict.invalid)

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
    """The verdict in one sentence."""
    if found.broken:
        return f"Invalid: {'; '.join(found.broken)}."
    if not found.readings:
        return "Not judged."
    first, others = found.readings[0], found.readings[1:]
    said = f"{found.verdict.value.capitalize()}: {effect(first)}, of {outcome(first.definition.outcome)}"
    said += f"; {_against(first.definition)}; over {found.n} seeds, at {percent(found.level)} %"
    if found.verdict is Verdict.definition_dependent:
        said += f"; another answer under {_names(others, lambda one: one not in (first.verdict, *_OPEN))}"
    if first.verdict not in _OPEN and (still := _names(others, lambda one: one in _OPEN)):
        said += f"; these seeds leave open {still}"
    return f"{said}."


def said(found: Judgement, reading: Reading) -> str:
    """The verdict under one reading; runs that cannot answer the question answer it under none."""
    return (Verdict.invalid if found.broken else reading.verdict).value


def beside(found: Judgement) -> str:
    """What the other readings found, where the one that decides leaves open what they do not; else empty."""
    if found.broken:
        return ""
    first, others = found.readings[0], found.readings[1:]
    decided = [verdict for verdict in Verdict if verdict not in _OPEN]
    by = {verdict.value: [one.name for one in others if one.verdict is verdict] for verdict in decided}
    told = "; ".join(f"{verdict} by {', '.join(names)}" for verdict, names in by.items() if names)
    if first.verdict not in _OPEN or not told:
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
    return f"±{margin} counts as equal" if given.rule == "equivalence" else f"more than {margin} matters"


def outcome(found: Outcome) -> str:
    """What is measured, in words."""
    if found.kind == "share":
        return f"the share of runs whose `{found.metric}` is {' or '.join(found.among)}"
    if found.kind == "time":
        if found.share is not None:
            return f"epochs until `{found.metric}` has made {found.share:.0%} of its own drop"
        return f"epochs until `{found.metric}` is at {number(float(found.target or 0))}"
    if found.kind == "correlation":
        return f"Spearman's correlation of `{found.metric}` with `{found.relative_to}` over the seeds"
    over = f" ÷ `{found.relative_to}`" if found.relative_to else ""
    return f"`{found.metric}`{over} {'at the end' if found.at is None else f'at step {found.at}'}"


def rule(given: Definition) -> str:
    """When the claim holds."""
    if given.rule == "equivalence":
        return f"{given.effect} within ±{number(given.margin)}"
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
        told.append(f"at least {known.reached:.0%} of each arm's runs must have reached the target")
    return f"Guards: {'; '.join(told)}." if told else "No guards: runs that learned nothing count, too."


def seeds(found: Judgement) -> str:
    """How many seeds were used, and how many a fixed design would have needed."""
    looks = found.claim.seeds.looks()
    used = f"{found.n} of at most {looks[-1]} seeds, looked at after {', '.join(map(str, looks))}"
    if not found.readings:
        return used
    if found.needed is None:
        return f"{used}; no fixed number of seeds is known for an effect like the one found"
    return f"{used}; a fixed design with 80 % power would have needed {found.needed} for the effect found"


def percent(level: float) -> str:
    """``95``, ``99.9985``: as many digits as tell it from 100."""
    rest = 100 * (1 - level)
    if not rest > 0:
        return "100"
    return f"{100 * level:.{max(0, 1 - math.floor(math.log10(rest)))}f}".removesuffix(".0")


def error(found: Judgement) -> str:
    """The error rate, and what became of it in a family."""
    own = f"Error rate {number(found.claim.error)} over all looks together"
    if found.share == 1:
        return own
    return (
        f"{own}, here divided by {found.share}: it was judged with other claims, and Holm's correction keeps "
        "the rate of the whole family, as far as a claim that is not so should not be found so"
    )


def number(value: float) -> str:
    """Four significant digits, a true minus sign; a dash for what is no number."""
    if not math.isfinite(value):
        return "–" if math.isnan(value) else ("∞" if value > 0 else "−∞")
    return f"{value:.4g}".replace("-", "−")
