"""The effects of several claims in one picture, each in a unit of its own."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from dae_lab.errors import DataError
from dae_lab.figures import labels, style

_ROW = 0.3  # inches
_EDGE = 300.0  # units; beyond it an interval ends in an arrow


@dataclass(frozen=True)
class ClaimEffect:
    """The effect of one claim, in units of its margin.

    Attributes:
        name: of the claim, with a mark where its unit is another.
        effect, low, high: the mean, and the ends of its interval.
        boundaries: what the interval is held against: 1, or ±1, or 0.
        verdict: in a word. colour: of the verdict.
    """

    name: str
    effect: float
    low: float
    high: float
    boundaries: tuple[float, ...]
    verdict: str
    colour: str


def effects_figure(claims: Sequence[ClaimEffect]) -> Figure:
    """A row a claim, the first on top: its mean as a point, its interval as a line, boundaries as ticks.

    The axis is linear up to 1 and logarithmic beyond.

    Raises:
        DataError: there is no claim.
    """
    if not claims:
        raise DataError("there is nothing to draw: no claim was judged")
    figure, ((axes,),) = style.figure(1.2 + _ROW * len(claims))
    axes.set_xscale("symlog", linthresh=1.0)
    axes.set_xlim(-_EDGE, _EDGE)
    axes.axvline(0, color="0.35", linewidth=1)
    rows = range(len(claims))
    for row, one in zip(rows, claims, strict=True):
        axes.vlines(one.boundaries, row - 0.35, row + 0.35, color="0.35", linewidth=1.2, linestyle=":")
        low, high = np.clip((one.low, one.high), -_EDGE, _EDGE)
        axes.hlines(row, low, high, color=one.colour, linewidth=1.8)
        axes.plot(np.clip([one.effect], -_EDGE, _EDGE), [row], "D", color=one.colour, clip_on=False)
        for place, marker, beyond in ((-_EDGE, "<", one.low < -_EDGE), (_EDGE, ">", one.high > _EDGE)):
            if beyond:
                axes.plot([place], [row], marker, color=one.colour, markersize=6, clip_on=False)
    axes.set_yticks(rows, labels=[labels.shortened(one.name) for one in claims])
    axes.set_ylim(len(claims) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
    ticks = [-100, -10, -1, 0, 1, 10, 100]
    axes.set_xticks(ticks, labels=[f"{tick}".replace("-", "−") for tick in ticks])
    axes.set_xlabel("effect in units of its margin; dotted: what the interval is held against")
    verdicts = axes.secondary_yaxis("right")
    verdicts.set_yticks(rows, labels=[one.verdict for one in claims])
    verdicts.tick_params(length=0)
    for text, one in zip(verdicts.get_yticklabels(), claims, strict=True):
        text.set_color(one.colour)
    style.heading(axes, "Effects and their intervals", "* the margin is 0: in standard deviations over seeds")
    return figure


effects = style.as_image(effects_figure)
