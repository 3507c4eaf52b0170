"""Collapse: a reconstruction that no longer depends on the input, or that is the input itself."""

from dataclasses import dataclass

import numpy as np

MIN_VARIANCE_RATIO = 0.01
"""An output whose variance between images is below this share of the clean images' is fixed."""
EQUAL_RMS = 0.02
"""Root mean square difference, in units of the pixel range, below which two images count as equal;"""
EQUAL_RMS_SHARE = 0.1
"""it must also be below this share of the clean images' root mean square, as dark data have dark means."""
MIN_SIGMOID_SLOPE = 1e-4
"""A sigmoid output y with y·(1 − y), its derivative, below this passes almost no gradient."""
EQUAL_SHARE = 0.01
"""Two errors that differ by less than this share are called equal."""
MEAN_IMAGE_SHARE = 0.25
"""A fixed output that differs from the mean image by at most this share of its contrast is the mean image."""

FIXED = ("black", "white", "constant", "mean_image", "fixed_image")
"""The labels of outputs that do not depend on the input."""

_DESCRIPTIONS = {
    "black": "black",
    "white": "white",
    "constant": "the same even grey",
    "mean_image": "the mean training image",
    "fixed_image": "one and the same picture",
}


@dataclass(frozen=True)
class Collapse:
    """The diagnosis of a model's outputs as a whole.

    Attributes:
        label: ``none``, one of ``FIXED``, or ``identity``: the noisy image handed through; ``unknown`` where
            the clean images do not differ, so that nothing can be said.
        variance_ratio: variance of the outputs between images over that of the clean images, both averaged
            over pixels; NaN where the clean images do not differ.
        saturated: share of output pixels whose sigmoid passes almost no gradient; NaN for a linear output.
            Black pixels of a good model are saturated too, so alone it says nothing.
        gradient_norm: norm of the training loss's gradient on some evaluation images, over all weights but
            the output layer's bias; NaN where it was not computed.
        mse: of the outputs, mean over images.
        energy: E[x²] of the clean images, the MSE of black.
    """

    label: str
    variance_ratio: float
    saturated: float
    gradient_norm: float
    mse: float
    energy: float

    @property
    def fixed(self) -> bool:
        """Whether the output does not depend on the input."""
        return self.label in FIXED

    def sentence(self) -> str:
        """A sentence for people that describes the collapse; empty where there is none."""
        if self.label == "identity":
            return "the output is the noisy image itself: nothing is denoised"
        if not self.fixed:
            return ""
        text = f"the output is {_DESCRIPTIONS[self.label]} for every input"
        if self.label == "black":
            equal = abs(self.mse - self.energy) <= EQUAL_SHARE * self.energy
            relation = "equals" if equal else "is near"
            text += f"; its MSE {self.mse:.4f} {relation} E[x²] of the clean images, {self.energy:.4f}"
        else:
            text += f"; its MSE is {self.mse:.4f}, that of black {self.energy:.4f}"
        if self.saturated > 0.9:
            text += f", and {self.saturated:.1%} of its sigmoids are saturated"
        return text


def diagnose(
    clean: np.ndarray,
    noisy: np.ndarray,
    reconstruction: np.ndarray,
    mean_image: np.ndarray,
    sigmoid: bool,
    gradient_norm: float = float("nan"),
) -> Collapse:
    """Diagnose whether, and how, a model has collapsed, from its outputs for some images.

    Args:
        clean, noisy, reconstruction: float32 (n, h, w, c); with fewer than two different clean images
            nothing can be said, and the label is ``unknown``.
        mean_image: the training images' mean, float32 (h, w, c).
        sigmoid: whether the outputs come from a sigmoid.
        gradient_norm: becomes part of the result.
    """
    variance = _variance(clean)
    ratio = _variance(reconstruction) / variance if variance > 0 else float("nan")
    saturated = np.mean(reconstruction * (1 - reconstruction) < MIN_SIGMOID_SLOPE) if sigmoid else np.nan
    label = "none" if variance > 0 else "unknown"
    if ratio < MIN_VARIANCE_RATIO:
        equal_rms = min(EQUAL_RMS, EQUAL_RMS_SHARE * _square(clean, 0) ** 0.5)
        label = _fixed_label(reconstruction.mean(axis=0, dtype=np.float64), mean_image, equal_rms**2)
    elif _square(reconstruction, noisy) < MIN_VARIANCE_RATIO * _square(noisy, clean):
        label = "identity"
    return Collapse(
        label=label,
        variance_ratio=float(ratio),
        saturated=float(saturated),
        gradient_norm=gradient_norm,
        mse=_square(reconstruction, clean),
        energy=_square(clean, 0),
    )


def _fixed_label(picture: np.ndarray, mean_image: np.ndarray, equal_mse: float) -> str:
    """The label of a fixed output (h, w, c); mean squared differences below ``equal_mse`` count as none."""
    if _square(picture, 0) < equal_mse:
        return "black"
    if _square(picture, 1) < equal_mse:
        return "white"
    if _contrast(picture) < equal_mse:
        return "constant"
    if _square(picture, mean_image) < MEAN_IMAGE_SHARE**2 * _contrast(mean_image):
        return "mean_image"
    return "fixed_image"


def _square(picture: np.ndarray, other: np.ndarray | int) -> float:
    """Mean squared difference."""
    return float(np.mean(np.square(picture - other), dtype=np.float64))


def _contrast(picture: np.ndarray) -> float:
    """Variance over the pixels of one picture (h, w, c), around each channel's mean."""
    return _square(picture, picture.mean(axis=(0, 1)))


def _variance(images: np.ndarray) -> float:
    """Variance between images (n, h, w, c), averaged over pixels."""
    return float(np.mean(images.var(axis=0, dtype=np.float64)))
