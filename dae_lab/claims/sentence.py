"""What was found, in one sentence for a person, made by the kind of outcome."""

import math

import numpy as np

from dae_lab.claims.judge import Judgement, Reading
from dae_lab.claims.outcome import Measured
from dae_lab.claims.words import number, percent

QUANTITIES = {
    ("test/mse", None): "test MSE",
    ("test/mse", "baseline_mse/noisy"): "error that is left of the noise",
    ("noise_level/mse", "baseline_mse/black"): "error on clean images as a share of their energy",
    ("train/loss", None): "training loss at the end",
    ("code/knn_accuracy", None): "accuracy of the codes' nearest neighbours",
    ("code/rho_overlap", None): "rank correlation, over the classes, of the hulls' overlap with the error",
}
"""What a person calls a metric, relative to another one. Those relative to a baseline are percentages."""


def first_sentence(found: Judgement) -> str:
    """What the runs showed, without the rule; empty where they cannot be judged.

    ``10 of 10 runs with mse ended black; at least 69 % of all would (95 %)``.
    """
    if found.broken or not found.readings:
        return ""
    first = found.readings[0]
    if first.problem or not math.isfinite(first.effect):
        return ""
    kinds = {"share": _shares, "time": _times, "value": _values, "correlation": _correlation}
    return f"{kinds[first.definition.outcome.kind](found, first)}."


def label(found: Judgement, arm: str) -> str:
    """What a person calls ``arm``."""
    return found.claim.labels.get(arm, arm.replace("_", " "))


def _shares(found: Judgement, reading: Reading) -> str:
    what = " or ".join(reading.definition.outcome.among)
    effect = found.claim.effects[reading.name]
    counts = {arm: _count(reading.arms[arm]) for arm in effect.arms}
    text = ", ".join(f"{k} of {n} runs with {label(found, arm)}" for arm, (k, n) in counts.items())
    if len(counts) > 1:
        return f"Ended {what}: {text}"
    [(k, n)] = counts.values()
    interval = effect.arm_interval(reading.interval)
    bound = f"at least {_percent(interval.low)}" if 2 * k >= n else f"at most {_percent(interval.high)}"
    return f"{text} ended {what}; {bound} of all would ({percent(interval.level)} %)"


def _count(item: Measured) -> tuple[int, int]:
    known = item.values[np.isfinite(item.values)]
    return int(known.sum()), len(known)


def _times(found: Judgement, reading: Reading) -> str:
    effect = found.claim.effects[reading.name]
    missed = sum(int(np.sum(~reading.arms[arm].reached)) for arm in effect.arms)
    never = f"; {missed} runs did not get there and count with their last epoch" if missed else ""
    low, high = reading.interval.low, reading.interval.high
    match effect.sides():
        case (str() as slower, str() as faster):
            if reading.effect < 0:
                slower, faster, low, high = faster, slower, -high, -low
            needs = "needs" if low > 0 else "needed, as far as these seeds tell,"
            text = (
                f"{label(found, slower)} {needs} {number(abs(reading.effect))} [{number(low)}, "
                f"{number(high)}] epochs more than {label(found, faster)}"
            )
        case _:
            means = (f"{label(found, arm)} {_mean(reading.arms[arm])}" for arm in effect.arms)
            text = f"epochs needed, mean of {found.n} seeds: {', '.join(means)}"
    return f"{_capital(text)}{never}"


def _values(found: Judgement, reading: Reading) -> str:
    outcome, arms = reading.definition.outcome, found.claim.effects[reading.name].arms
    what = QUANTITIES.get((outcome.metric, outcome.relative_to))
    show = _percent if what and outcome.relative_to else number
    if what is None:
        what = f"`{outcome.metric}`" + (f" ÷ `{outcome.relative_to}`" if outcome.relative_to else "")
    means = (f"{label(found, arm)} {show(float(np.mean(reading.arms[arm].values)))}" for arm in arms)
    return f"{_capital(what)}, mean of {found.n} seeds: {', '.join(means)}"


def _correlation(found: Judgement, reading: Reading) -> str:
    outcome = reading.definition.outcome
    both = f"`{outcome.metric}` and `{outcome.relative_to}`"
    return f"Over {found.n} seeds {both} correlate by {number(reading.effect)}"


def _capital(sentence: str) -> str:
    return f"{sentence[0].upper()}{sentence[1:]}"


def _mean(item: Measured) -> str:
    return number(float(np.mean(item.values)))


def _percent(share: float) -> str:
    """``69 %``, ``8.3 %``: two digits at least."""
    digits = 0 if abs(share) >= 0.1 or share == 0 else 1
    return f"{100 * share:.{digits}f} %"
