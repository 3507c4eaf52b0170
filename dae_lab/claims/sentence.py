"""What was found, in one sentence for a person, made by the kind of outcome."""

import math

import numpy as np

from dae_lab.claims.judge import Judgement, Reading
from dae_lab.claims.outcome import Measured
from dae_lab.claims.statistics import proportion
from dae_lab.claims.words import number

METRICS = {
    "test/mse": "test MSE",
    "test/ssim": "SSIM of the test images",
    "test/psnr": "PSNR of the test images",
    "train/loss": "training loss at the end",
    "noise_level/mse": "MSE on images of another noise",
    "code/knn_accuracy": "accuracy of the codes' nearest neighbours",
    "code/effective_rank": "effective rank of the code",
    "code/rho_overlap": "rank correlation, over the classes, of the hulls' overlap with the error",
}
"""Metrics by what a person calls them."""
RELATIVE = {
    "baseline_mse/noisy": "error that is left of the noise",
    "baseline_mse/black": "error as a share of the images' energy",
}
"""The same, relative to a baseline, as percentages."""


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
    counts = {arm: _count(item) for arm, item in reading.arms.items()}
    told = ", ".join(f"{k} of {n} runs with {label(found, arm)}" for arm, (k, n) in counts.items())
    if len(counts) > 1:
        return f"Ended {what}: {told}"
    [(k, n)] = counts.values()
    interval = proportion.exact_interval(k, n, 0.95)
    least = 2 * k >= n
    bound = f"at least {_percent(interval.low)}" if least else f"at most {_percent(interval.high)}"
    return f"{told} ended {what}; {bound} of all would (95 %)"


def _count(item: Measured) -> tuple[int, int]:
    known = item.values[np.isfinite(item.values)]
    return int(known.sum()), len(known)


def _times(found: Judgement, reading: Reading) -> str:
    sides = found.claim.effects[reading.name].sides()
    missed = sum(int(np.sum(~item.reached)) for item in reading.arms.values())
    never = f"; {missed} runs did not get there and count with their last epoch" if missed else ""
    match sides:
        case (str() as slower, str() as faster):
            low, high = reading.interval.low, reading.interval.high
            if reading.effect < 0:
                slower, faster, low, high = faster, slower, -high, -low
            told = (
                f"{label(found, slower)} needs {number(abs(reading.effect))} [{number(low)}, {number(high)}] "
                f"epochs more than {label(found, faster)}"
            )
        case _:
            means = (f"{label(found, arm)} {_mean(item)}" for arm, item in reading.arms.items())
            told = f"epochs needed, on average: {', '.join(means)}"
    return f"{told[0].upper()}{told[1:]}{never}"


def _values(found: Judgement, reading: Reading) -> str:
    outcome = reading.definition.outcome
    relative = RELATIVE.get(outcome.relative_to or "")
    what = relative or METRICS.get(outcome.metric, f"`{outcome.metric}`")
    if outcome.relative_to and not relative:
        what += f" as a share of `{outcome.relative_to}`"
    show = _percent if relative else number
    means = (f"{label(found, arm)} {show(float(np.mean(item.values)))}" for arm, item in reading.arms.items())
    return f"{what[0].upper()}{what[1:]}, mean of {found.n} seeds: {', '.join(means)}"


def _correlation(found: Judgement, reading: Reading) -> str:
    outcome = reading.definition.outcome
    both = f"`{outcome.metric}` and `{outcome.relative_to}`"
    return f"Over {found.n} seeds {both} correlate by {number(reading.effect)}"


def _mean(item: Measured) -> str:
    return number(float(np.mean(item.values)))


def _percent(share: float) -> str:
    """``69 %``, ``8.3 %``: two digits at least."""
    digits = 0 if abs(share) >= 0.1 or share == 0 else 1
    return f"{100 * share:.{digits}f} %"
