"""The style of all figures, whatever the user's matplotlibrc says.

Pictures are 7 inches wide, 1,120 pixels: text stays readable where a page shrinks them to 800, and in print.
Only matplotlib's object interface is used: pyplot would keep every figure, and look for a screen.
"""

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from textwrap import wrap
from typing import Any, ParamSpec, cast

import matplotlib.style
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import blended_transform_factory
from PIL import Image

WIDTH = 7.0
"""Of every figure, in inches."""
DPI = 160
LEGEND = 24
"""What a legend over the axes takes up, in points."""

_LOOK = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.edgecolor": "0.35",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.formatter.useoffset": False,  # 0.1121, not 1e-4 + 1.12e-1
    "grid.color": "0.9",
    "lines.linewidth": 1.6,
    "lines.markersize": 4.5,
    "legend.frameon": False,
    "legend.borderaxespad": 0,
    "text.parse_math": False,  # a class may be called "$"
}

Parameters = ParamSpec("Parameters")


@contextmanager
def house_style() -> Iterator[None]:
    """Within it figures are made and drawn in our style; matplotlib's settings are as before afterwards."""
    with warnings.catch_warnings(), matplotlib.style.context(_LOOK, after_reset=True):
        # Of a class named in a script that DejaVu Sans lacks: the picture shows boxes, the run goes on.
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        yield


def figure(height: float, rows: int = 1, columns: int = 1, **subplots: Any) -> tuple[Figure, np.ndarray]:
    """A new figure ``height`` inches high, and its axes, (rows, columns); call it within ``house_style``."""
    made = Figure(figsize=(WIDTH, height), dpi=DPI, layout="constrained")
    FigureCanvasAgg(made)
    return made, made.subplots(rows, columns, squeeze=False, **subplots)


def as_image(build: Callable[Parameters, Figure]) -> Callable[Parameters, Image.Image]:
    """The function that draws what ``build`` makes: same arguments, a PIL RGB image of 160 dots an inch."""

    @wraps(build)
    def draw(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Image.Image:
        with house_style():
            canvas = cast(FigureCanvasAgg, build(*args, **kwargs).canvas)
            canvas.draw()
            return Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")

    return draw


def heading(axes: Axes, title: str, note: str = "", above: float = 6, letters: int = 100) -> Text:
    """A title, and under it a smaller note wrapped after so many ``letters``, ``above`` points over the axes.

    Returns:
        The note, so that something can be added to it later.
    """
    lines = wrap(note, letters)
    axes.set_title(title, pad=above + 11 * len(lines))
    place: dict[str, Any] = {"xycoords": "axes fraction", "textcoords": "offset points", "va": "bottom"}
    return axes.annotate("\n".join(lines), (0, 1), (0, above), size=8, color="0.3", **place)


def legend_above(axes: Axes) -> None:
    """A legend in one line between the axes and a heading ``LEGEND`` points above: no curve runs through it.

    The model, which the picture is about, comes first.
    """
    entries = sorted(
        zip(*axes.get_legend_handles_labels(), strict=True), key=lambda entry: entry[1] != "model"
    )
    whole_width = blended_transform_factory(axes.figure.transFigure, axes.transAxes)
    place: dict[str, Any] = {"bbox_to_anchor": (0.01, 1.01), "bbox_transform": whole_width, "borderpad": 0.2}
    axes.legend(*zip(*entries, strict=True), loc="lower left", ncols=len(entries), columnspacing=1.4, **place)


def left_out(series: Mapping[str, Iterable[float]]) -> str:
    """A note on numbers that cannot be drawn, "not finite: 2 of model"; empty if all are finite."""
    broken = {name: int(np.sum(~np.isfinite(list(values)))) for name, values in series.items()}
    found = ", ".join(f"{count} of {name}" for name, count in broken.items() if count)
    return f"not finite, not drawn: {found}" if found else ""
