"""The geometry of the code: how many of its units live, and how its classes lie to one another.

Judges what article B reads off its latent planes: do classes whose hulls lie apart denoise better,
do class boundaries form, is a wide code used at all?
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.spatial import ConvexHull
from scipy.stats import entropy, permutation_test, rankdata, spearmanr
from sklearn.linear_model import RidgeClassifier
from sklearn.metrics import pairwise_distances, silhouette_samples
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from dae_lab.seeds import derive

Fit = tuple[np.ndarray, np.ndarray | None]  # codes (m, ...) as those to be judged, labels (m,) int

ACTIVE_VARIANCE = 0.01  # Burda et al. 2016
NEIGHBOURS = 5
PERMUTATIONS = 50_000  # p is exact for up to 8 classes; beyond, its standard error at 0.05 is 0.0014
_FLAT = 1e-6  # singular values below this share of the largest are float32's rounding
_EPSILON = float(np.finfo(np.float32).eps)


@dataclass(frozen=True, eq=False)
class ClassGeometry:
    """Where the codes of one class lie.

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


@dataclass(frozen=True, eq=False)
class View:
    """One way to look at the codes as vectors (n, d).

    name: ``code``; of spatial codes ``flattened`` (d = h·w·c) or ``pooled`` (mean over positions, d = c).
    size: d.
    finite: whether all codes are; else they were taken as 0, and the view is that of a collapsed code.
    plane: float32 (n, 2): the code itself if d = 2, with a second coordinate 0 if d = 1, else the first two
        principal components, each with its largest weight positive; 0 in directions without variance.
    axes, centre: float32 (2, d) and (d,): centre + plane @ axes are the plane's points as codes.
    explained: share of the code's variance that lies in the plane; 0 without variance.
    active_units: units whose variance over the images is above 0.01 (Burda et al. 2016).
    effective_rank: exp of the entropy of the centred codes' normalised singular values, in
        [1, min(n - 1, d)]; 0 without variance. Source: Roy & Vetterli, "The effective rank", 2007.
    classes: by class number, ascending; empty without labels.
    overlaps: float64 (k, k), classes in that order: share of row's images that lie in column's hull; NaN on
        the diagonal and where column has no hull.
    knn_accuracy: share of labels that the 5 nearest codes of ``fit`` vote for.
    probe_accuracy: share of labels that a linear probe trained on ``fit`` gets right.
        Both are None without labels, and if the codes of ``fit`` are not finite or of fewer than two classes.
    silhouette: mean over all images (0 for one alone in its class); None without labels, without variance,
        with fewer than two classes or with no two images of one class. Source: Rousseeuw 1987.
    correlations: over classes, of ``overlap``, ``silhouette`` and ``silhouette_plane`` with the error. That
        separated classes denoise better would be rho > 0 for the first, rho < 0 for the others. Left out
        with fewer than 3 classes that have both values, or where one is the same for all of them.
    """

    name: str
    size: int
    finite: bool
    plane: np.ndarray
    axes: np.ndarray
    centre: np.ndarray
    explained: float
    active_units: int
    effective_rank: float
    classes: dict[int, ClassGeometry]
    overlaps: np.ndarray
    knn_accuracy: float | None
    probe_accuracy: float | None
    silhouette: float | None
    correlations: dict[str, Correlation]


@dataclass(frozen=True, eq=False)
class Geometry:
    """``views`` by name: ``code`` of a dense code, ``flattened`` and ``pooled`` of a spatial one."""

    views: dict[str, View]


def geometry(
    codes: np.ndarray, labels: np.ndarray | None, class_errors: Mapping[int, float], fit: Fit | None
) -> Geometry:
    """What the codes of n ≥ 1 images look like.

    Takes n² distances and the eigenvectors of a matrix of side min(n, d); the linear probe solves one of
    side min(m, d). 1,000 codes (7, 7, 128), and as many to fit, take 1.3 s on one core; 2,000 take 5 s.

    Args:
        codes: float32 (n, d), or spatial (n, h, w, c).
        labels: (n,) integers, or None.
        class_errors: a class's error divided by its energy E[x²], by class number; classes may be missing.
        fit: codes and labels of other images, on which the two classifiers are trained; or None.

    Raises:
        ValueError: there are no codes, not as many labels as codes, or codes of another shape in ``fit``.
    """
    if codes.ndim < 2 or not codes.size:
        raise ValueError(f"codes are (n, d) or (n, h, w, c), and not of shape {codes.shape}")
    if labels is not None and len(labels) != len(codes):
        raise ValueError(f"{len(codes)} codes have {len(labels)} labels")
    if fit and fit[0].shape[1:] != codes.shape[1:]:
        raise ValueError(f"codes {codes.shape} cannot be classified by codes {fit[0].shape}")
    fits = {name: (vectors, fit[1]) for name, vectors in _vectors(fit[0]).items()} if fit else {}
    return Geometry(
        {
            name: _view(name, vectors, labels, class_errors, fits.get(name))
            for name, vectors in _vectors(codes).items()
        }
    )


