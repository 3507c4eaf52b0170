"""The one table of baselines: what each is called, and how it is fitted. Imports no TensorFlow."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np

from dae_lab.baselines import trivial
from dae_lab.baselines.fitting import Fitted, FittingData

Group = Literal["trivial", "linear", "classical"]


@dataclass(frozen=True)
class BaselineMethod:
    """A baseline before it is fitted.

    Attributes:
        title: for tables and figures.
        group: the group of methods that it belongs to.
        fit: from the data that may be learned from to a denoiser.
        uses_image: whether the answer depends on the noisy image.
        whole_image: it maps whole images at once, so they must not be large.
        clip: its answers are cut to [0, 1], where images lie. False for the noisy image itself, whose MSE
            says how much noise there is, and for answers made of clean images alone, which cannot leave [0,
            1].
    """

    title: str
    group: Group
    fit: Callable[[FittingData], Fitted]
    uses_image: bool = True
    whole_image: bool = False
    clip: bool = True

    def fit_denoiser(self, data: FittingData) -> Fitted:
        """The fitted denoiser that is evaluated: cut to [0, 1] if ``clip``."""
        fitted = self.fit(data)
        return fitted.clipped() if self.clip else fitted


def _noisy(data: FittingData) -> Fitted:
    return Fitted(lambda noisy: noisy, "nothing is done to it")


def _constant_answer(image: np.ndarray, note: str) -> Fitted:
    """The denoiser that answers ``image`` (h, w, c) to everything."""
    return Fitted(lambda noisy: np.broadcast_to(image, noisy.shape), note)


def _black(data: FittingData) -> Fitted:
    image = trivial.black(data.all_train)
    return _constant_answer(image, "the same to every image; its MSE is their mean square")


def _constant(data: FittingData) -> Fitted:
    image = trivial.constant(data.all_train)
    pixel = ", ".join(f"{value:.3f}" for value in image[0, 0])
    return _constant_answer(image, f"the same to every image: the mean training pixel, {pixel}")


def _mean_image(data: FittingData) -> Fitted:
    images = data.all_train
    note = f"the same to every image: the mean of {len(images):,}"
    return _constant_answer(trivial.mean_image(images), note)


def _filter(size: int, data: FittingData) -> Fitted:
    from dae_lab.baselines.linear import best_filter  # here, as in the functions below: SciPy takes its time

    note = f"least squares over all pixels of {len(data.train):,} noisy training images"
    return Fitted(best_filter(data.neighbourhood_moments, size), note)


def _ridge(data: FittingData) -> Fitted:
    from dae_lab.baselines.linear import ridge

    denoise, note = ridge(data.image_moments, data.tuning)
    return Fitted(denoise, f"{note}; fitted on {len(data.train):,} noisy training images")


def _pca(data: FittingData) -> Fitted:
    from dae_lab.baselines.pca import pca

    return pca(data.train, data.code_size)


def _classical(name: str, data: FittingData) -> Fitted:
    from dae_lab.baselines.classical import FILTERS, tune

    return tune(FILTERS[name], data.tuning)


def _blind(title: str, fit: Callable[[FittingData], Fitted]) -> BaselineMethod:
    return BaselineMethod(title, "trivial", fit, uses_image=False, clip=False)


def _tuned_filter(title: str, name: str) -> BaselineMethod:
    return BaselineMethod(title, "classical", partial(_classical, name))


BASELINES: dict[str, BaselineMethod] = {
    "noisy": BaselineMethod("noisy image, as it is", "trivial", _noisy, clip=False),
    "black": _blind("black image", _black),
    "constant": _blind("best constant grey", _constant),
    "mean_image": _blind("mean training image", _mean_image),
    "linear_3x3": BaselineMethod("best linear 3×3 filter", "linear", partial(_filter, 3)),
    "linear_5x5": BaselineMethod("best linear 5×5 filter", "linear", partial(_filter, 5)),
    "ridge": BaselineMethod("best full linear map", "linear", _ridge, whole_image=True),
    "pca": BaselineMethod("PCA as wide as the code", "linear", _pca, whole_image=True),
    "median": _tuned_filter("median filter", "median"),
    "gaussian_filter": _tuned_filter("Gaussian filter", "gaussian_filter"),
    "total_variation": _tuned_filter("total variation", "total_variation"),
    "non_local_means": _tuned_filter("non-local means", "non_local_means"),
    "wavelet": _tuned_filter("wavelet shrinkage", "wavelet"),
}
"""By name, in the order in which they are shown."""

_GROUPS: dict[str, tuple[Group, ...]] = {
    "trivial": ("trivial",),
    "linear": ("trivial", "linear"),
    "all": ("trivial", "linear", "classical"),
}


def select_baselines(choice: str) -> dict[str, BaselineMethod]:
    """The baselines that ``evaluation.baselines=choice`` asks for, by name."""
    groups = _GROUPS[choice]
    return {name: method for name, method in BASELINES.items() if method.group in groups}
