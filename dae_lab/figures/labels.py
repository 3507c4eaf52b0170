"""Labels beside what they name, none over another."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from scipy.optimize import isotonic_regression

_SIZE = 8
_LINE = 1.25  # height of a line of text, in font sizes
_FROM_THE_LEFT = {"relpos": (0, 0.5), "shrinkA": 2, "shrinkB": 0}
_HALO = withStroke(linewidth=3, foreground="white")


def at_right_end(axes: Axes, levels: Mapping[str, tuple[float, str]]) -> None:
    """Write names outside the axes at the right, each as near its level as the others leave room.

    Call it when all is drawn and the limits stand.

    Args:
        levels: name → its level in y, and a colour.
    """
    if not levels:
        return
    figure = cast(Figure, axes.get_figure(root=True))
    figure.draw_without_rendering()  # only then it is known how high the axes are
    height = axes.get_window_extent().height
    heights = axes.transData.transform([(0, level) for level, _ in levels.values()])[:, 1]
    wanted = axes.transAxes.inverted().transform([(0, place) for place in heights])[:, 1]
    places = spread(wanted, _SIZE * _LINE * figure.dpi / 72 / height)
    for (name, (_, colour)), start, place in zip(levels.items(), wanted, places, strict=True):
        axes.annotate(
            shortened(name),
            (1.0, start),
            xycoords="axes fraction",
            xytext=(1.05, place),
            va="center",
            size=_SIZE,
            color=colour,
            arrowprops={"arrowstyle": "-", "color": colour, "linewidth": 0.7, **_FROM_THE_LEFT},
        )


def spread(wanted: np.ndarray, gap: float) -> np.ndarray:
    """Places (n,) in [0, 1], nearest to those wanted in the least squares, and at least ``gap`` apart.

    Less the room that the labels below need, such places rise: an isotonic regression, cut to the bounds.
    Where n labels do not fit, they go on above 1.
    """
    order = np.argsort(wanted, kind="stable")
    below = gap * np.arange(len(wanted))
    rising = isotonic_regression(wanted[order] - below).x
    places = np.empty(len(wanted))
    places[order] = np.clip(rising, 0, max(0, 1 - below[-1])) + below
    return places


def at_points(axes: Axes, names: Sequence[tuple[str, np.ndarray, str]]) -> int:
    """Write names at points of the plane, or where that is taken near by, with a line to the point.

    Args:
        names: text, its point (2,) in data coordinates, and a colour; the first are placed first.

    Returns:
        How many found a place; the others are left away.
    """
    cast(Figure, axes.get_figure(root=True)).draw_without_rendering()
    inside, taken = np.array(axes.get_window_extent().extents), np.empty((0, 4))
    look: dict[str, Any] = {"ha": "center", "va": "center", "size": _SIZE + 1, "weight": "bold"}
    for name, (x, y), colour in names:
        text = axes.text(x, y, shortened(name), color=_darker(colour), path_effects=[_HALO], **look)
        box = np.array(text.get_window_extent().padded(2).extents)
        place = _free_place(box, inside, taken)
        if place is None:
            text.remove()
            continue
        taken = np.vstack([taken, place])
        middle = tuple(axes.transData.inverted().transform((place[:2] + place[2:]) / 2))
        text.set_position(middle)
        if np.any(place != box):
            line = {"arrowstyle": "-", "color": _darker(colour), "linewidth": 0.8, "shrinkB": 0}
            axes.annotate("", (x, y), middle, arrowprops=line, zorder=2.5)  # under the texts
    return len(taken)


def _free_place(box: np.ndarray, inside: np.ndarray, taken: np.ndarray) -> np.ndarray | None:
    """The nearest place for ``box`` that is inside and free; None: there is none near by.

    Boxes are (x0, y0, x1, y1) in pixels; taken: (k, 4).
    """
    steps = np.stack(np.meshgrid(np.arange(-4, 5), np.arange(-6, 7)), axis=-1).reshape(-1, 2)
    shifts = steps * (box[2:] - box[:2]) * (0.5, 1)
    shifts = shifts[np.argsort(np.hypot(*shifts.T), kind="stable")]
    low, high = box[:2] + shifts, box[2:] + shifts
    within = ((low >= inside[:2]) & (high <= inside[2:])).all(axis=1)
    hit = (low[:, None] < taken[:, 2:]) & (high[:, None] > taken[:, :2])
    free = np.flatnonzero(within & ~hit.all(axis=-1).any(axis=-1))
    return np.append(low[free[0]], high[free[0]]) if len(free) else None


def _darker(colour: str) -> tuple[float, ...]:
    """The colour for text: Okabe and Ito's are too pale for thin strokes."""
    return tuple(0.65 * part for part in to_rgb(colour))


def shortened(name: str, most: int = 30) -> str:
    """``name``, cut to ``most`` letters."""
    return name if len(name) <= most else name[: most - 1].rstrip() + "…"