def grid_codes(view: View, side: int = 12) -> np.ndarray:
    """Codes on a regular grid over the plane, for a decoder to show what lies where.

    The grid spans the 1st to 99th percentile of each coordinate. Of a ``flattened`` view the codes are to be
    reshaped to (h, w, c); those of a ``pooled`` one have lost their positions and cannot be decoded.

    Returns:
        float32 (side·side, d), row by row from the top left: the first coordinate grows to the right, the
        second upwards, as in a scatter plot.
    """
    low, high = np.percentile(view.plane, [1, 99], axis=0)
    right, up = np.linspace(low, high, side).T
    points = np.stack(np.meshgrid(right, up[::-1]), axis=-1).reshape(-1, 2)
    return (view.centre + points @ view.axes).astype(np.float32)


def _vectors(codes: np.ndarray) -> dict[str, np.ndarray]:
    """The views' float32 vectors (n, d)."""
    codes = np.asarray(codes, np.float32)
    if codes.ndim == 2:
        return {"code": codes}
    positions = tuple(range(1, codes.ndim - 1))
    with np.errstate(invalid="ignore"):  # infinity - infinity: _view says that the code is not finite
        pooled = codes.mean(axis=positions, dtype=np.float64).astype(np.float32)
    return {"flattened": codes.reshape(len(codes), -1), "pooled": pooled}


def _view(
    name: str,
    vectors: np.ndarray,
    labels: np.ndarray | None,
    class_errors: Mapping[int, float],
    fit: Fit | None,
) -> View:
    finite = bool(np.isfinite(vectors).all())
    vectors = vectors if finite else np.zeros_like(vectors)
    centred = _centred(vectors)
    lengths, principal = _principal(centred)
    plane, axes, centre = _plane(vectors, centred, principal)
    knn_accuracy, probe_accuracy = _accuracies(vectors, labels, fit) if finite else (None, None)
    silhouettes = _silhouettes(centred, labels)
    classes, overlaps = _classes(plane, labels, silhouettes)
    return View(
        name=name,
        size=vectors.shape[1],
        finite=finite,
        plane=plane,
        axes=axes,
        centre=centre,
        explained=float(np.sum(lengths[:2] ** 2) / np.sum(lengths**2)) if lengths.any() else 0.0,
        active_units=int(np.count_nonzero(np.mean(centred**2, axis=0) > ACTIVE_VARIANCE)),
        effective_rank=float(np.exp(entropy(lengths))) if lengths.any() else 0.0,
        classes=classes,
        overlaps=overlaps,
        knn_accuracy=knn_accuracy,
        probe_accuracy=probe_accuracy,
        silhouette=None if silhouettes is None else float(silhouettes.mean()),
        correlations=_correlations(classes, class_errors),
    )


def _centred(vectors: np.ndarray) -> np.ndarray:
    """Deviations from the mean, float64 (n, d); exactly 0 in units that vary by no more than rounding."""
    centred = vectors - vectors.mean(axis=0, dtype=np.float64)
    rounding = 4 * _EPSILON * np.abs(vectors).max(axis=0)
    centred[:, np.ptp(centred, axis=0) <= rounding] = 0
    return centred


