"""Axes whose spacing is not even, with ticks at round values written out: 0.02, not 2×10⁻²."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

_MOST_TICKS = 8


def logarithmic_y(axes: Axes) -> None:
    """Make the y-axis logarithmic. Call it when all is drawn; something positive has to be."""
    axes.set_yscale("log")
    low, high = axes.get_ylim()
    _ticks(axes, "y", _round_values(low, high), (low, high))


def early_x(axes: Axes, first: float, last: float) -> None:
    """Let the x-axis run from ``first`` ≥ 0 to ``last``, evenly up to 1 and logarithmically from there."""
    axes.set_xscale("symlog", linthresh=1)
    places = _round_values(max(first, 1), last)
    _ticks(axes, "x", np.append(0, places) if first < 1 else places, (first, 1.05 * last))


def square_root(axes: Axes, which: str, high: float) -> None:
    """Let an axis run from 0 to ``high``, spaced as the square root: of an MSE, as its RMSE.

    It has the zero that a logarithmic axis lacks, and the small values can be told apart all the same.

    Args:
        which: "x" or "y".
    """
    functions = (lambda values: np.sqrt(np.maximum(values, 0)), np.square)
    getattr(axes, f"set_{which}scale")("function", functions=functions)
    _ticks(axes, which, np.append(0, _round_values(high / 20, high)), (0, high))


def _ticks(axes: Axes, which: str, places: np.ndarray, limits: tuple[float, float]) -> None:
    getattr(axes, f"set_{which}ticks")(places, labels=[f"{place:.10g}" for place in places])
    getattr(axes, f"set_{which}lim")(*limits)
    axes.minorticks_off()


def _round_values(low: float, high: float) -> np.ndarray:
    """Values within [low, high], low > 0: 1, 2, 5, 10, …; fewer over many decades, closer within one."""
    decades = 10.0 ** np.arange(np.floor(np.log10(low)), np.ceil(np.log10(high)) + 1)
    for steps in ([1, 2, 5], [1, 3], [1]):
        values = np.outer(decades, steps).ravel()
        values = values[(values >= low) & (values <= high)]
        if len(values) <= _MOST_TICKS:
            break
    if len(values) < 3:
        values = np.asarray(MaxNLocator(5).tick_values(low, high))
        values = values[(values >= low) & (values <= high)]
    return values[:: -(-len(values) // _MOST_TICKS)]
