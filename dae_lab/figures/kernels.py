"""What a first layer looks for."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from dae_lab.errors import DataError
from dae_lab.figures import palette, style

MOST = 64
"""Kernels shown."""

_SIDE, _GAP = 60, 8  # of a tile at least, and between two, in pixels of the sheet
_COLUMNS = 10
_INCHES = 6.0 / (_COLUMNS * (_SIDE + _GAP))  # of a pixel of the sheet, at most
_BETWEEN = "0.85"  # grey, so that white kernels have an edge


def kernels_figure(weights: np.ndarray) -> Figure:
    """The kernels of a first convolution as tiles, all on one scale that is symmetric about 0.

    Of one input channel, blue is negative, white 0, red positive. Of three, a tile is red, green and blue
    as the weights are: mid-grey is 0. Of any other number, every channel of a filter is a tile of its own.

    Args:
        weights: float (kh, kw, c_in, filters).

    Raises:
        DataError: the weights are no kernels of a convolution, or there are none.
    """
    if weights.ndim != 4 or not weights.size:
        raise DataError(f"kernels are (height, width, channels, filters) arrays; got {weights.shape}")
    tiles = np.moveaxis(weights, 3, 0)
    if weights.shape[2] != 3:
        tiles = tiles.transpose(0, 3, 1, 2)[..., None].reshape(-1, *weights.shape[:2], 1)
    limit = float(np.max(np.abs(weights), where=np.isfinite(weights), initial=0)) or 1.0
    sheet = _sheet(tiles[:MOST])
    figure, ((axes,),) = style.figure(1.3 + _INCHES * sheet.shape[0])
    _show(figure, axes, sheet, limit)
    style.heading(axes, "Kernels of the first convolution", _note(weights, len(tiles), limit))
    return figure


kernels = style.as_image(kernels_figure)


def _note(weights: np.ndarray, tiles: int, limit: float) -> str:
    """Their size, how many are shown of how many, and what a colour means."""
    height, width, channels, filters = weights.shape
    shown = f"the first {MOST} of {tiles} tiles" if tiles > MOST else "all"
    parts = [f"{height}×{width}×{channels}, filters: {filters}, shown: {shown}"]
    if channels == 3:
        parts.append(f"as colours: grey is 0, the ends of red, green, blue are ±{limit:.2g}")
    if broken := int(np.sum(~np.isfinite(weights))):
        parts.append(f"{broken} weights are not finite, shown as gaps")
    return "; ".join(parts)


def _sheet(tiles: np.ndarray) -> np.ndarray:
    """Tiles (k, h, w, c) enlarged and set in rows: (height, width, c), NaN between them."""
    scale = max(1, -(-_SIDE // max(tiles.shape[1:3])))
    tiles = tiles.repeat(scale, axis=1).repeat(scale, axis=2).astype(np.float64)
    gap = _GAP // 2
    tiles = np.pad(tiles, ((0, 0), (gap, gap), (gap, gap), (0, 0)), constant_values=np.nan)
    count, height, width, channels = tiles.shape
    columns = min(range(min(_COLUMNS, count), min(6, count) - 1, -1), key=lambda across: -count % across)
    rows = -(-count // columns)
    full = np.full((rows * columns, height, width, channels), np.nan)
    full[:count] = tiles
    sheet = full.reshape(rows, columns, height, width, channels).swapaxes(1, 2)
    return sheet.reshape(rows * height, columns * width, channels)


def _show(figure: Figure, axes: Axes, sheet: np.ndarray, limit: float) -> None:
    axes.set_axis_off()
    axes.set_anchor("W")
    if sheet.shape[-1] == 3:
        gap = float(_BETWEEN)
        axes.imshow(np.nan_to_num((sheet / limit + 1) / 2, nan=gap, posinf=gap, neginf=gap))
        return
    ends = [np.array(colour) / 255 for colour in (palette.NEGATIVE, palette.ZERO, palette.POSITIVE)]
    diverging = LinearSegmentedColormap.from_list("diverging", ends).with_extremes(bad=_BETWEEN)
    shown = np.ma.masked_invalid(sheet[..., 0])
    drawn = axes.imshow(shown, cmap=diverging, vmin=-limit, vmax=limit, interpolation="nearest")
    place: dict[str, Any] = {"location": "bottom", "shrink": 0.4, "aspect": 25, "pad": 0.03, "anchor": (0, 1)}
    bar = figure.colorbar(drawn, ax=axes, panchor=False, ticks=MaxNLocator(5), **place)
    bar.set_label("weight")
