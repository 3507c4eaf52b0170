"""How near a reconstruction is to the clean image: the same measures for every run, whatever it trained on.

All take float32 images (n, h, w, c) in [0, 1] and give one float32 an image; a reconstruction may
leave [0, 1] (linear outputs do), and is then measured as it is, except by the cross-entropy.
"""

from collections.abc import Callable
from functools import cache

import numpy as np
import tensorflow as tf

from dae_lab.errors import DataError
from dae_lab.pixels import blocks, to_float

SSIM_WINDOW = 7
_SSIM_C1, _SSIM_C2 = 0.01**2, 0.03**2  # (K1·L)², (K2·L)² of Wang et al. 2004 for the data range L = 1
_SMALLEST_MSE = 1e-10
_SMALLEST_PROBABILITY = 1e-7


def per_image(clean, reconstruction) -> dict[str, tf.Tensor]:
    """All metrics of each image.

    Args:
        clean, reconstruction: float32 (n, h, w, c).

    Returns:
        float32 (n,) by name: ``mse``, ``mae``; ``psnr`` in dB, at most 100; ``ssim`` in [-1, 1];
        ``bce`` in nats a pixel, and ``bce_excess``, by how much that is above ``bce_floor``.
    """
    clean, reconstruction = tf.convert_to_tensor(clean), tf.convert_to_tensor(reconstruction)
    return {name: metric(clean, reconstruction) for name, metric in METRICS.items()}


def table(clean: np.ndarray, reconstruction: np.ndarray) -> dict[str, np.ndarray]:
    """``per_image`` for arrays (n, h, w, c) of any length n ≥ 1, block by block.

    Args:
        clean: uint8, or float32 in [0, 1]. reconstruction: float32.
    """
    graph = _per_image_graph(clean.shape[1:])
    rows = [graph(to_float(clean[block]), reconstruction[block]) for block in blocks(clean.shape)]
    return {name: np.concatenate([row[name].numpy() for row in rows]) for name in METRICS}


@cache
def _per_image_graph(shape: tuple[int, ...]) -> Callable:
    """``per_image`` for images (h, w, c), traced once: step by step it takes several times as long."""
    images = tf.TensorSpec((None, *shape), tf.float32)
    return tf.function(per_image, input_signature=(images, images), autograph=False)


def energy(images: np.ndarray) -> np.ndarray:
    """E[x²] of each image (n, h, w, c), uint8 or float32 in [0, 1]: float32 (n,).

    The MSE of a black reconstruction. An MSE divided by it, mean by mean, is the *energy-normalised
    error* ``nmse``: 1 for black, whatever the class; dark classes no longer look easy.
    """
    squares = (np.square(to_float(images[block])) for block in blocks(images.shape))
    return np.concatenate([np.mean(square, axis=(1, 2, 3)) for square in squares])


def mse(clean, reconstruction) -> tf.Tensor:
    """Mean squared error of each image, float32 (n,)."""
    return _image_mean(tf.math.squared_difference(clean, reconstruction))


def mae(clean, reconstruction) -> tf.Tensor:
    """Mean absolute error of each image, float32 (n,)."""
    return _image_mean(tf.abs(clean - reconstruction))


def psnr(clean, reconstruction) -> tf.Tensor:
    """Peak signal-to-noise ratio of each image, 10·log₁₀(1/MSE) in dB, float32 (n,).

    The MSE is taken as at least 1e-10, so that equal images get 100 dB and not infinity.
    """
    error = tf.maximum(mse(clean, reconstruction), _SMALLEST_MSE)
    return (-10 / np.log(10)) * tf.math.log(error)


def ssim(clean, reconstruction, window: int = SSIM_WINDOW) -> tf.Tensor:
    """Structural similarity of each image, float32 (n,): the mean of ``ssim_map``."""
    return _image_mean(ssim_map(clean, reconstruction, window))


