"""Scores of a model: means over images with intervals, comparisons with baselines, scores of classes."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import scipy

from dae_lab.baselines.evaluate import Baseline
from dae_lab.metrics import METRICS

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Interval:
    """A mean and its 95 % interval over images, for this one run; NaN bounds for fewer than two images."""

    mean: float
    low: float
    high: float


def interval(values: np.ndarray) -> Interval:
    """The mean of ``values`` (n,) with Student's interval, over test images and not over seeds."""
    return ratio(values, np.ones_like(values))


def ratio(values: np.ndarray, weights: np.ndarray) -> Interval:
    """mean(values) / mean(weights), (n,) each, with its interval.

    The ratio estimator's, from the residuals values - ratio·weights (Cochran, "Sampling Techniques",
    1977, chapter 6); Student's interval where all weights are 1. NaN if all weights are 0.
    """
    values, weights = values.astype(np.float64), weights.astype(np.float64)
    count, scale = len(values), weights.mean()
    if scale == 0:
        return Interval(np.nan, np.nan, np.nan)
    mean = values.mean() / scale
    if count < 2:
        return Interval(float(mean), np.nan, np.nan)
    spread = np.std(values - mean * weights, ddof=1) / np.sqrt(count) / scale
    reach = scipy.stats.t.ppf((1 + CONFIDENCE) / 2, count - 1) * spread
    return Interval(float(mean), float(mean - reach), float(mean + reach))


@dataclass(frozen=True)
class Comparison:
    """The model compared with one baseline on the same noisy images.

    difference: MSE of the model minus that of the baseline, paired by image; below 0 the model is better.
    verdict: ``beats``, ``loses to``, or ``level with`` where the interval holds 0 or cannot be given.
    """

    title: str
    difference: Interval
    verdict: str


def compare(model: np.ndarray, baseline: np.ndarray, title: str) -> Comparison:
    """The MSEs of single images, (n,) each, of the model and of a baseline."""
    difference = interval(model - baseline)
    verdict = "level with"
    if difference.high < 0:
        verdict = "beats"
    elif difference.low > 0:
        verdict = "loses to"
    return Comparison(title, difference, verdict)


@dataclass(frozen=True)
class ClassScore:
    """One class of the test images.

    energy: E[x²], the MSE of black: the lower, the less there is to get wrong.
    mse: of the model. nmse: mse / energy, 1 for black. noisy, best: nmse of the noisy images, and of
        the baseline that is best over all classes.
    """

    images: int
    energy: float
    mse: float
    nmse: Interval
    noisy: float
    best: float


def score_classes(
    labels: np.ndarray, energies: np.ndarray, model: np.ndarray, noisy: np.ndarray, best: np.ndarray
) -> dict[int, ClassScore]:
    """The classes' scores, from labels, energies E[x²] and MSEs of single images, (n,) each."""
    classes = {}
    for label in np.unique(labels):
        rows = labels == label
        nmse = [ratio(errors[rows], energies[rows]) for errors in (model, noisy, best)]
        classes[int(label)] = ClassScore(
            images=int(rows.sum()),
            energy=float(energies[rows].mean()),
            mse=float(model[rows].mean()),
            nmse=nmse[0],
            noisy=nmse[1].mean,
            best=nmse[2].mean,
        )
    return classes


def mean_scores(scores: Mapping[str, np.ndarray], energies: np.ndarray) -> dict[str, float]:
    """The mean over images of each metric, and the metrics that are computed from means, such as ``nmse``.

    Args:
        scores: the values of single images, (n,), by metric.
        energies: E[x²] of the clean images, (n,).
    """
    means = {name: float(np.mean(values, dtype=np.float64)) for name, values in scores.items()}
    energy = float(np.mean(energies, dtype=np.float64))
    derived = [metric for metric in METRICS.values() if metric.from_means]
    return means | {metric.name: metric.from_means(means, energy) for metric in derived if metric.from_means}


def best_baseline(baselines: Mapping[str, Baseline]) -> str:
    """The name of the baseline with the lowest test MSE."""
    return min(baselines, key=lambda name: float(np.mean(baselines[name].test["mse"], dtype=np.float64)))