def _principal(centred: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Singular values and the first two principal axes, from the smaller of the two Gram matrices."""
    wide = centred.shape[1] > len(centred)
    squares, vectors = np.linalg.eigh(centred @ centred.T if wide else centred.T @ centred)
    lengths = np.sqrt(np.maximum(squares[::-1], 0))
    lengths[lengths <= _FLAT * lengths[0]] = 0
    axes = np.zeros((2, centred.shape[1]))
    for place in np.flatnonzero(lengths[:2]):
        vector = vectors[:, -1 - place]
        axis = vector @ centred / lengths[place] if wide else vector
        axes[place] = axis * np.sign(axis[np.abs(axis).argmax()])
    return lengths, axes


def _plane(
    vectors: np.ndarray, centred: np.ndarray, principal: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points (n, 2), axes (2, d) and centre (d,), all float32."""
    size = vectors.shape[1]
    if size <= 2:
        axes = np.eye(2, size, dtype=np.float32)
        return vectors @ axes.T, axes, np.zeros(size, np.float32)
    points, centre = centred @ principal.T, vectors.mean(axis=0, dtype=np.float64)
    return points.astype(np.float32), principal.astype(np.float32), centre.astype(np.float32)


def _accuracies(
    vectors: np.ndarray, labels: np.ndarray | None, fit: Fit | None
) -> tuple[float | None, float | None]:
    """Of nearest neighbours and of the linear probe: ridge regression on the classes, on standardised codes.

    Its alpha is d, the mean squared norm of a standardised code: as mild for a wide code as for a narrow one.
    """
    if labels is None or fit is None or fit[1] is None or len(np.unique(fit[1])) < 2:
        return None, None
    if not np.isfinite(fit[0]).all():
        return None, None
    neighbours = KNeighborsClassifier(min(NEIGHBOURS, len(fit[0])))
    probe = make_pipeline(StandardScaler(), RidgeClassifier(alpha=vectors.shape[1]))
    knn_accuracy, probe_accuracy = (model.fit(*fit).score(vectors, labels) for model in (neighbours, probe))
    return float(knn_accuracy), float(probe_accuracy)


def _silhouettes(centred: np.ndarray, labels: np.ndarray | None) -> np.ndarray | None:
    """Of each image, (n,); None where there are none, see ``View.silhouette``."""
    if labels is None or not 2 <= len(np.unique(labels)) < len(labels) or not centred.any():
        return None
    return silhouette_samples(pairwise_distances(centred), labels, metric="precomputed")


def _classes(
    plane: np.ndarray, labels: np.ndarray | None, silhouettes: np.ndarray | None
) -> tuple[dict[int, ClassGeometry], np.ndarray]:
    """The classes, and the overlaps of their hulls (k, k)."""
    if labels is None:
        return {}, np.empty((0, 0))
    numbers = np.unique(labels)
    members = labels == numbers[:, None]
    hulls = [_hull(plane[mine]) for mine in members]
    inside = np.stack([_inside(plane, hull) for hull in hulls])
    overlaps = np.array([inside[:, mine].mean(axis=1) for mine in members])
    overlaps[:, [hull is None for hull in hulls]] = np.nan
    np.fill_diagonal(overlaps, np.nan)
    in_plane = _silhouettes(_centred(plane), labels)
    classes = {}
    for place, (number, mine, hull) in enumerate(zip(numbers, members, hulls, strict=True)):
        elsewhere = np.delete(inside, place, axis=0)[:, mine].any(axis=0)
        classes[int(number)] = ClassGeometry(
            images=int(mine.sum()),
            hull=np.empty((0, 2), np.float32) if hull is None else plane[mine][hull.vertices],
            area=0.0 if hull is None else float(hull.volume),  # Qhull's area is the perimeter here
            overlap=None if np.isnan(overlaps[place]).all() else float(elsewhere.mean()),
            silhouette=_class_mean(silhouettes, mine),
            silhouette_plane=_class_mean(in_plane, mine),
        )
    return classes, overlaps


def _hull(points: np.ndarray) -> ConvexHull | None:
    """The convex hull of points (m, 2), or None where they span no area within float32's rounding."""
    rounding = np.sqrt(len(points)) * _EPSILON * np.abs(points).max()
    spread = points - points.mean(axis=0, dtype=np.float64)
    return ConvexHull(points) if np.linalg.matrix_rank(spread, tol=rounding) == 2 else None


def _inside(points: np.ndarray, hull: ConvexHull | None) -> np.ndarray:
    """Which points (n, 2) lie in the hull or on its edge, bool (n,)."""
    if hull is None:
        return np.zeros(len(points), bool)
    normals, offsets = hull.equations[:, :2], hull.equations[:, 2]
    return np.all(points @ normals.T + offsets <= 1e-9 * np.abs(points).max(), axis=1)


def _class_mean(silhouettes: np.ndarray | None, mine: np.ndarray) -> float | None:
    return None if silhouettes is None or mine.sum() < 2 else float(silhouettes[mine].mean())


def _correlations(
    classes: dict[int, ClassGeometry], class_errors: Mapping[int, float]
) -> dict[str, Correlation]:
    found = {}
    for measure in ("overlap", "silhouette", "silhouette_plane"):
        rows = [(getattr(each, measure), class_errors.get(number)) for number, each in classes.items()]
        pairs = np.array(rows, np.float64).reshape(-1, 2)  # None becomes NaN
        pairs = pairs[np.isfinite(pairs).all(axis=1)]
        if len(pairs) >= 3 and np.ptp(pairs, axis=0).all():
            found[measure] = _spearman(*pairs.T)
    return found


def _spearman(x: np.ndarray, y: np.ndarray) -> Correlation:
    ranks = rankdata(y)
    test = permutation_test(
        (rankdata(x),),
        lambda permuted, axis: np.sum(permuted * ranks, axis=axis),  # rho but for constants, and exact
        permutation_type="pairings",
        vectorized=True,
        n_resamples=PERMUTATIONS,
        batch=5_000,
        rng=np.random.default_rng(derive(0, "latent", "permutations")),
    )
    return Correlation(float(spearmanr(x, y).statistic), float(test.pvalue), len(x))
