import itertools
import math

import numpy as np
import pytest
from codes import clusters, square, view_of
from scipy.spatial import Delaunay
from scipy.stats import pearsonr

# --- hulls ---


def test_overlaps_of_squares():
    a, b, c = square(0, 0), square(0.5, 0.5), square(5, 5)
    inner = np.array([[0.75, 0.75]], np.float32)  # inside both a and b
    view = view_of(np.concatenate([a, inner, b, c]), np.repeat([3, 7, 9], [5, 4, 4]))
    nan = math.nan
    np.testing.assert_allclose(view.overlaps, [[nan, 2 / 5, 0], [1 / 4, nan, 0], [0, 0, nan]])
    assert [each.overlap for each in view.classes.values()] == pytest.approx([2 / 5, 1 / 4, 0])
    assert [each.area for each in view.classes.values()] == pytest.approx([1, 1, 1])
    assert {number: each.images for number, each in view.classes.items()} == {3: 5, 7: 4, 9: 4}
    assert {tuple(vertex) for vertex in view.classes[3].hull} == {tuple(vertex) for vertex in a}


def test_hulls_are_walked_counterclockwise_round_their_area():
    codes, labels = clusters()
    for each in view_of(codes, labels).classes.values():
        (x, y), (x_next, y_next) = each.hull.T, np.roll(each.hull, -1, axis=0).T
        assert np.sum(x * y_next - x_next * y) / 2 == pytest.approx(each.area, rel=1e-5)
        assert each.hull.dtype == np.float32


@pytest.mark.parametrize("size", [2, 6])
def test_overlaps_against_triangulations(size):
    codes, labels = clusters(size=size)
    view = view_of(codes, labels)
    inside = np.stack([Delaunay(view.plane[labels == b]).find_simplex(view.plane) >= 0 for b in range(4)])
    assert 0 < np.nanmean(view.overlaps) < 1
    for a, b in itertools.permutations(range(4), 2):
        assert view.overlaps[a, b] == pytest.approx(inside[b][labels == a].mean())
    for a, each in view.classes.items():
        others = np.delete(inside, a, axis=0).any(axis=0)
        assert each.overlap == pytest.approx(others[labels == a].mean())


def test_a_shared_edge_is_overlap():
    view = view_of(np.concatenate([square(0, 0), square(1, 0)]), np.repeat([0, 1], 4))
    np.testing.assert_allclose(view.overlaps, [[math.nan, 0.5], [0.5, math.nan]])


def test_classes_too_small_or_too_flat_for_a_hull():
    line = np.outer(np.arange(5), [0.1, 0.3]).astype(np.float32)  # not quite straight in float32
    codes = np.concatenate([square(0, 0, 2), [[0.5, 0.5]], [[0.2, 0.1], [9, 9]], line, [[4, 4]] * 3])
    view = view_of(codes.astype(np.float32), np.repeat([0, 1, 2, 3, 4], [4, 1, 2, 5, 3]))
    assert [len(each.hull) for each in view.classes.values()] == [4, 0, 0, 0, 0]
    assert view.classes[3].hull.shape == (0, 2)
    assert [each.area for each in view.classes.values()] == pytest.approx([4, 0, 0, 0, 0])
    assert view.classes[0].overlap is None  # no other class has a hull to lie in
    assert [view.classes[a].overlap for a in (1, 2, 3, 4)] == pytest.approx([1, 0.5, 1, 0])
    assert np.isnan(view.overlaps[:, 1:]).all()


@pytest.mark.parametrize("scale", [1e-18, 1e12])
def test_hulls_at_any_scale(scale):
    codes, labels = clusters(size=2)
    plain, scaled = view_of(codes, labels), view_of(codes * np.float32(scale), labels)
    np.testing.assert_array_equal(plain.overlaps, scaled.overlaps)
    assert scaled.classes[0].area == pytest.approx(plain.classes[0].area * scale**2, rel=1e-5)


