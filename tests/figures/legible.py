"""What a reader needs of any figure, measured: every text whole, and none over another."""

from itertools import combinations

from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox

_TOUCH = 0.5  # pixels by which boxes may run into each other: rounding


def texts(figure: Figure) -> dict[Text, Bbox]:
    """The texts that are drawn, with the pixels they take up."""
    if figure.stale:
        figure.draw_without_rendering()
    unseen = {label for axes in figure.axes for label in _not_drawn(axes)}
    shown = [text for text in figure.findobj(Text) if text.get_visible() and text.get_text().strip()]
    # an annotation's extent holds its arrow too
    return {text: Text.get_window_extent(text) for text in shown if text not in unseen}


def words(figure: Figure) -> str:
    """All that is written, a line each."""
    return "\n".join(text.get_text() for text in texts(figure))


def check(figure: Figure) -> None:
    """Fails where a text leaves the canvas or lies over another."""
    boxes = texts(figure)
    assert len(boxes) > 1
    width, height = figure.canvas.get_width_height()
    for text, box in boxes.items():
        out = max(-box.x0, -box.y0, box.x1 - width, box.y1 - height)
        assert out <= _TOUCH, f"{text.get_text()!r} leaves the canvas: {box}"
    for (one, box), (other, its) in combinations(boxes.items(), 2):
        across = min(box.x1, its.x1) - max(box.x0, its.x0)
        down = min(box.y1, its.y1) - max(box.y0, its.y0)
        assert min(across, down) <= _TOUCH, f"{one.get_text()!r} lies over {other.get_text()!r}"


def _not_drawn(axes) -> list[Text]:
    """Labels of ticks beyond the limits, and all of an axis that is switched off."""
    unseen = []
    for axis in (axes.xaxis, axes.yaxis):
        low, high = sorted(axis.get_view_interval())
        slack = 1e-9 * (high - low)
        for tick in [*axis.get_major_ticks(), *axis.get_minor_ticks()]:
            within = low - slack <= tick.get_loc() <= high + slack
            unseen += [] if within and axes.axison else [tick.label1, tick.label2]
    return unseen
