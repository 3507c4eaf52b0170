"""What costs no training: reconstructions a network must beat on the same noisy images."""

import numpy as np

from dae_lab.pixels import to_float

_BLOCK = 1000


def reconstructions(train_images: np.ndarray, noisy: np.ndarray) -> dict[str, np.ndarray]:
    """The trivial answers to the noisy images.

    Args:
        train_images: (m, h, w, c), uint8, or float32 in [0, 1]; m ≥ 1.
        noisy: float32 (n, h, w, c).

    Returns:
        float32 (n, h, w, c) by name. ``noisy``: the images as they are. ``mean_image``: the training
        images' mean for every input, what a collapsed network gives at best; a read-only view of one image.
    """
    return {"noisy": noisy, "mean_image": np.broadcast_to(mean_image(train_images), noisy.shape)}


def mean_image(images: np.ndarray) -> np.ndarray:
    """The mean of images (m, h, w, c), uint8, or float32 in [0, 1]: float32 (h, w, c).

    Added up in float64, block by block, so that no float copy of all images is made.
    """
    total = np.zeros(images.shape[1:], np.float64)
    for start in range(0, len(images), _BLOCK):
        total += to_float(images[start : start + _BLOCK]).sum(axis=0, dtype=np.float64)
    return (total / len(images)).astype(np.float32)
