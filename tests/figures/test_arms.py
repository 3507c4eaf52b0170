"""Arms beside each other: every seed, mean and interval is where its number says, and can be read."""

import numpy as np
import pytest
from legible import check, words

from dae_lab.errors import DataError
from dae_lab.figures.arms import Panel, arms, arms_figure
from dae_lab.figures.style import house_style

NAN = float("nan")


def panel(title="MSE ↓", arms=3, seeds=4, scale=0.1, reach=0.02):
    values = scale * (1 + np.random.default_rng(arms).uniform(0, 0.5, (arms, seeds)))
    means = values.mean(axis=1)
    half = reach * scale if seeds > 1 else NAN
    return Panel(title, values.tolist(), means.tolist(), [(mean - half, mean + half) for mean in means])


TITLES = ("MSE ↓", "PSNR ↑", "SSIM ↑", "BCE excess ↓", "baselines beaten ↑", "convergence/epochs_to_99 ↓")


@pytest.mark.parametrize(
    ("count", "seeds", "scale"),
    [(1, 1, 0.1), (1, 5, 1e5), (2, 1, 1e-6), (2, 5, 30), (2, 5, 1e-6), (12, 1, 0.1), (12, 5, 1e5)],
)
def test_arms_can_be_read(count, seeds, scale):
    names = [f"{place}: {'optimizer.learning_rate=0.001 ' * 5}" for place in range(count)]
    with house_style():
        check(arms_figure(names, [panel(title, count, seeds, scale) for title in TITLES]))


@pytest.mark.parametrize("count", range(1, 6))
def test_any_number_of_panels(count):
    with house_style():
        figure = arms_figure(["a", "b", "c"], [panel(title) for title in TITLES[:count]])
        check(figure)
    assert sum(axes.get_visible() for axes in figure.axes) == count


def test_seeds_means_and_intervals_are_where_their_numbers_say():
    given = panel()
    with house_style():
        axes = arms_figure(["a", "b", "c"], [given]).axes[0]
    seeds = [line for line in axes.lines if line.get_marker() == "o"]
    means = [line for line in axes.lines if line.get_marker() == "D"]
    assert [line.get_xdata().tolist() for line in seeds] == given.values
    assert [line.get_xydata().tolist() for line in means] == [
        [[mean, row]] for row, mean in enumerate(given.means)
    ]
    ends = [tuple(lines.get_segments()[0][:, 0]) for lines in axes.collections]
    assert ends == given.intervals
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "b", "c"]
    assert axes.get_ylim()[0] > axes.get_ylim()[1]  # the first is on top
    low, high = axes.get_xlim()
    assert all(low < end < high for interval in given.intervals for end in interval)


def test_an_interval_that_is_too_long_ends_in_arrows_and_leaves_the_points_room():
    given = Panel("MSE ↓", [[0.1, 0.2], [0.3, 0.3]], [0.15, 0.3], [(-5, 5), (0.3, 0.3)])
    with house_style():
        figure = arms_figure(["a", "b"], [given])
        check(figure)
    axes = figure.axes[0]
    low, high = axes.get_xlim()
    assert (high - low) < 4 * 0.2
    arrows = [(line.get_marker(), line.get_xdata()[0]) for line in axes.lines if line.get_marker() in "<>"]
    assert arrows == [("<", low), (">", high)]


def test_what_there_is_none_of_is_said():
    given = Panel("SSIM ↑", [[0.9, NAN], [], [NAN]], [0.9, NAN, NAN], [(NAN, NAN)] * 3)
    with house_style():
        figure = arms_figure(
            ["a", "b", "c"], [given, Panel("MSE ↓", [[], [], []], [NAN] * 3, [(NAN, NAN)] * 3)]
        )
        check(figure)
    assert words(figure).split().count("none") == 5


def test_equal_values_are_no_trouble():
    for value in (0.0, 13.0):
        with house_style():
            figure = arms_figure(["a", "b"], [Panel("x", [[value]] * 2, [value] * 2, [(value, value)] * 2)])
            check(figure)
        low, high = figure.axes[0].get_xlim()
        assert low < value < high


def test_it_is_a_picture_and_nothing_is_none():
    assert arms(["a", "b", "c"], [panel()]).size[0] == 1120
    for names, panels in (([], [panel()]), (["a"], [])):
        with pytest.raises(DataError, match="nothing to draw"), house_style():
            arms_figure(names, panels)
