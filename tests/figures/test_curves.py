"""Curves show the numbers they are given, say what they cannot show, and can be read."""

import numpy as np
import pytest
from legible import check, words

from dae_lab.figures import palette
from dae_lab.figures.curves import noise_levels, noise_levels_figure, trajectories, trajectories_figure
from dae_lab.figures.style import house_style

REFERENCES = {
    "noisy image, as it is": 0.1157,
    "black image": 0.114,
    "best constant grey": 0.0949,
    "mean image": 0.0674,
    "best linear 3×3 filter": 0.0312,
    "best linear 5×5 filter": 0.0251,
    "ridge regression": 0.0193,
    "PCA of the clean images": 0.0212,
    "median filter": 0.0296,
    "a baseline with a title that is much too long for its place": 0.0323,
    "total variation": 0.0231,
    "non-local means": 0.0255,
    "wavelet shrinkage": 0.0350,
}
OWN = {
    "train/loss": [(epoch, 0.09 + 0.3 / epoch) for epoch in range(1, 16)],
    "val/loss": [(epoch, 0.10 + 0.3 / epoch) for epoch in range(1, 16)],
}
COMMON = [(epoch, 0.01 + 0.2 / (1 + epoch)) for epoch in range(16)]
ONE = {"train/loss": [(1, 0.2)], "val/loss": [(1, 0.16)]}
LEVELS = [0, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 2]
NOISY = [0, 0.0142, 0.045, 0.083, 0.1157, 0.142, 0.165, 0.2]
MODEL = [0.004, 0.0045, 0.006, 0.009, 0.0135, 0.02, 0.031, 0.06]


@pytest.mark.parametrize(
    ("own", "common", "references"),
    [
        (OWN, COMMON, REFERENCES),
        (ONE, [(0, 0.23), (1, 0.06)], REFERENCES),
        ({"train/loss": [(1, 0.2)]}, [], {}),
        (
            {"train/loss": [(e, 0.112 + 1e-6 * e) for e in range(1, 500)]},
            [(e, 0.114) for e in range(500)],
            {},
        ),
        (
            {"train/loss": [(e, 3.0 ** (4 * e)) for e in range(1, 9)]},
            [(1, 1e-7), (2, 2e-7)],
            {"mean image": 9e9},
        ),
    ],
    ids=["usual", "one epoch", "no validation", "a plateau of 500 epochs", "diverging"],
)
def test_trajectories_can_be_read(own, common, references):
    with house_style():
        check(trajectories_figure(own, common, references, "bce"))


def test_every_panel_has_all_finite_points():
    with house_style():
        panels = trajectories_figure(OWN, COMMON, REFERENCES, "bce").axes
    for panel in panels[:2]:
        assert [line.get_xydata().tolist() for line in panel.lines] == [
            [list(point) for point in points] for points in OWN.values()
        ]
    for panel in panels[2:]:
        assert panel.lines[0].get_xydata().tolist() == [list(point) for point in COMMON]
    assert [panel.get_yscale() for panel in panels] == ["linear", "log", "linear", "log"]


def test_references_are_lines_at_their_levels_named_in_their_order():
    with house_style():
        figure = trajectories_figure(OWN, COMMON, REFERENCES, "bce")
        figure.canvas.draw()
    panel = figure.axes[3]
    levels = [line.get_ydata()[0] for line in panel.lines[1:]]
    assert levels == list(REFERENCES.values())
    places = {text.get_text(): text.xyann[1] for text in panel.texts}
    named = sorted((name for name in REFERENCES if name in places), key=REFERENCES.get)
    assert len(named) == len(REFERENCES) - 1  # one is cut
    assert named == sorted(named, key=places.get)
    assert [line.get_color() for line in panel.lines].count(palette.NOISY) == 1


def test_one_epoch_is_seen_as_points_between_whole_numbers():
    with house_style():
        panel = trajectories_figure(ONE, [(1, 0.1)], {}, "bce").axes[0]
    assert [line.get_marker() for line in panel.lines] == ["s", "o"]
    assert panel.get_xlim() == (0.5, 1.5)


def test_what_has_no_logarithm_is_said_without_a_warning():
    own = {"train/loss": [(1, 0.2), (2, -0.1)]}
    with house_style():
        figure = trajectories_figure(own, [(1, 0.2), (2, 0.0)], {"noisy image, as it is": 0.0}, "ssim")
        check(figure)
        assert words(figure).count("some values are not positive") == 2
        assert "no line: noisy image, as it is (0)" in words(figure).replace("\n", " ")
    assert [len(panel.lines) for panel in figure.axes] == [1, 0, 1, 0]


def test_what_is_not_finite_is_counted_without_a_warning():
    own = {"train/loss": [(1, 0.2), (2, np.nan), (3, np.inf)], "val/loss": [(1, np.nan)]}
    with house_style():
        figure = trajectories_figure(own, [(1, 0.2), (2, np.nan)], {"ridge regression": np.nan}, "mse")
        check(figure)
        written = words(figure).replace("\n", " ")
    assert "2 of training, 1 of validation" in written
    assert "no line: ridge regression (nan)" in written


@pytest.mark.parametrize(
    ("levels", "model", "noisy", "more"),
    [
        (LEVELS, MODEL, NOISY, {"black": 0.114, "strength_name": "σ = 0.5"}),
        ([1.0], [0.01], [0.1], {}),
        ([0, 100], [0.1, 5], [0, 900], {"black": 0.114, "trained_at": 100}),
        (LEVELS, [0.114] * 8, [0] * 8, {"black": 0.114}),
        ([0, 1, 2], [np.nan, 0.1, np.inf], [0, 0.1, 0.2], {"black": 0.114}),
        ([0, 1], [np.nan] * 2, [np.nan] * 2, {}),
        ([0, 1], [0, 0], [0, 0], {}),
    ],
    ids=["usual", "one level", "far outside", "collapsed", "broken", "all broken", "no noise"],
)
def test_noise_levels_can_be_read(levels, model, noisy, more):
    with house_style():
        figure = noise_levels_figure(levels, model, noisy, **more)
        check(figure)
        assert ("not finite" in words(figure)) == (not np.isfinite(model).all())


def test_noise_levels_shows_the_numbers_in_order_of_the_levels():
    with house_style():
        axes = noise_levels_figure(LEVELS[::-1], MODEL[::-1], NOISY[::-1], 1.0, 0.114, "σ = 0.5").axes[0]
    model, noisy, trained, black = axes.lines
    assert model.get_xydata().tolist() == [list(point) for point in zip(LEVELS, MODEL, strict=True)]
    assert noisy.get_xydata().tolist() == [list(point) for point in zip(LEVELS, NOISY, strict=True)]
    assert set(trained.get_xdata()) == {1.0}
    assert set(black.get_ydata()) == {0.114}
    assert axes.get_xlabel() == "noise strength, multiples of training (σ = 0.5)"
    assert axes.get_ylim()[0] == 0


def test_both_are_pictures():
    sizes = [
        trajectories(ONE, [], {}, "bce").size,
        noise_levels(LEVELS, MODEL, NOISY, black=0.1).size,
    ]
    assert [width for width, _ in sizes] == [1120, 1120]
