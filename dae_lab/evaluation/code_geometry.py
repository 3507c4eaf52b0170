"""The geometry of the code: how many of its units are active, and how far its classes are separated.

It tests what article B reads off its latent planes: do classes whose hulls lie apart denoise better,
do class boundaries form, is a wide code used at all?
"""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import scipy  # whose parts load at their first use, so that the first step of training need not wait

from dae_lab.blas import one_thread
from dae_lab.evaluation.separation import (
    ClassGeometry,
    Correlation,
    centred,
    correlations,
    describe_classes,
    silhouettes,
)
from dae_lab.model.latent import WIDEST

Fit = tuple[np.ndarray, np.ndarray | None]  # codes (m, ...) as those to be judged, labels (m,) int

ACTIVE_VARIANCE = 0.01  # Burda et al. 2016
NEIGHBOURS = 5
_FLAT = 1e-6  # singular values below this share of the largest are float32's rounding


@dataclass(frozen=True, eq=False)
class CodeView:
    """The codes as vectors (n, d), in one of several ways.

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
class CodeGeometry:
    """``views`` by name: ``code`` of a dense code, ``flattened`` and ``pooled`` of a spatial one.

    A spatial code of more than 65,536 values has the view ``pooled`` alone: flattened, a thousand of them
    would take gigabytes.
    """

    views: dict[str, CodeView]

    @property
    def decodable(self) -> CodeView | None:
        """The view whose vectors are whole codes, so that a decoder takes them; None where there is none."""
        return self.views.get("code") or self.views.get("flattened")


@one_thread()
def code_geometry(
    codes: np.ndarray, labels: np.ndarray | None, class_errors: Mapping[int, float], fit: Fit | None
) -> CodeGeometry:
    """Describe the codes of n ≥ 1 images.

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
    return CodeGeometry(
        {
            name: _view(name, vectors, labels, class_errors, fits.get(name))
            for name, vectors in _vectors(codes).items()
        }
    )


def grid_codes(view: CodeView, side: int = 12) -> np.ndarray:
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
    if codes[0].size > WIDEST:
        return {"pooled": pooled}
    return {"flattened": codes.reshape(len(codes), -1), "pooled": pooled}


def _view(
    name: str,
    vectors: np.ndarray,
    labels: np.ndarray | None,
    class_errors: Mapping[int, float],
    fit: Fit | None,
) -> CodeView:
    finite = bool(np.isfinite(vectors).all())
    vectors = vectors if finite else np.zeros_like(vectors)
    deviations = centred(vectors)
    lengths, principal = _principal(deviations)
    plane, axes, centre = _plane(vectors, deviations, principal)
    knn_accuracy, probe_accuracy = _accuracies(vectors, labels, fit) if finite else (None, None)
    each = silhouettes(deviations, labels)
    by_class, overlaps = describe_classes(plane, labels, each)
    return CodeView(
        name=name,
        size=vectors.shape[1],
        finite=finite,
        plane=plane,
        axes=axes,
        centre=centre,
        explained=float(np.sum(lengths[:2] ** 2) / np.sum(lengths**2)) if lengths.any() else 0.0,
        active_units=int(np.count_nonzero(np.mean(deviations**2, axis=0) > ACTIVE_VARIANCE)),
        effective_rank=float(np.exp(scipy.stats.entropy(lengths))) if lengths.any() else 0.0,
        classes=by_class,
        overlaps=overlaps,
        knn_accuracy=knn_accuracy,
        probe_accuracy=probe_accuracy,
        silhouette=None if each is None else float(each.mean()),
        correlations=correlations(by_class, class_errors),
    )


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
    from sklearn.linear_model import RidgeClassifier  # here, for the same reason
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    neighbours = KNeighborsClassifier(min(NEIGHBOURS, len(fit[0])))
    probe = make_pipeline(StandardScaler(), RidgeClassifier(alpha=vectors.shape[1]))
    with warnings.catch_warnings():  # of classes with an image or two: their accuracy is what it is
        warnings.filterwarnings("ignore", "The number of unique classes", UserWarning)
        knn_accuracy, probe_accuracy = (
            model.fit(*fit).score(vectors, labels) for model in (neighbours, probe)
        )
    return float(knn_accuracy), float(probe_accuracy)
