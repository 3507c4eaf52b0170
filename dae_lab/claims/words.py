"""What is said of a judgement, the same on the terminal, in the notebook and in MLflow."""

import math

from dae_lab.claims.judge import Judgement, Reading
from dae_lab.claims.spec import Definition, Outcome
from dae_lab.claims.statistics.decision import Verdict
from dae_lab.claims.statistics.interval import Interval

MEANING = {
    Verdict.supported: "the effect is large enough to matter",
    Verdict.refuted: "the effect is not what the claim says",
    Verdict.equivalent: "the arms differ by less than what matters",
    Verdict.definition_dependent: "the answer depends on what one means by it",
    Verdict.inconclusive: "these seeds do not tell",
    Verdict.invalid: "these runs cannot answer the question",
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


def headline(found: Judgement) -> str:
    """The verdict in one sentence."""
    if found.broken:
        return f"Invalid: {'; '.join(found.broken)}."
    first = found.readings[0]
    said = f"{found.verdict.value.capitalize()}: {effect(first)}, {_against(first)}, over {found.n} seeds"
    others = [one.name for one in found.readings[1:] if one.verdict != first.verdict]
    if found.verdict is Verdict.definition_dependent:
        return f"{said}; another answer under {', '.join(others)}."
    return f"{said}."


def effect(reading: Reading) -> str:
    """``linear_mse - sigmoid_bce is 3.2 [2.1, 4.3] epochs``."""
    text = f"{reading.definition.effect} is {number(reading.effect)} {bounds(reading.interval)}"
    return f"{text} epochs" if reading.definition.outcome.kind == "time" else text


def bounds(interval: Interval) -> str:
    """The interval's ends."""
    return f"[{number(interval.low)}, {number(interval.high)}]"


def _against(reading: Reading) -> str:
    margin = number(reading.definition.margin)
    if reading.definition.rule == "equivalence":
        return f"where ±{margin} counts as equal"
    return f"where more than {margin} matters"


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


def seeds(found: Judgement) -> str:
    """How many seeds were used, and how many a fixed design would have needed."""
    looks = found.claim.seeds.looks()
    used = f"{found.n} of at most {looks[-1]} seeds, looked at after {', '.join(map(str, looks))}"
    if not found.readings:
        return used
    if found.needed is None:
        return f"{used}; no fixed number of seeds is known that would show an effect like this one"
    return f"{used}; a fixed design with 80 % power would have needed {found.needed} for the effect found"


def error(found: Judgement) -> str:
    """The error rate, and what became of it in a family."""
    own = f"Error rate {number(found.claim.error)} over all looks together"
    if found.share == 1:
        return own
    return (
        f"{own}, here divided by {found.share}: it was judged with other claims, and Holm's correction keeps "
        "the rate of the whole family"
    )


def number(value: float) -> str:
    """Four significant digits, a true minus sign; a dash for what is no number."""
    if not math.isfinite(value):
        return "–" if math.isnan(value) else ("∞" if value > 0 else "−∞")
    return f"{value:.4g}".replace("-", "−")
