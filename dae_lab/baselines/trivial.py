"""Answers that do not depend on the noisy image: the best that a collapsed network can give."""

import numpy as np

from dae_lab.pixels import blocks, to_float


def mean_image(images: np.ndarray) -> np.ndarray:
    """The mean of images (m, h, w, c), uint8, or float32 in [0, 1]: float32 (h, w, c).

    Of all answers that are the same for every image, the one with the least MSE. Added up in float64,
    block by block, so that no float copy of all images is made.
    """
    total = np.zeros(images.shape[1:], np.float64)
    for block in blocks(images.shape):
        total += to_float(images[block]).sum(axis=0, dtype=np.float64)
    return (total / len(images)).astype(np.float32)


def constant(images: np.ndarray) -> np.ndarray:
    """The mean pixel of ``images`` in every place, each channel by itself: float32 (h, w, c).

    Of all images of one colour, the one with the least MSE.
    """
    pixel = mean_image(images).mean(axis=(0, 1), dtype=np.float64)
    return np.full(images.shape[1:], pixel, np.float32)


def black(images: np.ndarray) -> np.ndarray:
    """Zeros of the shape of one of ``images``: float32 (h, w, c). Its MSE is the images' energy E[x²]."""
    return np.zeros(images.shape[1:], np.float32)
