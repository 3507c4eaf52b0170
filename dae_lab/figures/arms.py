"""Arms beside each other, a panel a metric: every seed, the mean, and its interval."""

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import wrap

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from dae_lab.errors import DataError
from dae_lab.figures import labels, style
from dae_lab.figures.bands import look

COLUMNS = 3
"""Panels beside each other."""

_ROW = 0.25  # inches
_LETTERS = 15  # of a title, in a line


@dataclass(frozen=True)
class Panel:
    """One metric of all k arms.

    title: what it is. values: k sequences, a value a seed. means: k. intervals: k times (low, high).
    NaN stands for what there is none of. marks: values that the arms are held against.
    """

    title: str
    values: Sequence[Sequence[float]]
    means: Sequence[float]
    intervals: Sequence[tuple[float, float]]
    marks: Sequence[float] = ()


def arms_figure(names: Sequence[str], panels: Sequence[Panel]) -> Figure:
    """Seeds as small circles, means as points, intervals as lines; the first arm is on top.

    An interval that is much wider than the points lie apart ends in an arrow at the panel's edge.

    Args:
        names: of the k arms.

    Raises:
        DataError: there is no arm or no panel.
    """
    if not names or not panels:
        raise DataError("there is nothing to draw: no arm or no metric was given")
    lines = -(-len(panels) // COLUMNS)
    height = lines * (0.75 + max(0.5, _ROW * len(names)))
    figure, grid = style.figure(height, lines, min(COLUMNS, len(panels)), sharey=True)
    for axes, panel in zip(grid.flat, panels, strict=False):
        _draw(axes, panel)
    for axes in grid.flat[len(panels) :]:
        axes.set_visible(False)
    grid[0, 0].set_yticks(range(len(names)), labels=[labels.shortened(name) for name in names])
    grid[0, 0].set_ylim(len(names) - 0.4, -0.6)
    return figure


arms = style.as_image(arms_figure)


def _draw(axes: Axes, panel: Panel) -> None:
    style.heading(axes, "\n".join(wrap(panel.title, _LETTERS)))
    low, high = _limits(panel)
    axes.set_xlim(low, high)
    axes.xaxis.set_major_locator(MaxNLocator(3))
    for mark in panel.marks:
        axes.axvline(mark, color="0.35", linewidth=1, linestyle="--", zorder=1)
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
    for row, (values, mean, ends) in enumerate(zip(panel.values, panel.means, panel.intervals, strict=True)):
        colour = look(row)["color"]
        if not np.isfinite(mean):
            axes.annotate(
                "none", (0.02, row), xycoords=("axes fraction", "data"), va="center", color="0.4", size=8
            )
            continue
        axes.plot(
            values, [row] * len(values), "o", color=colour, markerfacecolor="none", markersize=4, alpha=0.6
        )
        axes.plot([mean], [row], "D", color=colour, markersize=5, zorder=4, clip_on=False)
        if np.isfinite(ends).all():
            axes.hlines(row, *np.clip(ends, low, high), color=colour, linewidth=1.6)
            beyond = [(low, "<")] * int(ends[0] < low) + [(high, ">")] * int(ends[1] > high)
            for place, marker in beyond:
                axes.plot([place], [row], marker, color=colour, markersize=6, clip_on=False, zorder=4)


def _limits(panel: Panel) -> tuple[float, float]:
    """All values and marks, and of the intervals as much as leaves the values a third of the panel."""
    points = np.array(
        [*panel.marks, *panel.means, *(value for values in panel.values for value in values)], float
    )
    points = points[np.isfinite(points)]
    if not len(points):
        return 0, 1
    low, high = points.min(), points.max()
    span = high - low or 0.1 * abs(high) or 1.0
    ends = np.array(panel.intervals, float).ravel()
    ends = np.clip(ends[np.isfinite(ends)], low - span, high + span)
    low, high = min([low, *ends]), max([high, *ends])
    margin = 0.06 * (high - low) or 0.5 * span
    return low - margin, high + margin