# --- silhouettes ---


def silhouettes_by_hand(points, labels):
    """(b - a)/max(a, b): a the mean distance to the own class, b that to the nearest other; 0 if alone."""
    distances = np.linalg.norm(points[:, None] - points[None].astype(np.float64), axis=-1)
    values = np.zeros(len(points))
    for i, own in enumerate(labels):
        fellows = (labels == own) & (np.arange(len(points)) != i)
        if fellows.any():
            a = distances[i, fellows].mean()
            b = min(distances[i, labels == other].mean() for other in set(labels.tolist()) - {own})
            values[i] = (b - a) / max(a, b)
    return values


@pytest.mark.parametrize("size", [2, 6, 200])
def test_silhouettes_against_their_formula(size):
    codes, labels = clusters(size=size, each=12)
    labels[0] = 17  # alone in its class
    view = view_of(codes, labels)
    whole, plane = silhouettes_by_hand(codes, labels), silhouettes_by_hand(view.plane, labels)
    assert view.silhouette == pytest.approx(whole.mean(), abs=1e-5)
    for number, each in view.classes.items():
        if number == 17:
            assert each.silhouette is each.silhouette_plane is None
        else:
            assert each.silhouette == pytest.approx(whole[labels == number].mean(), abs=1e-5)
            assert each.silhouette_plane == pytest.approx(plane[labels == number].mean(), abs=1e-5)


# --- errors of the classes ---


def test_correlations_are_exact_for_few_classes():
    codes, labels = clusters(classes=6)
    errors = dict(zip(range(6), [0.3, 0.1, 0.5, 0.2, 2.0, 0.4], strict=True))
    view = view_of(codes, labels, errors)
    for name in ("overlap", "silhouette", "silhouette_plane"):
        x = np.array([getattr(each, name) for each in view.classes.values()])
        x = np.array([np.mean(x < value) + np.mean(x <= value) for value in x])  # ranks, ties shared
        y = np.argsort(np.argsort(list(errors.values())))
        found = view.correlations[name]
        assert found.n == 6
        assert found.rho == pytest.approx(pearsonr(x, y).statistic)
        all_rho = np.array([pearsonr(x, order).statistic for order in itertools.permutations(y)])
        tails = np.mean(all_rho >= found.rho - 1e-9), np.mean(all_rho <= found.rho + 1e-9)
        assert found.p == pytest.approx(min(1, 2 * min(tails)))


def test_correlations_of_ten_classes_are_drawn_and_repeat():
    codes, labels = clusters(classes=10)
    silhouettes = {a: each.silhouette for a, each in view_of(codes, labels).classes.items()}
    errors = {number: -value for number, value in silhouettes.items()}
    found, again = (view_of(codes, labels, errors).correlations["silhouette"] for _ in range(2))
    assert found == again
    assert found.rho == pytest.approx(-1)
    assert found.p < 1e-3


def test_classes_without_both_values_are_left_out():
    codes, labels = clusters(classes=5)
    labels[0] = 8  # alone: no silhouette
    errors = {0: 0.1, 1: 0.4, 2: 0.2, 3: math.nan, 8: 0.9, 99: 1.0}  # 4 is missing, 99 is no class
    found = view_of(codes, labels, errors).correlations
    assert found["silhouette"].n == 3
    assert found["overlap"].n == 4


def test_no_correlation_with_what_is_the_same_for_all():
    codes, labels = clusters(classes=4, apart=100)
    found = view_of(codes, labels, {0: 0.1, 1: 0.2, 2: 0.3, 3: 0.4}).correlations
    assert set(found) == {"silhouette", "silhouette_plane"}  # no hulls overlap
    assert view_of(codes, labels, dict.fromkeys(range(4), 0.1)).correlations == {}
    assert view_of(codes, labels, {0: 0.1, 1: 0.2}).correlations == {}
