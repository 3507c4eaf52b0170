"""The linear denoisers of least squares, in closed form: filters, and a map of the whole image.

They are fitted without regard to the cut to [0, 1] that their answers get afterwards, see
``dae_lab.baselines.fitting.clip_to_range``: with it there is no closed form, and it only improves them.
"""

import numpy as np
import scipy.linalg

from dae_lab.baselines.fitting import WIDEST, Denoiser, Fitted, Tuning
from dae_lab.baselines.moments import Moments, neighbourhoods

_LAMBDAS = np.logspace(-8, 1, 19)
"""The strengths of the ridge tried, in units of the noisy pixels' mean square."""


def best_filter(moments: Moments, size: int) -> Denoiser:
    """The affine ``size`` × ``size`` filter with the least MSE over all pixels of the images fitted.

    Every output channel has size·size·c weights on the zero-padded neighbourhood, and a bias: what a
    network of one convolution with linear output can reach at best, before it is cut to [0, 1].

    Args:
        moments: of neighbourhoods of ``WIDEST`` × ``WIDEST`` pixels and their clean middle pixels.
        size: odd, at most ``WIDEST``.
    """
    (mean_x, mean_y), (cov_xx, cov_xy) = moments.means, moments.covariances
    channels, rim = len(mean_y), (WIDEST - size) // 2
    places = np.arange(len(mean_x)).reshape(WIDEST, WIDEST, channels)
    seen = places[rim : WIDEST - rim, rim : WIDEST - rim].ravel()
    # lstsq, because neighbours that never vary make the matrix singular
    weights = np.linalg.lstsq(cov_xx[np.ix_(seen, seen)], cov_xy[seen])[0]
    bias = mean_y - mean_x[seen] @ weights

    def denoise(noisy: np.ndarray) -> np.ndarray:
        return (neighbourhoods(noisy, size) @ weights + bias).reshape(noisy.shape).astype(np.float32)

    return denoise


def ridge(moments: Moments, tuning: Tuning) -> Fitted:
    """The affine map, image to image, with the least MSE + λ·‖W‖², W = (Cov(x, x) + λI)⁻¹ Cov(x, y).

    λ is the one of a logarithmic grid with the least MSE, cut to [0, 1], on the tuning images; all share one
    eigendecomposition. Source: Hoerl and Kennard, "Ridge Regression", 1970.

    Args:
        moments: of noisy and clean images (h·w·c,).
    """
    (mean_x, mean_y), (cov_xx, cov_xy) = moments.means, moments.covariances
    variances, axes = scipy.linalg.eigh(cov_xx)
    variances = np.maximum(variances, 0)  # rounding leaves some a trace below
    # Of the square, not the variance: in images that never vary, all variance is rounding.
    lambdas = (_LAMBDAS * (np.mean(variances + mean_x**2) or 1.0)).tolist()
    turned = axes.T @ cov_xy
    on_axes = (_flat(tuning.noisy) - mean_x) @ axes

    def answers(strength: float) -> np.ndarray:
        return ((on_axes / (variances + strength)) @ turned + mean_y).reshape(tuning.clean.shape)

    best = tuning.best(lambdas, answers)
    weights = (axes / (variances + best)) @ turned
    return Fitted(affine(weights, mean_y - mean_x @ weights), f"λ = {best:.2g}, chosen on {tuning.title}")


def affine(weights: np.ndarray, bias: np.ndarray) -> Denoiser:
    """Images x, flattened, to x·weights + bias; weights (h·w·c, h·w·c), bias (h·w·c,), taken as float32."""
    weights, bias = weights.astype(np.float32), bias.astype(np.float32)
    return lambda noisy: (_flat(noisy) @ weights + bias).reshape(noisy.shape)


def _flat(images: np.ndarray) -> np.ndarray:
    return images.reshape(len(images), -1)