def ssim_map(clean, reconstruction, window: int = SSIM_WINDOW) -> tf.Tensor:
    """Structural similarity in every square window that lies inside the image.

    Uniform weights, sample covariance, K1 = 0.01, K2 = 0.03, data range 1: as scikit-image's
    ``structural_similarity`` by default. Source: Wang et al., "Image Quality Assessment", 2004.

    Args:
        clean, reconstruction: float32 (n, h, w, c), h and w known.
        window: odd; on images with a shorter side, the largest odd number that fits is taken.

    Returns:
        float32 (n, h - window + 1, w - window + 1, c).

    Raises:
        DataError: a side is shorter than 3 pixels, so no window has a variance.
    """
    window = _fitting(window, clean.shape[1:3])
    count = window * window
    # Variances do not change with the origin, and lose fewest digits of float32 to one amid the values.
    x_origin, y_origin = (
        tf.reduce_mean(image, axis=[1, 2], keepdims=True) for image in (clean, reconstruction)
    )
    x, y = clean - x_origin, reconstruction - y_origin
    moments = _box_mean(tf.concat([x, y, x * x + y * y, x * y], axis=-1), window)
    x, y, squares, products = tf.split(moments, 4, axis=-1)
    sample = count / (count - 1)
    variances = sample * (squares - x * x - y * y)
    covariance = sample * (products - x * y)
    x, y = x + x_origin, y + y_origin
    luminance = (2 * x * y + _SSIM_C1) / (x * x + y * y + _SSIM_C1)
    return luminance * (2 * covariance + _SSIM_C2) / (variances + _SSIM_C2)


def bce(clean, reconstruction) -> tf.Tensor:
    """Binary cross-entropy of each image in nats a pixel, float32 (n,)."""
    return _image_mean(bce_map(clean, reconstruction))


def bce_map(clean, probability) -> tf.Tensor:
    """Binary cross-entropy of every pixel in nats, each of the two probabilities cut to [1e-7, 1].

    Each by itself, since float32 has no number 1 - 1e-7: white errors would cost less than black ones.
    """
    white, black = (tf.clip_by_value(p, _SMALLEST_PROBABILITY, 1) for p in (probability, 1 - probability))
    return -(clean * tf.math.log(white) + (1 - clean) * tf.math.log(black))


def bce_excess(clean, reconstruction) -> tf.Tensor:
    """``bce`` above ``bce_floor``: the Kullback-Leibler divergence, in nats a pixel, float32 (n,)."""
    return bce(clean, reconstruction) - bce_floor(clean)


def bce_floor(clean) -> tf.Tensor:
    """The cross-entropy of a perfect reconstruction, in nats a pixel, float32 (n,).

    Not 0, because grey pixels have an entropy, -x·ln x - (1 - x)·ln(1 - x): about 0.058 on MNIST.
    """
    clean = tf.convert_to_tensor(clean)
    return -_image_mean(tf.math.xlogy(clean, clean) + tf.math.xlog1py(1 - clean, -clean))


METRICS: dict[str, Callable] = {
    "mse": mse,
    "mae": mae,
    "psnr": psnr,
    "ssim": ssim,
    "bce": bce,
    "bce_excess": bce_excess,
}


def _image_mean(values: tf.Tensor) -> tf.Tensor:
    return tf.reduce_mean(values, axis=range(1, values.shape.rank))


def _fitting(window: int, sides) -> int:
    """The largest odd window, at most ``window``, that fits into both sides."""
    shortest = min(sides)
    if shortest < 3:
        raise DataError(f"images of {sides[0]}x{sides[1]} pixels have no SSIM: each side needs at least 3")
    return min(window, shortest - 1 + shortest % 2)


def _box_mean(images: tf.Tensor, window: int) -> tf.Tensor:
    """Means over all window x window squares: rows first, then columns, which halves the time."""
    rows = tf.nn.avg_pool2d(images, (window, 1), 1, "VALID")
    return tf.nn.avg_pool2d(rows, (1, window), 1, "VALID")
