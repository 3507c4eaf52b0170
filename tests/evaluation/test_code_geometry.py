import math

import numpy as np
import pytest
from codes import clusters, normal, view_of
from sklearn.decomposition import PCA

from dae_lab.evaluation.code_geometry import code_geometry, grid_codes

# --- the code as a whole ---


@pytest.mark.parametrize("shape", [(60, 9), (20, 50), (30, 30), (60, 3)])
def test_principal_plane_and_ranks_against_a_decomposition_of_the_whole(shape):
    codes = normal(*shape) * np.linspace(0.2, 3, shape[1], dtype=np.float32) + 5
    view = view_of(codes)
    pca = PCA(svd_solver="full").fit(codes.astype(np.float64))
    assert view.explained == pytest.approx(pca.explained_variance_ratio_[:2].sum(), rel=1e-5)
    np.testing.assert_allclose(np.abs(view.axes), np.abs(pca.components_[:2]), atol=1e-4)
    np.testing.assert_allclose(view.plane, (codes - view.centre) @ view.axes.T, atol=1e-3)
    lengths = np.linalg.svd(codes - codes.mean(axis=0, dtype=np.float64), compute_uv=False)
    share = lengths[lengths > 1e-9] / lengths.sum()
    assert view.effective_rank == pytest.approx(np.exp(-np.sum(share * np.log(share))), rel=1e-5)
    assert (view.plane.dtype, view.axes.dtype, view.centre.dtype) == (np.float32,) * 3


def test_axes_point_to_their_largest_weight():
    codes = normal(50, 8)
    for axes in (view_of(codes).axes, view_of(-codes).axes):
        assert all(axis[np.abs(axis).argmax()] > 0 for axis in axes)
    np.testing.assert_array_equal(view_of(codes).plane, view_of(codes.copy()).plane)


@pytest.mark.parametrize("shape", [(40, 7), (12, 300)])
def test_codes_in_a_plane_are_the_plane(shape):
    codes = normal(shape[0], 2) @ normal(2, shape[1], seed=1) + 3
    view = view_of(codes)
    np.testing.assert_allclose(view.centre + view.plane @ view.axes, codes, atol=1e-4)
    assert view.explained == pytest.approx(1)
    assert 1 < view.effective_rank <= 2 + 1e-6


def test_codes_on_a_line_have_rank_one_and_a_flat_plane():
    view = view_of(np.outer(np.arange(9), np.ones(100)).astype(np.float32), np.arange(9) % 2)
    assert view.effective_rank == pytest.approx(1)
    assert not view.plane[:, 1].any()
    assert not view.axes[1].any()
    assert [len(each.hull) for each in view.classes.values()] == [0, 0]


def test_a_code_of_two_is_its_own_plane():
    codes = 3 * normal(20, 2) + 7
    view = view_of(codes)
    np.testing.assert_array_equal(view.plane, codes)
    np.testing.assert_array_equal(view.axes, np.eye(2))
    np.testing.assert_array_equal(view.centre, np.zeros(2))
    assert (view.name, view.size, view.explained) == ("code", 2, 1.0)


def test_a_code_of_one_lies_on_the_first_axis():
    codes, labels = normal(20, 1), np.arange(20) % 2
    view = view_of(codes, labels)
    np.testing.assert_array_equal(view.plane, np.c_[codes, np.zeros(20)])
    np.testing.assert_array_equal(view.centre + view.plane @ view.axes, codes)
    assert view.classes[0].silhouette == pytest.approx(view.classes[0].silhouette_plane)


def test_active_units_vary_by_more_than_a_hundredth():
    codes = normal(500, 4)
    codes = (codes - codes.mean(axis=0)) / codes.std(axis=0) * np.sqrt([1, 0.0101, 0.0099, 0])
    assert view_of(codes.astype(np.float32) + 10).active_units == 2


def test_equal_units_have_full_rank():
    codes = np.r_[np.eye(5), -np.eye(5)].astype(np.float32)
    assert view_of(codes).effective_rank == pytest.approx(5)


