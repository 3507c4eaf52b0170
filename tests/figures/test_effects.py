"""The effects of all claims in one picture."""

import pytest
from legible import check, words

from dae_lab.errors import DataError
from dae_lab.figures.effects import ClaimEffect, effects_figure
from dae_lab.figures.style import house_style


def claim(name="A1 bce converges earlier", effect=2.0, low=1.5, high=2.5, boundaries=(1.0,)):
    return ClaimEffect(name, effect, low, high, boundaries, "supported", "#2e7d32")


@pytest.mark.parametrize("count", [1, 5, 18])
def test_effects_can_be_read(count):
    long = "B3 room makes class boundaries that are a very long name indeed"
    with house_style():
        figure = effects_figure([claim(f"{place} {long}") for place in range(count)])
        check(figure)
    assert words(figure).count("supported") == count


def test_effects_and_intervals_are_where_their_numbers_say():
    with house_style():
        axes = effects_figure([claim(), claim(low=-float("inf"), boundaries=(-1.0, 1.0))]).axes[0]
    points = [line.get_xydata().tolist() for line in axes.lines if line.get_marker() == "D"]
    assert points == [[[2.0, 0.0]], [[2.0, 1.0]]]
    assert sum(line.get_marker() == "<" for line in axes.lines) == 1  # the infinite end is an arrow


def test_nothing_to_draw():
    with pytest.raises(DataError):
        effects_figure([])
