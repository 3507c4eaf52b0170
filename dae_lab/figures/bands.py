"""Curves of several settings, each with its seeds: single ones thin, their mean, and a band around it."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from dae_lab.errors import DataError
from dae_lab.figures import labels, palette, scales, style

Points = Sequence[tuple[float, float]]
"""(epoch, value) of some epochs; epoch 0 is the untrained model."""
Course = Sequence[tuple[float, float, float, float]]
"""(epoch, mean, low, high) of some epochs; low and high are NaN where there is no interval."""

LONG = 100
"""From so many epochs on the first ones get more room than the last: that is where most is learned."""

_COLOURS = list(palette.CYCLE.values())
_MARKERS, _LINES = "os^Dv", ("-", "--", "-.", ":")


def look(place: int) -> dict[str, Any]:
    """Colour, marker and line of the arm at ``place``, 0 first: the same in every figure of a sweep."""
    line = _LINES[place // len(_COLOURS) % len(_LINES)]
    return {
        "color": _COLOURS[place % len(_COLOURS)],
        "marker": _MARKERS[place % len(_MARKERS)],
        "linestyle": line,
    }


def bands_figure(
    seeds: Mapping[str, Sequence[Points]],
    courses: Mapping[str, Course],
    title: str,
    note: str = "",
) -> Figure:
    """One line an arm with its band, the curves of its seeds behind; on a log axis if all are positive.

    The axes hold every seed's curve; a band that is wider, as that of two seeds is, is cut.

    Args:
        seeds: arm → the curve of each seed.
        courses: arm → the mean over its seeds; an arm without one has its seeds' curves alone.
        note: under the title.

    Raises:
        DataError: there is no arm.
    """
    if not seeds:
        raise DataError("there is nothing to draw: no arm was given")
    figure, ((axes,),) = style.figure(max(3.2, 0.8 + 0.15 * len(seeds)))
    kept = {arm: [_finite(curve) for curve in curves] for arm, curves in seeds.items()}
    broken = style.left_out({labels.shortened(arm): _values(curves) for arm, curves in seeds.items()})
    style.heading(axes, title, "; ".join(filter(None, [note, broken])))
    looks = {arm: look(place) for place, arm in enumerate(seeds)}
    for arm, curves in kept.items():
        for curve in curves:
            axes.plot(*curve.T, color=looks[arm]["color"], linewidth=0.6, alpha=0.55, zorder=2)
    _scale(
        axes, np.concatenate([curve for curves in kept.values() for curve in curves] or [np.empty((0, 2))])
    )
    for arm, course in courses.items():
        _band(axes, np.asarray(course, float).reshape(-1, 4), looks[arm])
    ends = {arm: _end(kept[arm], courses.get(arm, [])) for arm in seeds}
    named = {arm: (end, looks[arm]["color"]) for arm, end in ends.items() if np.isfinite(end)}
    labels.at_right_end(axes, named)
    return figure


bands = style.as_image(bands_figure)


def _band(axes: Axes, course: np.ndarray, look: Mapping[str, Any]) -> None:
    """A mean, (epochs, 4), and the band around it; of one epoch alone, a point with a bar."""
    if not len(course):
        return
    epochs, mean, low, high = course.T
    every = max(1, len(epochs) // 12) if epochs[-1] < LONG else 0.08  # of the axes' diagonal
    axes.plot(epochs, mean, markevery=every, zorder=4, **look)
    if len(epochs) == 1:
        axes.vlines(epochs, low, high, color=look["color"], linewidth=6, alpha=0.2, zorder=1)
    else:
        axes.fill_between(epochs, low, high, color=look["color"], alpha=0.16, linewidth=0, zorder=1)


def _scale(axes: Axes, points: np.ndarray) -> None:
    """Fix the axes' limits by ``points``, (n, 2)."""
    axes.set_xlabel("epoch")
    if not len(points):
        axes.text(0.5, 0.5, "nothing finite to draw", ha="center", color="0.4", transform=axes.transAxes)
        return
    first, last = points[:, 0].min(), points[:, 0].max()
    margin = max(0.02 * (last - first), 0.5 if last - first < 2 else 0)
    if first >= 0 and last >= LONG:
        scales.early_x(axes, first, last)
    else:
        axes.set_xlim(first - margin, last + margin)
        axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
    if np.all(points[:, 1] > 0):
        scales.logarithmic_y(axes)
    axes.set_ylim(*axes.get_ylim())


def _finite(curve: Points) -> np.ndarray:
    """Those points, (n, 2), that can be drawn."""
    points = np.asarray(curve, float).reshape(-1, 2)
    return points[np.isfinite(points[:, 1])]


def _values(curves: Sequence[Points]) -> list[float]:
    return [value for curve in curves for _, value in curve]


def _end(curves: Sequence[np.ndarray], course: Course) -> float:
    """Where an arm's name belongs: at its last mean, else at its last value; NaN: it has none."""
    ends = [point[1] for point in course[-1:]] or [curve[-1, 1] for curve in curves if len(curve)]
    return float(ends[0]) if ends else np.nan
