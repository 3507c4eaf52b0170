"""Filters that know nothing of the training images, each with one strength that is tuned."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy import ndimage
from skimage import filters, restoration

from dae_lab.baselines.fitting import Fitted, Tuning

_TUNING_IMAGES = 100  # some filters take a millisecond an image; all strengths are tried on the same ones
_WAVELET_LEVELS = 3


@dataclass(frozen=True)
class Filter:
    """A filter, image → image, with a grid of strengths; strength 0 leaves the image as it is.

    symbol, unit: of the strength, for notes, as ``σ`` and ``pixels``.
    strengths: the grid without its 0.
    relative: the grid is in multiples of the noise's root mean square on the tuning images.
    apply: float32 images (n, h, w, c) and a strength above 0 to images of the same shape.
    """

    symbol: str
    unit: str
    strengths: tuple[float, ...]
    relative: bool
    apply: Callable[[np.ndarray, float], np.ndarray]

    def __call__(self, images: np.ndarray, strength: float) -> np.ndarray:
        return self.apply(images, strength).astype(np.float32, copy=False) if strength else images


def tune(a_filter: Filter, tuning: Tuning) -> Fitted:
    """The filter at the strength with the least MSE on at most 100 tuning images; of equals, the weakest.

    Its answers are cut to [0, 1] before they are compared.
    """
    tuning = tuning.at_most(_TUNING_IMAGES)
    scale = tuning.noise_level if a_filter.relative else 1.0
    strengths = [0.0, *(scale * strength for strength in a_filter.strengths)]
    best = tuning.best(strengths, partial(a_filter, tuning.noisy))
    setting = f"{a_filter.symbol} = {best:.3g} {a_filter.unit}".strip() if best else "left as it is"
    return Fitted(partial(a_filter, strength=best), f"{setting}, chosen on {tuning.title}")


def _median(images: np.ndarray, size: float) -> np.ndarray:
    return ndimage.median_filter(images, (1, round(size), round(size), 1))


def _gaussian(images: np.ndarray, sigma: float) -> np.ndarray:
    return filters.gaussian(images, (0, sigma, sigma, 0))


def _total_variation(image: np.ndarray, weight: float) -> np.ndarray:
    # Chambolle's: at least as near the clean image on noisy digits as the split Bregman method, as fast,
    # and its weight grows with the noise.
    return restoration.denoise_tv_chambolle(image, weight, channel_axis=-1)


def _non_local_means(image: np.ndarray, h: float) -> np.ndarray:
    return restoration.denoise_nl_means(image, patch_size=5, patch_distance=5, h=h, channel_axis=-1)


def _wavelet(image: np.ndarray, sigma: float) -> np.ndarray:
    # Haar, because longer wavelets do not fit into small images; more levels than scikit-image would take.
    levels = min(_WAVELET_LEVELS, min(image.shape[:2]).bit_length() - 1)
    return restoration.denoise_wavelet(image, sigma, wavelet_levels=levels, channel_axis=-1)


def _for_each(
    denoise_image: Callable[[np.ndarray, float], np.ndarray],
) -> Callable[[np.ndarray, float], np.ndarray]:
    """Apply ``denoise_image`` to each of images (n, h, w, c); it may drop the axis c of one where c = 1."""
    return lambda images, strength: np.stack([denoise_image(image, strength) for image in images]).reshape(
        images.shape
    )


FILTERS: dict[str, Filter] = {
    "median": Filter("window", "pixels wide", (3, 5, 7, 9), False, _median),
    "gaussian_filter": Filter("σ", "pixels", (0.4, 0.5, 0.65, 0.8, 1, 1.4, 2, 4), False, _gaussian),
    "total_variation": Filter("weight", "", (0.35, 0.5, 0.7, 1, 1.5, 2.5), True, _for_each(_total_variation)),
    "non_local_means": Filter("h", "", (0.5, 0.6, 0.7, 0.85, 1, 1.4, 2), True, _for_each(_non_local_means)),
    "wavelet": Filter("σ", "", (0.5, 0.7, 0.85, 1, 1.2, 1.5), True, _for_each(_wavelet)),
}
"""By name. Sources: Tukey 1977 (median); Chambolle 2004 (total variation, of Rudin, Osher and Fatemi 1992);
Buades, Coll and Morel 2005 with Darbon et al. 2008 (non-local means); Chang, Yu and Vetterli 2000 (wavelet:
BayesShrink, soft). All as SciPy and scikit-image have them."""
