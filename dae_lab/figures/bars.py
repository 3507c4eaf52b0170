"""Horizontal bars of named values: classes, baselines, corruptions."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from dae_lab.errors import DataError
from dae_lab.figures import labels, palette, scales, style

Interval = tuple[float, float]

_ROW, _TALLEST = 0.27, 11.0  # inches
_SMALLEST_TEXT = 6.5  # points
_NOISY: dict[str, Any] = {"color": palette.NOISY, "markerfacecolor": "white", "clip_on": False}


def per_class_figure(
    names: Sequence[str],
    model: Sequence[float],
    intervals: Sequence[Interval],
    best_baseline: Sequence[float],
    baseline_title: str,
    noisy: Sequence[float],
) -> Figure:
    """The energy-normalised error of each class: MSE / E[x²], 1 for a black image.

    Args:
        names: of the k classes. model: k errors. intervals: (low, high) of each; NaN where there is none,
            as for a class with one image.
        best_baseline: k errors of the baseline that is called ``baseline_title``.
        noisy: k errors of leaving the images as they are.

    Raises:
        DataError: there is no class.
    """
    figure, axes, rows = _rows(names)
    axes.barh(rows, _drawable(model), height=0.62, color=palette.MODEL, label="model")
    _whiskers(axes, rows, intervals)
    best: dict[str, Any] = {
        "color": palette.BASELINE,
        "markeredgecolor": "white",
        "label": labels.shortened(baseline_title),
    }
    axes.plot(_drawable(best_baseline), rows, "D", **best)
    axes.plot(_drawable(noisy), rows, "s", label="noisy image", **_NOISY)
    axes.axvline(1, color=palette.CLEAN, linestyle="--", linewidth=1.1, label="black image")
    scales.square_root(axes, "x", 1.06 * _highest([1.0], model, best_baseline, noisy, *intervals))
    axes.set_xlabel("MSE / E[x²] of the class, spaced as its root")
    broken = style.left_out({"model": model, "the baseline": best_baseline, "noisy image": noisy})
    style.heading(axes, "Error of each class over its energy", broken, style.LEGEND)
    style.legend_above(axes)
    return figure


per_class = style.as_image(per_class_figure)


def baselines_figure(
    titles: Sequence[str], mse: Sequence[float], model_mse: float, interval: Interval
) -> Figure:
    """The model among the baselines, the best on top.

    Args:
        titles: of the baselines. mse: of each. model_mse: the model's. interval: (low, high) of it.
    """
    names, values = ["model", *titles], np.array([model_mse, *mse], float)
    order = np.argsort(values, kind="stable")  # what is not finite comes last
    figure, axes, rows = _rows([names[place] for place in order])
    row = rows[list(order).index(0)]
    colours = [palette.of_reference(names[place]) if place else palette.MODEL for place in order]
    axes.barh(rows, _drawable(values[order]), height=0.62, color=colours)
    _whiskers(axes, [row], [interval])
    axes.set_xlim(0, 1.12 * _highest(values, interval))
    for place, value in zip(rows, values[order], strict=True):
        end = np.fmax(value, interval[1]) if place == row else value
        end, text = (end, f"{value:#.3g}") if np.isfinite(value) else (0, "not finite")
        axes.annotate(text, (end, place), (4, 0), textcoords="offset points", va="center", size=8)
    axes.get_yticklabels()[row].set_fontweight("bold")
    axes.set_xlabel("test MSE")
    style.heading(axes, "The model among answers that need no network")
    return figure


baselines = style.as_image(baselines_figure)


def corruptions_figure(names: Sequence[str], model: Sequence[float], noisy: Sequence[float]) -> Figure:
    """The test MSE of the model and of the noisy images under each corruption.

    Args:
        names: of the k corruptions. model: k test MSEs. noisy: those of leaving the images as they are.

    Raises:
        DataError: there is no corruption.
    """
    figure, axes, rows = _rows(names)
    model_mse, noisy_mse = _drawable(model), _drawable(noisy)
    axes.hlines(rows, model_mse, noisy_mse, color=palette.BASELINE, linewidth=1.2)
    axes.plot(noisy_mse, rows, "s", markersize=7, label="noisy image", **_NOISY)
    axes.plot(model_mse, rows, "o", markersize=6, label="model", color=palette.MODEL, clip_on=False)
    scales.square_root(axes, "x", 1.06 * _highest(model_mse, noisy_mse))
    axes.set_xlabel("test MSE, spaced as its root")
    broken = style.left_out({"model": model, "noisy image": noisy})
    style.heading(axes, "Other corruptions", broken, style.LEGEND)
    style.legend_above(axes)
    return figure


corruptions = style.as_image(corruptions_figure)


def _rows(names: Sequence[str]) -> tuple[Figure, Axes, np.ndarray]:
    """Axes with one row a name, the first on top; many rows are lower, and of too many some go unnamed."""
    if not names:
        raise DataError("there is nothing to draw: no name was given")
    height = min(_ROW, _TALLEST / len(names))
    figure, ((axes,),) = style.figure(1.1 + max(0.8, height * len(names)))
    every = max(1, int(np.ceil(1.25 * _SMALLEST_TEXT / (72 * height))))
    size = min(9, 72 * height * every / 1.25)
    rows = np.arange(len(names))
    axes.set_yticks(rows[::every], labels=[labels.shortened(name) for name in names[::every]], fontsize=size)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0, pad=7)  # a marker at 0 stays clear of the name
    axes.grid(visible=False, axis="y")
    return figure, axes, rows


def _whiskers(axes: Axes, rows: Sequence[int] | np.ndarray, intervals: Sequence[Interval]) -> None:
    """Intervals as black lines, edged in white so that they show on a bar."""
    low, high = _drawable(intervals).T
    for width, colour in ((2.6, "white"), (1.2, palette.CLEAN)):
        axes.hlines(rows, low, high, color=colour, linewidth=width, zorder=3)


def _drawable(values: ArrayLike) -> np.ndarray:
    """Numbers with NaN, which matplotlib leaves away, for infinity, which it stumbles over."""
    numbers = np.asarray(values, float)
    return np.where(np.isfinite(numbers), numbers, np.nan)


def _highest(*values: ArrayLike) -> float:
    """The highest value that is finite; 1 if none is positive."""
    every = np.concatenate([np.asarray(some, float).ravel() for some in values])
    return float(np.max(every, where=np.isfinite(every), initial=0)) or 1.0