def test_spatial_codes_have_two_views():
    codes = normal(12, 3, 4, 5)
    views = code_geometry(codes, None, {}, None).views
    assert {name: view.size for name, view in views.items()} == {"flattened": 60, "pooled": 5}
    for name, same in (("flattened", codes.reshape(12, 60)), ("pooled", codes.mean(axis=(1, 2)))):
        assert views[name].name == name
        np.testing.assert_allclose(views[name].plane, view_of(same).plane, atol=1e-5)
        assert views[name].effective_rank == pytest.approx(view_of(same).effective_rank, rel=1e-5)


# --- classifiers ---


def test_nearest_neighbours_by_brute_force():
    codes, labels = clusters(classes=3, apart=0.7, size=5)
    known, known_labels = clusters(classes=3, apart=0.7, size=5, each=40, seed=0)
    distances = np.linalg.norm(codes[:, None].astype(np.float64) - known[None] - 0.01, axis=-1)
    nearest = known_labels[np.argsort(distances, axis=1)[:, :5]]
    votes = np.stack([(nearest == number).sum(axis=1) for number in range(3)], axis=1)
    view = view_of(codes, labels, fit=(known + np.float32(0.01), known_labels))
    assert view.knn_accuracy == pytest.approx(np.mean(votes.argmax(axis=1) == labels))
    assert 0.4 < view.knn_accuracy < 1


@pytest.mark.parametrize("size", [6, 300])
def test_linear_probe_by_least_squares(size):
    """Ridge regression is least squares on data with √alpha·I below it; here of ±1, one column a class."""
    codes, labels = clusters(apart=0.3, size=size)
    known, known_labels = clusters(apart=0.3, size=size, seed=0, each=30)
    known = known + 0.3 * normal(*known.shape, seed=9)
    units = np.geomspace(0.1, 10, size, dtype=np.float32)  # of very different scale
    codes, known = units * codes, units * known
    mean, deviation = known.mean(axis=0, dtype=np.float64), known.std(axis=0, dtype=np.float64)
    targets = np.where(known_labels[:, None] == np.arange(4), 1.0, -1.0)
    rows = np.r_[(known - mean) / deviation, math.sqrt(size) * np.eye(size)]
    sides = np.r_[targets - targets.mean(axis=0), np.zeros((size, 4))]
    weights = np.linalg.lstsq(rows, sides, rcond=None)[0]
    answers = (codes - mean) / deviation @ weights + targets.mean(axis=0)
    view = view_of(codes, labels, fit=(known, known_labels))
    assert view.probe_accuracy == pytest.approx(np.mean(answers.argmax(axis=1) == labels))
    assert 0.4 < view.probe_accuracy < 1


def test_separate_classes_are_recognised():
    codes, labels = clusters(apart=30)
    view = view_of(codes, labels, fit=(codes, labels))
    assert view.knn_accuracy == view.probe_accuracy == 1
    assert view.silhouette > 0.5


def test_spatial_codes_are_classified_in_both_views():
    codes, labels = normal(40, 2, 2, 3), np.arange(40) % 2
    codes[labels == 1] += 3
    for view in code_geometry(codes, labels, {}, (codes, labels)).views.values():
        assert view.knn_accuracy > 0.9
        assert view.probe_accuracy > 0.9


def test_without_what_they_need_classifiers_say_nothing():
    codes, labels = clusters()
    broken = np.where(np.arange(6) == 0, np.float32(math.nan), codes)
    for given, fit in [
        (labels, None),
        (None, (codes, labels)),
        (labels, (codes, None)),
        (labels, (codes, np.zeros(len(codes), int))),
        (labels, (broken, labels)),
        (labels, (codes[:0], labels[:0])),
    ]:
        view = view_of(codes, given, fit=fit)
        assert view.knn_accuracy is view.probe_accuracy is None


def test_three_images_to_fit():
    codes, labels = clusters(classes=2)
    view = view_of(codes, labels, fit=(codes[[0, 1, 40]], labels[[0, 1, 40]]))
    assert 0 <= view.knn_accuracy <= 1
    assert 0 <= view.probe_accuracy <= 1


# --- codes that say nothing ---


@pytest.mark.parametrize("size", [1, 2, 5, 100])
def test_collapsed_codes(size):
    labels = np.arange(30) % 3
    codes = np.full((30, size), 0.1, np.float32)
    view = view_of(codes, labels, {0: 0.1, 1: 0.2, 2: 0.3}, (codes, labels))
    assert view.finite
    assert (view.active_units, view.effective_rank, view.explained) == (0, 0, 0)
    assert view.silhouette is None
    assert view.knn_accuracy == view.probe_accuracy == pytest.approx(1 / 3)
    assert view.correlations == {}
    for each in view.classes.values():
        assert (len(each.hull), each.area) == (0, 0)
        assert each.overlap is each.silhouette is each.silhouette_plane is None
    np.testing.assert_array_equal(grid_codes(view, 3), codes[:9])


