"""The house style stays in the house, and the measure of legibility can fail."""

import subprocess
import sys

import matplotlib
import numpy as np
import pytest
from legible import check
from scipy.optimize import minimize

from dae_lab.figures import labels, palette, scales, style


def lines(count: int) -> matplotlib.figure.Figure:
    figure, ((axes,),) = style.figure(3)
    for number in range(count):
        axes.plot([0, 1], [number, number + 1], label=f"line {number}")
    style.heading(axes, "Some lines", "not finite, not drawn: 2 of them", above=style.LEGEND)
    style.legend_above(axes)
    return figure


def test_a_figure_is_an_rgb_picture_of_160_dots_an_inch_on_white():
    image = style.as_image(lines)(2)
    assert (image.mode, image.size) == ("RGB", (1120, 480))
    assert image.getpixel((0, 0)) == (255, 255, 255)


def test_settings_of_others_neither_change_it_nor_are_changed():
    plain = np.asarray(style.as_image(lines)(2))
    with matplotlib.rc_context({"font.size": 30, "axes.facecolor": "black"}):
        before = dict(matplotlib.rcParams)
        np.testing.assert_array_equal(np.asarray(style.as_image(lines)(2)), plain)
        assert dict(matplotlib.rcParams) == before


def test_pyplot_is_never_imported():
    code = (
        "import sys; from dae_lab.figures import bars, codes, curves, grid, kernels; "
        "bars.baselines(['a'], [1], 1, (1, 1)); sys.exit('matplotlib.pyplot' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("name", ["a$b$", "_private", "가방", "\\frac"])
def test_a_class_may_be_called_anything(name):
    style.as_image(named)(name)


def named(name: str) -> matplotlib.figure.Figure:
    figure, ((axes,),) = style.figure(2)
    axes.set_title(name)
    assert axes.title.get_parse_math() is False
    return figure


def test_the_measure_of_legibility_passes_what_is_legible():
    with style.house_style():
        check(lines(3))


@pytest.mark.parametrize(("x", "text"), [(0.98, "far too long for this place"), (0.01, "over the other")])
def test_the_measure_of_legibility_finds_what_is_not(x, text):
    with style.house_style():
        figure = lines(1)
        figure.axes[0].annotate(
            text, (x, 0.5), xycoords="axes fraction", annotation_clip=False
        ).set_in_layout(False)
        figure.axes[0].text(0.01, 0.5, "the other", transform=figure.axes[0].transAxes)
        with pytest.raises(AssertionError, match=r"leaves the canvas|lies over"):
            check(figure)


@pytest.mark.parametrize("seed", range(5))
def test_labels_are_spread_as_little_as_possible(seed):
    """Against a general solver of the same quadratic programme."""
    rng = np.random.default_rng(seed)
    wanted, gap = abs(seed % 2 - rng.random(6) ** 2), 0.12  # crowded at the bottom, or at the top
    places = labels.spread(wanted, gap)
    order = np.argsort(wanted)
    apart = {"type": "ineq", "fun": lambda found: np.diff(found) - gap}
    start = np.linspace(0, 1, 6)
    best = minimize(
        lambda found: np.sum((found - wanted[order]) ** 2),
        start,
        bounds=[(0, 1)] * 6,
        constraints=apart,
        tol=1e-12,
    )
    np.testing.assert_allclose(places[order], best.x, atol=1e-4)


def test_more_labels_than_fit_are_still_apart():
    assert np.all(np.diff(np.sort(labels.spread(np.full(20, 0.5), 0.1))) > 0.0999)


@pytest.mark.parametrize(
    ("low", "high"), [(0.1120, 0.11203), (0.09, 0.3), (0.01, 0.25), (1e-4, 1.0), (1e-12, 1e6), (3e-7, 3.1e-7)]
)
def test_ticks_are_few_round_and_distinct(low, high):
    with style.house_style():
        figure, ((axes,),) = style.figure(2.5)
        axes.plot([0, 1], [low, high])
        scales.logarithmic_y(axes)
        axes.set_xlabel("epoch")
        check(figure)
        shown = [text.get_text() for text in axes.get_yticklabels()]
    assert 2 <= len(shown) <= 8
    assert len(set(shown)) == len(shown)
    np.testing.assert_allclose([float(text) for text in shown], axes.get_yticks(), rtol=1e-9)


def test_a_root_axis_has_its_zero_and_shows_the_rmse():
    with style.house_style():
        figure, ((axes,),) = style.figure(2)
        scales.square_root(axes, "x", 4.0)
        figure.canvas.draw()
        zero, one, four = axes.transData.transform([(0, 0), (1, 0), (4, 0)])[:, 0]
    assert axes.get_xlim() == (0, 4)
    assert axes.get_xticks()[0] == 0
    assert one - zero == pytest.approx(four - one)


def test_the_ends_of_the_diverging_map_are_told_apart_in_grey():
    grey = [np.dot(end, [0.299, 0.587, 0.114]) for end in (palette.NEGATIVE, palette.POSITIVE)]
    assert np.rint(grey).tolist() == [54, 96]
