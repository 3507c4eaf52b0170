"""Bands show the means and intervals they are given over every seed's curve, and can be read."""

import numpy as np
import pytest
from legible import check, words

from dae_lab.errors import DataError
from dae_lab.figures.bands import bands, bands_figure, look
from dae_lab.figures.style import house_style

NAN = float("nan")
RNG = np.random.default_rng(0)


def made(arms=2, seeds=3, epochs=15, long=False, reach=0.1):
    """Curves that fall, and their means; ``reach``: half the interval, in shares of the mean."""
    names = [
        f"{place}: {'optimizer.learning_rate=0.001 ' * 5}" if long else f"loss={place}"
        for place in range(arms)
    ]
    curves = {
        name: [
            [(e, (1 + place) / (5 + e) * (1 + RNG.normal(0, 0.02))) for e in range(epochs)]
            for _ in range(seeds)
        ]
        for place, name in enumerate(names)
    }
    courses = {}
    for name, every in curves.items():
        means = np.mean([[value for _, value in curve] for curve in every], axis=0)
        half = reach * means if seeds > 1 else np.full(epochs, NAN)
        courses[name] = list(zip(range(epochs), means, means - half, means + half, strict=True))
    return curves, courses


@pytest.mark.parametrize(
    "case",
    [
        {},
        {"arms": 1, "seeds": 1},
        {"arms": 12, "long": True},
        {"arms": 12, "seeds": 5, "epochs": 300},
        {"epochs": 1},
        {"epochs": 2, "reach": 50},
        {"arms": 30},
    ],
    ids=["usual", "one seed", "long names", "300 epochs", "one epoch", "wide bands", "30 arms"],
)
def test_bands_can_be_read(case):
    with house_style():
        check(bands_figure(*made(**case), "Validation MSE"))


def test_every_seed_is_a_thin_line_and_the_mean_a_thick_one_in_a_band():
    curves, courses = made()
    with house_style():
        axes = bands_figure(curves, courses, "Validation MSE").axes[0]
    thin = [line for line in axes.lines if line.get_linewidth() < 1]
    thick = [line for line in axes.lines if line.get_linewidth() > 1]
    wanted = [curve for every in curves.values() for curve in every]
    assert [line.get_xydata().tolist() for line in thin] == [
        [list(point) for point in curve] for curve in wanted
    ]
    assert [line.get_ydata().tolist() for line in thick] == [
        [mean for _, mean, *_ in one] for one in courses.values()
    ]
    assert [line.get_color() for line in thick] == [look(0)["color"], look(1)["color"]]
    for band, course in zip(axes.collections, courses.values(), strict=True):
        corners = band.get_paths()[0].vertices
        for epoch, _, low, high in course:
            heights = corners[corners[:, 0] == epoch, 1]
            assert (heights.min(), heights.max()) == (low, high)
    assert axes.get_yscale() == "log"


def test_no_two_of_28_arms_look_the_same():
    looks = [(look(place)["color"], look(place)["linestyle"]) for place in range(28)]
    assert len(set(looks)) == 28


def test_a_band_wider_than_the_seeds_lie_apart_does_not_squeeze_them():
    curves, courses = made(seeds=2, reach=100)
    values = [value for every in curves.values() for curve in every for _, value in curve]
    with house_style():
        low, high = bands_figure(curves, courses, "Validation MSE").axes[0].get_ylim()
    assert 0.5 * min(values) < low < min(values)
    assert max(values) < high < 2 * max(values)


def test_one_epoch_is_seen_as_a_point_with_a_bar():
    curves, courses = made(epochs=1)
    with house_style():
        axes = bands_figure(curves, courses, "Training loss").axes[0]
    assert [line.get_marker() for line in axes.lines if line.get_linewidth() > 1] == ["o", "s"]
    (((x, low), (_, high)),) = axes.collections[0].get_segments()
    assert (x, low, high) == (0, *courses["loss=0"][0][2:])
    assert axes.get_xlim() == (-0.5, 0.5)


def test_what_is_not_finite_is_left_out_and_said():
    curves = {"a": [[(0, 0.2), (1, NAN)]], "b": [[(0, NAN), (1, NAN)]]}
    with house_style():
        figure = bands_figure(curves, {"a": [(0, 0.2, NAN, NAN)], "b": []}, "Validation MSE")
        check(figure)
        assert "not finite, not drawn: 1 of a, 2 of b" in words(figure)
        nothing = bands_figure({"b": curves["b"]}, {"b": []}, "Validation MSE")
        check(nothing)
        assert "nothing finite to draw" in words(nothing)


def test_losses_that_are_not_positive_have_a_linear_axis():
    with house_style():
        figure = bands_figure({"a": [[(1, -0.5), (2, -0.9)]]}, {"a": [(1, -0.5, NAN, NAN)]}, "Training loss")
        check(figure)
    assert figure.axes[0].get_yscale() == "linear"


def test_it_is_a_picture_and_nothing_is_none():
    assert bands(*made(), "Validation MSE").size[0] == 1120
    with pytest.raises(DataError, match="no arm"), house_style():
        bands_figure({}, {}, "Validation MSE")


def test_the_first_of_many_epochs_have_room():
    curve = [(epoch, 1 / (1 + epoch)) for epoch in range(501)]
    axes = bands_figure({"a": [curve]}, {"a": [(x, y, y, y) for x, y in curve]}, "loss").axes[0]
    place = axes.transAxes.inverted().transform(axes.transData.transform([(10.0, 0.1)]))[0, 0]
    assert 0.4 < place < 0.6  # not at 1 / 50 of the width
    ticks = axes.get_xticks()
    assert ticks[0] == 0
    assert list(ticks) == sorted(ticks)
    assert axes.get_xlim()[1] > 500
