"""The plane of the codes: points, hulls and names where they belong."""

import numpy as np
import pytest
from legible import check, texts, words
from scipy.spatial import ConvexHull

from dae_lab.figures.codes import hulls, hulls_figure
from dae_lab.figures.style import house_style

AXES = ("first principal component", "second principal component")
FASHION = [
    "T-shirt/top",
    "trouser",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle boot",
]


def clusters(count: int, apart: float = 6, each: int = 20):
    rng = np.random.default_rng(count)
    middles = rng.normal(size=(count, 1, 2)) * apart
    points = middles + rng.normal(size=(count, each, 2))
    outlines = {number: some[ConvexHull(some).vertices] for number, some in enumerate(points)}
    names = {number: f"class {number}" for number in range(count)}
    return points.reshape(-1, 2), np.repeat(np.arange(count), each), outlines, names


@pytest.mark.parametrize(
    ("count", "apart"), [(1, 0), (2, 6), (2, 0), (10, 6), (10, 0), (47, 6), (100, 6), (100, 0)]
)
def test_any_number_of_classes_can_be_read(count, apart):
    with house_style():
        figure = hulls_figure(*clusters(count, apart), "Codes", AXES, 0.37)
        check(figure)
        named = sum(text.get_text().startswith("class ") for text in texts(figure))
        assert named == count if count <= 10 else named > 15
        assert (f"{named} of {count} classes have room" in words(figure)) == (named < count)
        assert "the plane holds 37% of the codes' variance" in words(figure)


def test_a_class_has_its_points_its_hull_and_its_name_at_its_median():
    plane, labels, outlines, names = clusters(2, apart=20)
    with house_style():
        axes = hulls_figure(plane, labels, outlines, names, "Codes", AXES, 1.0).axes[0]
    for number in (0, 1):
        shown = {tuple(point) for point in axes.collections[number].get_offsets()}
        assert shown == {tuple(point) for point in plane[labels == number]}
        np.testing.assert_array_equal(axes.patches[number].get_xy()[:-1], outlines[number])
        name = next(text for text in axes.texts if text.get_text() == names[number])
        np.testing.assert_allclose(name.get_position(), np.median(plane[labels == number], axis=0))


def test_a_class_looks_the_same_whichever_others_are_there():
    plane, labels, outlines, names = clusters(9)
    with house_style():
        every = hulls_figure(plane, labels, outlines, names, "Codes", AXES, 1.0).axes[0]
        some = labels == 7
        alone = hulls_figure(plane[some], labels[some], outlines, names, "Codes", AXES, 1.0).axes[0]
    seventh = every.collections[7].get_facecolor()
    np.testing.assert_array_equal(alone.collections[0].get_facecolor(), seventh)


def test_a_hundred_classes_share_ten_colours_at_most_and_differ_by_markers():
    with house_style():
        shown = hulls_figure(*clusters(70), "Codes", AXES, 1.0).axes[0].collections
    looks = [(tuple(some.get_facecolor()[0]), some.get_paths()[0].vertices.tobytes()) for some in shown]
    assert len({colour for colour, _ in looks}) <= 10
    assert len(set(looks)) == 70


def test_without_labels_all_points_are_one_cloud():
    plane = np.random.default_rng(0).normal(size=(50, 2))
    with house_style():
        figure = hulls_figure(plane, None, {}, {}, "Codes", AXES, np.nan)
        check(figure)
        assert "variance" not in words(figure)
    (cloud,) = figure.axes[0].collections
    np.testing.assert_array_equal(cloud.get_offsets(), plane)


@pytest.mark.parametrize("plane", [np.zeros((30, 2)), np.ones((1, 2)), np.full((3, 2), np.nan)])
def test_collapsed_single_and_broken_codes_give_a_picture(plane):
    labels = np.arange(len(plane)) % 10
    with house_style():
        figure = hulls_figure(
            plane, labels, {0: np.zeros((0, 2))}, dict(enumerate(FASHION)), "Codes", AXES, 0.0
        )
        check(figure)
        assert ("3 codes are not finite" in words(figure)) == np.isnan(plane).any()


def test_names_may_be_missing_or_equal():
    plane, labels, outlines, _ = clusters(3, apart=20)
    with house_style():
        figure = hulls_figure(plane, labels, outlines, {0: "same", 1: "same"}, "Codes", AXES, 1.0)
        assert sorted(text.get_text() for text in figure.axes[0].texts)[-2:] == ["same", "same"]
        assert "2" in [text.get_text() for text in figure.axes[0].texts]


def test_it_is_a_picture():
    picture = hulls(*clusters(2), "Codes", AXES, 1.0)
    assert (picture.mode, picture.width) == ("RGB", 1120)
