"""The baselines by name: what each is called, and how it comes to be."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from dae_lab.baselines import trivial
from dae_lab.baselines.fitting import Fitted, Material
from dae_lab.baselines.linear import best_filter, ridge
from dae_lab.baselines.pca import pca


@dataclass(frozen=True)
class Recipe:
    """A baseline before it is fitted.

    title: for tables and figures.
    fit: from what may be learned from to a denoiser.
    whole: it maps whole images at once, so they must not be large.
    bounded: its answers are cut to [0, 1], where images lie. Not the noisy image itself, whose MSE says how
        much noise there is, nor what is made of clean images alone and cannot leave [0, 1].
    """

    title: str
    fit: Callable[[Material], Fitted]
    whole: bool = False
    bounded: bool = True

    def denoiser(self, material: Material) -> Fitted:
        """What is judged: the fit, cut to [0, 1] unless the recipe is not ``bounded``."""
        fitted = self.fit(material)
        return fitted.bounded() if self.bounded else fitted


def _noisy(material: Material) -> Fitted:
    return Fitted(lambda noisy: noisy, "nothing is done to it")


def _always(image: np.ndarray, note: str) -> Fitted:
    """The denoiser that answers ``image`` (h, w, c) to everything."""
    return Fitted(lambda noisy: np.broadcast_to(image, noisy.shape), note)


def _black(material: Material) -> Fitted:
    return _always(trivial.black(material.all_train), "the same to every image; its MSE is their mean square")


def _constant(material: Material) -> Fitted:
    image = trivial.constant(material.all_train)
    pixel = ", ".join(f"{value:.3f}" for value in image[0, 0])
    return _always(image, f"the same to every image: the mean training pixel, {pixel}")


def _mean_image(material: Material) -> Fitted:
    images = material.all_train
    return _always(trivial.mean_image(images), f"the same to every image: the mean of {len(images):,}")


def _filter(size: int, material: Material) -> Fitted:
    note = f"least squares over all pixels of {len(material.train):,} noisy training images"
    return Fitted(best_filter(material.neighbourhoods, size), note)


def _ridge(material: Material) -> Fitted:
    denoise, note = ridge(material.images, material.tuning)
    return Fitted(denoise, f"{note}; fitted on {len(material.train):,} noisy training images")


def _pca(material: Material) -> Fitted:
    return pca(material.train, material.code_size)


def _classical(name: str, material: Material) -> Fitted:
    from dae_lab.baselines.classical import FILTERS, tuned  # here, because scikit-image takes its time

    return tuned(FILTERS[name], material.tuning)


_TRIVIAL = {
    "noisy": Recipe("noisy image, as it is", _noisy, bounded=False),
    "black": Recipe("black image", _black, bounded=False),
    "constant": Recipe("best constant grey", _constant, bounded=False),
    "mean_image": Recipe("mean training image", _mean_image, bounded=False),
}
_LINEAR = {
    "linear_3x3": Recipe("best linear 3×3 filter", partial(_filter, 3)),
    "linear_5x5": Recipe("best linear 5×5 filter", partial(_filter, 5)),
    "ridge": Recipe("best full linear map", _ridge, whole=True),
    "pca": Recipe("PCA as wide as the code", _pca, whole=True),
}
_CLASSICAL = {
    "median": Recipe("median filter", partial(_classical, "median")),
    "gaussian_filter": Recipe("Gaussian filter", partial(_classical, "gaussian_filter")),
    "total_variation": Recipe("total variation", partial(_classical, "total_variation")),
    "non_local_means": Recipe("non-local means", partial(_classical, "non_local_means")),
    "wavelet": Recipe("wavelet shrinkage", partial(_classical, "wavelet")),
}

RECIPES: dict[str, dict[str, Recipe]] = {
    "trivial": _TRIVIAL,
    "linear": _TRIVIAL | _LINEAR,
    "all": _TRIVIAL | _LINEAR | _CLASSICAL,
}
"""For each choice of ``evaluation.baselines``, the baselines in the order in which they are shown."""
