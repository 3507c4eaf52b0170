"""The plane of the codes: where the classes lie, and how their hulls overlap."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dae_lab.figures import labels as placing
from dae_lab.figures import palette, style

_COLOURS = list(palette.CYCLE.values())
_MARKERS = "os^Dv<>phXP"  # as many as share no divisor with the colours: 77 looks before one comes again
_LINES = ("-", "--", "-.", (0, (1, 1.2)))


def hulls_figure(
    plane: np.ndarray,
    labels: np.ndarray | None,
    hulls: Mapping[int, np.ndarray],
    names: Mapping[int, str],
    title: str,
    axis_labels: tuple[str, str],
    explained: float,
) -> Figure:
    """Points in the plane of the codes, each class with its convex hull and its name at its median.

    Args:
        plane: (n, 2). labels: (n,) class numbers, or None: all points look the same.
        hulls: class → vertices (v, 2) in order; classes with fewer than 3 are not outlined.
        names: class → what it is called; a class without a name is called by its number.
        axis_labels: of the first and the second coordinate.
        explained: the plane's share of the codes' variance, in [0, 1]; NaN: unknown.
    """
    figure, ((axes,),) = style.figure(5.6)
    finite = np.isfinite(plane).all(axis=1)
    axes.set_aspect("equal", adjustable="datalim")
    axes.set_xlabel(axis_labels[0])
    axes.set_ylabel(axis_labels[1])
    note = style.heading(axes, title, _note(finite, explained))
    if labels is None:
        axes.scatter(plane[finite, 0], plane[finite, 1], s=9, color=palette.MODEL, alpha=0.7, linewidths=0)
        return figure
    called = _classes(axes, plane[finite], np.asarray(labels)[finite], hulls, names)
    placed = placing.at_points(axes, called)
    if placed < len(called):
        note.set_text(f"{note.get_text()}; {placed} of {len(called)} classes have room for their name")
    return figure


hulls = style.as_image(hulls_figure)


def _note(finite: np.ndarray, explained: float) -> str:
    parts = [f"{len(finite):,} images"]
    if np.isfinite(explained):
        parts.append(f"the plane holds {explained:.0%} of the codes' variance")
    if not finite.all():
        parts.append(f"{np.sum(~finite):,} codes are not finite, not drawn")
    return "; ".join(parts)


def _classes(
    axes: Axes,
    plane: np.ndarray,
    labels: np.ndarray,
    hulls: Mapping[int, np.ndarray],
    names: Mapping[int, str],
) -> list[tuple[str, np.ndarray, str]]:
    """Draw them; where their names belong, as name, median and colour. The largest classes come first."""
    numbers, counts = np.unique(labels, return_counts=True)
    places = {number: place for place, number in enumerate(sorted({*names, *numbers.tolist()}))}
    named = []
    for number in numbers[np.argsort(-counts, kind="stable")].tolist():
        colour = _COLOURS[places[number] % len(_COLOURS)]
        marker = _MARKERS[places[number] % len(_MARKERS)]
        points = plane[labels == number]
        axes.scatter(points[:, 0], points[:, 1], s=11, color=colour, marker=marker, alpha=0.65, linewidths=0)
        outline = hulls.get(number, points[:0])
        if len(outline) >= 3:
            line = _LINES[places[number] % len(_LINES)]
            axes.fill(*outline.T, facecolor="none", edgecolor=colour, linewidth=1.2, linestyle=line)
        named.append((names.get(number, str(number)), np.median(points, axis=0), colour))
    return named
