"""Bars are as long as the numbers, in order, named, and readable for 1 to 300 names."""

import numpy as np
import pytest
from legible import check, texts, words
from matplotlib.colors import to_hex

from dae_lab.errors import DataError
from dae_lab.figures import palette
from dae_lab.figures.bars import (
    baselines,
    baselines_figure,
    corruptions,
    corruptions_figure,
    per_class,
    per_class_figure,
)
from dae_lab.figures.style import house_style

FASHION = ["T-shirt/top", "trouser", "pullover", "dress", "coat", "sandal", "automobile", "bag", "ankle boot"]


def classes(count: int, names: list[str] | None = None):
    rng = np.random.default_rng(count)
    model = rng.uniform(0.1, 0.4, count)
    names = names or [f"class {number}" for number in range(count)]
    return names, model, np.stack([model * 0.9, model * 1.2], 1), model * 1.3, "ridge regression", model * 9


@pytest.mark.parametrize("count", [1, 2, 10, 47, 97, 100, 300])
def test_any_number_of_classes_can_be_read(count):
    with house_style():
        figure = per_class_figure(*classes(count))
        check(figure)
        named = [text for text in texts(figure) if text.get_text().startswith("class")]
        assert len(named) >= min(count, 100 if count < 101 else 75) / (1 if count < 99 else 2)
        assert all(text.get_fontsize() >= 6.5 for text in named)
        assert figure.get_size_inches()[1] < 12.5


def test_long_names_can_be_read():
    with house_style():
        figure = per_class_figure(*classes(len(FASHION), FASHION))
        check(figure)
        assert set(FASHION) <= set(words(figure).splitlines())


def test_names_that_are_much_too_long_are_cut():
    names, model, intervals, best, _, noisy = classes(2, ["a class with a very long name indeed, truly", "b"])
    with house_style():
        figure = per_class_figure(names, model, intervals, best, "a baseline with a very long title", noisy)
        check(figure)
        assert figure.axes[0].get_position().width > 0.6


def test_a_class_has_its_bar_interval_and_marks_in_its_row():
    names, model, intervals, best, title, noisy = classes(3)
    with house_style():
        axes = per_class_figure(names, model, intervals, best, title, noisy).axes[0]
    assert [bar.get_width() for bar in axes.patches] == model.tolist()
    marks = {line.get_label(): list(line.get_xdata()) for line in axes.lines}
    assert marks["ridge regression"] == best.tolist()
    assert marks["noisy image"] == noisy.tolist()
    assert set(marks["black image"]) == {1}
    whiskers = axes.collections[-1].get_segments()
    np.testing.assert_allclose([segment[:, 0] for segment in whiskers], intervals)
    rows = [bar.get_y() + bar.get_height() / 2 for bar in axes.patches]
    assert rows == pytest.approx([segment[0, 1] for segment in whiskers]) == [0, 1, 2]
    assert axes.get_ylim()[0] > axes.get_ylim()[1]  # the first on top


@pytest.mark.parametrize("broken", [np.nan, np.inf])
def test_a_class_without_a_number_is_said_without_a_warning(broken):
    with house_style():
        figure = per_class_figure(
            ["a", "b"],
            [broken, 0.2],
            [(np.nan, np.nan), (0.1, 0.3)],
            [0.3, 0.4],
            "median filter",
            [1.0, broken],
        )
        check(figure)
        assert "not finite, not drawn: 1 of model, 1 of noisy image" in words(figure)


def test_no_name_is_refused():
    with pytest.raises(DataError, match="nothing to draw"):
        per_class([], [], [], [], "median filter", [])


def test_baselines_are_sorted_with_the_model_among_them():
    with house_style():
        figure = baselines_figure(
            ["worst", "noisy image, as it is", "best"], [0.3, 0.2, 0.1], 0.15, (0.14, 0.16)
        )
        check(figure)
    axes = figure.axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == [
        "best", "model", "noisy image, as it is", "worst",
    ]  # fmt: skip
    assert [bar.get_width() for bar in axes.patches] == [0.1, 0.15, 0.2, 0.3]
    assert [text.get_text() for text in axes.texts if text.get_text()] == ["0.100", "0.150", "0.200", "0.300"]
    colours = [to_hex(bar.get_facecolor()).upper() for bar in axes.patches]
    assert colours == [palette.BASELINE, palette.MODEL, palette.NOISY, palette.BASELINE]


@pytest.mark.parametrize("model", [np.nan, np.inf, 1e-9, 40.0, 0.0])
def test_any_model_can_be_read_among_baselines(model):
    titles = [f"a baseline with a long title, number {number}" for number in range(13)]
    with house_style():
        figure = baselines_figure(titles, np.linspace(0, 0.2, 13), model, (np.nan, np.nan))
        check(figure)
        assert ("not finite" in words(figure)) == (not np.isfinite(model))


def test_corruptions_are_pairs():
    with house_style():
        figure = corruptions_figure(["uniform", "salt_and_pepper"], [0.01, 0.03], [0.04, 0.02])
        check(figure)
    noisy, model = figure.axes[0].lines
    assert model.get_xydata().tolist() == [[0.01, 0], [0.03, 1]]
    assert noisy.get_xydata().tolist() == [[0.04, 0], [0.02, 1]]


@pytest.mark.parametrize(("model", "noisy"), [([0.0], [0.0]), ([np.nan], [np.nan]), ([1e-6], [50.0])])
def test_odd_corruptions_can_be_read(model, noisy):
    with house_style():
        check(corruptions_figure(["blur"], model, noisy))


def test_all_are_pictures():
    pictures = [
        per_class(*classes(2)),
        baselines(["black image"], [0.1], 0.2, (0.1, 0.3)),
        corruptions(["blur"], [0.1], [0.2]),
    ]
    assert {(picture.mode, picture.width) for picture in pictures} == {("RGB", 1120)}