def test_rounding_is_no_variance():
    codes = np.float32(0.1) * (1 + np.finfo(np.float32).eps * (normal(30, 50) > 0))
    view = view_of(codes.astype(np.float32), np.arange(30) % 3)
    assert view.effective_rank == 0
    assert view.silhouette is None


@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize("shape", [(12, 2), (12, 6), (12, 3, 3, 2)])
def test_codes_that_are_not_finite_are_told(value, shape):
    codes, labels = normal(*shape), np.arange(12) % 3
    codes.flat[5] = value
    codes.flat[9] = -value  # in the same image and channel, where the mean of both is undefined
    for view in code_geometry(
        codes, labels, {0: 0.1, 1: 0.2, 2: 0.3}, (normal(*shape), labels)
    ).views.values():
        assert not view.finite
        assert (view.active_units, view.effective_rank, view.explained) == (0, 0, 0)
        assert view.silhouette is view.knn_accuracy is view.probe_accuracy is None
        assert not view.plane.any()
        assert view.correlations == {}
        assert np.isfinite(grid_codes(view, 2)).all()


@pytest.mark.parametrize("shape", [(1, 1), (1, 2), (1, 8), (1, 2, 2, 3)])
def test_one_image(shape):
    for view in code_geometry(normal(*shape), np.array([4]), {4: 0.3}, None).views.values():
        assert view.effective_rank == 0
        assert view.classes[4].images == 1
        assert view.classes[4].overlap is None
        assert view.overlaps.shape == (1, 1)
        assert grid_codes(view, 4).shape == (16, view.size)


@pytest.mark.parametrize("labels", [[0, 0, 0], [0, 0, 1], [0, 1, 2], None])
def test_three_images(labels):
    codes = normal(3, 40)
    view = view_of(codes, None if labels is None else np.array(labels), {}, None)
    assert 1 < view.effective_rank <= 2 + 1e-6
    assert (view.silhouette is None) == (labels != [0, 0, 1])
    assert (len(view.overlaps), len(view.classes)) == ((len(set(labels)),) * 2 if labels else (0, 0))
    assert not labels or sum(len(each.hull) for each in view.classes.values()) == 3 * (labels == [0, 0, 0])


def test_codes_and_labels_must_fit():
    with pytest.raises(ValueError, match="3 codes have 2 labels"):
        code_geometry(normal(3, 4), np.zeros(2, int), {}, None)
    with pytest.raises(ValueError, match=r"\(0, 4\)"):
        code_geometry(normal(0, 4), None, {}, None)
    with pytest.raises(ValueError, match="cannot be classified"):
        code_geometry(normal(3, 4), np.arange(3), {}, (normal(3, 5), np.arange(3)))


# --- the grid ---


def test_the_grid_starts_at_the_top_left():
    corners = np.array([[0, 0], [3, 0], [0, 6], [3, 6]], np.float32)
    codes = grid_codes(view_of(np.repeat(corners, 50, axis=0)), side=4)
    expected = [[x, y] for y in (6, 4, 2, 0) for x in (0, 1, 2, 3)]
    np.testing.assert_allclose(codes, expected, atol=1e-6)
    assert codes.dtype == np.float32


def test_the_grid_lies_in_the_plane_of_the_code_and_leaves_out_the_rim():
    codes = normal(300, 40)
    codes[0] *= 50
    view = view_of(codes)
    grid = grid_codes(view)
    assert grid.shape == (144, 40)
    points = (grid - view.centre) @ view.axes.T
    np.testing.assert_allclose(view.centre + points @ view.axes, grid, atol=1e-4)
    np.testing.assert_allclose(points.min(axis=0), np.percentile(view.plane, 1, axis=0), atol=1e-3)
    np.testing.assert_allclose(points.max(axis=0), np.percentile(view.plane, 99, axis=0), atol=1e-3)
    assert points.max() < view.plane.max() / 2 or points.min() > view.plane.min() / 2
