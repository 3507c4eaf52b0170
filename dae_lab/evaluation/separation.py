"""Separation of the classes in a code: hulls, overlaps, silhouettes, and their correlation with the error."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import scipy

from dae_lab.seeds import derive

PERMUTATIONS = 50_000  # so the p-value is exact for up to 8 classes, and within about 0.002 of it at 0.05
_EPSILON = float(np.finfo(np.float32).eps)


@dataclass(frozen=True, eq=False)
class ClassGeometry:
    """The position of one class's codes.

    images: how many there are.
    hull: float32 (v, 2), the vertices of their convex hull in the view's plane, counterclockwise; (0, 2)
        where they span no area: fewer than 3 images, or all on a line within float32's rounding.
    area: the hull's, in squared units of the plane; 0 without a hull.
    overlap: share of the images that lie in another class's hull; None if no other class has one.
    silhouette, silhouette_plane: mean silhouette in the whole code and in the plane, in [-1, 1]; None
        for a class of one image, and where the view has none.
    """

    images: int
    hull: np.ndarray
    area: float
    overlap: float | None
    silhouette: float | None
    silhouette_plane: float | None


@dataclass(frozen=True)
class Correlation:
    """Spearman's rank correlation over ``n`` ≥ 3 classes.

    p: two-sided, by permutation: of all pairings for up to 8 classes, else of 50,000 drawn with a fixed seed.
    """

    rho: float
    p: float
    n: int


def centred(vectors: np.ndarray) -> np.ndarray:
    """Deviations from the mean, float64 (n, d); exactly 0 in units that vary by no more than rounding."""
    deviations = vectors - vectors.mean(axis=0, dtype=np.float64)
    rounding = 4 * _EPSILON * np.abs(vectors).max(axis=0)
    deviations[:, np.ptp(deviations, axis=0) <= rounding] = 0
    return deviations


def silhouettes(deviations: np.ndarray, labels: np.ndarray | None) -> np.ndarray | None:
    """Of each image, (n,); None where there are none, see ``CodeView.silhouette``."""
    if labels is None or not 2 <= len(np.unique(labels)) < len(labels) or not deviations.any():
        return None
    from sklearn.metrics import pairwise_distances, silhouette_samples  # here: it takes long to import

    return silhouette_samples(pairwise_distances(deviations), labels, metric="precomputed")


def describe_classes(
    plane: np.ndarray, labels: np.ndarray | None, image_silhouettes: np.ndarray | None
) -> tuple[dict[int, ClassGeometry], np.ndarray]:
    """The classes, and the overlaps of their hulls (k, k)."""
    if labels is None:
        return {}, np.empty((0, 0))
    numbers = np.unique(labels)
    members = labels == numbers[:, None]
    hulls = [_hull(plane[rows]) for rows in members]
    inside = np.stack([_inside(plane, hull) for hull in hulls])
    overlaps = np.array([inside[:, rows].mean(axis=1) for rows in members])
    overlaps[:, [hull is None for hull in hulls]] = np.nan
    np.fill_diagonal(overlaps, np.nan)
    in_plane = silhouettes(centred(plane), labels)
    results = {}
    for place, (number, rows, hull) in enumerate(zip(numbers, members, hulls, strict=True)):
        in_another_hull = np.delete(inside, place, axis=0)[:, rows].any(axis=0)
        results[int(number)] = ClassGeometry(
            images=int(rows.sum()),
            hull=np.empty((0, 2), np.float32) if hull is None else plane[rows][hull.vertices],
            area=0.0 if hull is None else float(hull.volume),  # Qhull's area is the perimeter here
            overlap=None if np.isnan(overlaps[place]).all() else float(in_another_hull.mean()),
            silhouette=_class_mean(image_silhouettes, rows),
            silhouette_plane=_class_mean(in_plane, rows),
        )
    return results, overlaps


def _hull(points: np.ndarray) -> "scipy.spatial.ConvexHull | None":
    """The convex hull of points (m, 2), or None where they span no area within float32's rounding."""
    rounding = np.sqrt(len(points)) * _EPSILON * np.abs(points).max()
    spread = points - points.mean(axis=0, dtype=np.float64)
    return scipy.spatial.ConvexHull(points) if np.linalg.matrix_rank(spread, tol=rounding) == 2 else None


def _inside(points: np.ndarray, hull: "scipy.spatial.ConvexHull | None") -> np.ndarray:
    """Which points (n, 2) lie in the hull or on its edge, bool (n,)."""
    if hull is None:
        return np.zeros(len(points), bool)
    normals, offsets = hull.equations[:, :2], hull.equations[:, 2]
    return np.all(points @ normals.T + offsets <= 1e-9 * np.abs(points).max(), axis=1)


def _class_mean(image_silhouettes: np.ndarray | None, rows: np.ndarray) -> float | None:
    return None if image_silhouettes is None or rows.sum() < 2 else float(image_silhouettes[rows].mean())


def correlations(
    by_class: dict[int, ClassGeometry], class_errors: Mapping[int, float]
) -> dict[str, Correlation]:
    """Of each measure of separation with the classes' errors, see ``CodeView.correlations``."""
    results = {}
    for measure in ("overlap", "silhouette", "silhouette_plane"):
        rows = [(getattr(each, measure), class_errors.get(number)) for number, each in by_class.items()]
        pairs = np.array(rows, np.float64).reshape(-1, 2)  # None becomes NaN
        pairs = pairs[np.isfinite(pairs).all(axis=1)]
        if len(pairs) >= 3 and np.ptp(pairs, axis=0).all():
            results[measure] = _spearman(*pairs.T)
    return results


def _spearman(x: np.ndarray, y: np.ndarray) -> Correlation:
    ranks = scipy.stats.rankdata(y)
    test = scipy.stats.permutation_test(
        (scipy.stats.rankdata(x),),
        lambda permuted, axis: np.sum(permuted * ranks, axis=axis),  # rho but for constants, and exact
        permutation_type="pairings",
        vectorized=True,
        n_resamples=PERMUTATIONS,
        batch=5_000,
        rng=np.random.default_rng(derive(0, "latent", "permutations")),
    )
    return Correlation(float(scipy.stats.spearmanr(x, y).statistic), float(test.pvalue), len(x))
