"""Curves over the epochs, and over the strength of the noise."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from dae_lab.figures import labels, palette, scales, style

Points = Sequence[tuple[float, float]]
"""(epoch, value) of some epochs; epoch 0 is the untrained model."""

_VALIDATION: dict[str, Any] = {"color": palette.VALIDATION, "linestyle": "-", "marker": "o"}
_LOOKS: dict[str, dict[str, Any]] = {
    "train/loss": {"color": palette.TRAIN, "linestyle": "--", "marker": "s"},
    "val/loss": _VALIDATION,
    "val/mse": _VALIDATION,
}


def trajectories_figure(
    losses: Mapping[str, Points], common: Points, references: Mapping[str, float], loss_name: str
) -> Figure:
    """The course of a training: the loss that was minimised, and below it the MSE, common to all runs.

    Each is drawn on a linear and on a logarithmic axis, which is left empty where a loss is not positive.

    Args:
        losses: "train/loss" and "val/loss" → points; more keys are drawn too.
        common: the validation MSE; no points: there are no validation images.
        references: title → an MSE on the same images that needs no training, a horizontal line each.
        loss_name: of the loss, as "bce".
    """
    panel = max(2.2, 0.55 + 0.14 * len(references))  # inches: each reference has its line of text
    figure, axes = style.figure(2 * panel, 2, 2, sharex=True)
    mse = {"val/mse": common}
    _panel(axes[0, 0], losses, f"loss ({loss_name})")
    _panel(axes[1, 0], mse, "validation MSE")
    _log_panel(axes[0, 1], losses, f"loss ({loss_name}), log axis")
    _log_panel(axes[1, 1], mse, "validation MSE, log axis", references)
    _epochs(axes, [*losses.values(), common])
    if axes[0, 0].lines:
        # beside the upper panels, where the lower have their labels: no curve can run through it
        axes[0, 1].legend(*axes[0, 0].get_legend_handles_labels(), loc="upper left", bbox_to_anchor=(1.02, 1))
    return figure


trajectories = style.as_image(trajectories_figure)


def noise_levels_figure(
    levels: Sequence[float],
    model: Sequence[float],
    noisy: Sequence[float],
    trained_at: float = 1.0,
    black: float | None = None,
    strength_name: str = "",
) -> Figure:
    """The error at other strengths of the noise than the one trained on.

    Args:
        levels: strengths, in multiples of the training strength, in any order.
        model: the model's MSE at each. noisy: that of leaving the images as they are.
        trained_at: the level to be marked.
        black: E[x²] of the images, the MSE of a black answer.
        strength_name: what a level is a multiple of, as "σ = 0.5".
    """
    figure, ((axes,),) = style.figure(3.4)
    order = np.argsort(levels)
    x, model_mse, noisy_mse = (np.asarray(values, float)[order] for values in (levels, model, noisy))
    axes.plot(x, model_mse, color=palette.MODEL, marker="o", zorder=3, clip_on=False)
    axes.plot(x, noisy_mse, color=palette.NOISY, marker="s", linestyle="--", clip_on=False)
    axes.margins(x=0.02)
    axes.axvline(trained_at, color=palette.CLEAN, linestyle=":", linewidth=1.2)
    place = {"xycoords": ("data", "axes fraction"), "textcoords": "offset points"}
    axes.annotate("trained here", (trained_at, 1), (0, 3), ha="center", size=8, **place)
    ends = {"model": (_last(model_mse), palette.MODEL), "noisy image": (_last(noisy_mse), palette.NOISY)}
    if black is not None:
        axes.axhline(black, color=palette.BASELINE, linestyle="-.", linewidth=1.2)
        ends["black image"] = (black, palette.BASELINE)
    unit = f" ({strength_name})" if strength_name else ""
    axes.set_xlabel(f"noise strength, multiples of training{unit}")
    axes.set_ylabel("test MSE, spaced as its root")
    style.heading(
        axes, "Other strengths of the noise", style.left_out({"model": model, "noisy image": noisy}), above=18
    )
    highest = np.nanmax([*_finite(model), *_finite(noisy), black or 0, 1e-6])
    scales.square_root(axes, "y", 1.05 * highest)
    labels.at_right_end(axes, {name: end for name, end in ends.items() if np.isfinite(end[0])})
    return figure


noise_levels = style.as_image(noise_levels_figure)


def _panel(axes: Axes, series: Mapping[str, Points], title: str, note: str = "") -> None:
    """Curves on a linear axis; of values that are not finite, a note says how many there are."""
    broken = style.left_out({_name(key): [value for _, value in points] for key, points in series.items()})
    style.heading(axes, title, "; ".join(filter(None, [broken, note])), letters=44)
    for place, (key, points) in enumerate(series.items()):
        look = _LOOKS.get(key, {"color": palette.BASELINE, "linestyle": ":", "marker": "^vD"[place % 3]})
        finite = np.array([point for point in points if np.isfinite(point[1])]).reshape(-1, 2)
        if len(finite):
            every = max(1, len(finite) // 12)
            axes.plot(*finite.T, label=_name(key), markevery=every, **look)
    if not axes.lines:
        _empty(axes, "nothing recorded")


def _log_panel(
    axes: Axes, series: Mapping[str, Points], title: str, references: Mapping[str, float] | None = None
) -> None:
    """The same on a logarithmic axis, with a line for each reference; a note says which have none."""
    references = references or {}
    levels = {name: level for name, level in references.items() if 0 < level < np.inf}
    missing = [f"{name} ({level:.3g})" for name, level in references.items() if name not in levels]
    _panel(axes, series, title, f"no line: {', '.join(missing)}" if missing else "")
    if any(value <= 0 for points in series.values() for _, value in points):
        _empty(axes, "some values are not positive:\nthey have no logarithm")
    if not axes.lines:
        return
    for name, level in levels.items():
        line = "--" if palette.of_reference(name) == palette.NOISY else "-"
        axes.axhline(level, color=palette.of_reference(name), linestyle=line, linewidth=0.9, zorder=1)
    scales.logarithmic_y(axes)
    labels.at_right_end(axes, {name: (level, palette.of_reference(name)) for name, level in levels.items()})


def _empty(axes: Axes, why: str) -> None:
    """Nothing but a sentence in the middle."""
    for line in list(axes.lines):
        line.remove()
    axes.text(0.5, 0.5, why, ha="center", va="center", color="0.4", transform=axes.transAxes)
    axes.grid(visible=False)
    axes.set_yticks([])


def _epochs(axes: np.ndarray, series: Sequence[Points]) -> None:
    """One x-axis for all panels, with whole numbers, wide enough where there is one epoch alone."""
    epochs = [epoch for points in series for epoch, _ in points] or [0, 1]
    low, high = min(epochs), max(epochs)
    margin = max(0.03 * (high - low), 0.5 if high - low < 2 else 0)
    axes[0, 0].set_xlim(low - margin, high + margin)
    axes[0, 0].xaxis.set_major_locator(MaxNLocator(6, integer=True))
    for panel in axes[1]:
        panel.set_xlabel("epoch")


def _name(key: str) -> str:
    return {"train/loss": "training", "val/loss": "validation", "val/mse": "validation"}.get(key, key)


def _finite(values: Iterable[float]) -> list[float]:
    return [value for value in values if np.isfinite(value)]


def _last(values: Iterable[float]) -> float:
    """The last value that is finite; NaN if none is."""
    return [np.nan, *_finite(values)][-1]
