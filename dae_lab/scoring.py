"""Metrics of images: the formulas of ``dae_lab.metrics`` applied to batches, and to arrays of any length."""

from collections.abc import Callable
from functools import cache, partial

import numpy as np
import tensorflow as tf

from dae_lab.metrics import Metric, image_metrics
from dae_lab.pixels import blocks, to_float


def score_batch(clean, reconstruction) -> dict[str, tf.Tensor]:
    """All metrics of each image of a batch, eagerly or inside a graph.

    Args:
        clean, reconstruction: float32 (n, h, w, c).

    Returns:
        float32 (n,) by the metric's name.
    """
    return _score(image_metrics(), tf.convert_to_tensor(clean), tf.convert_to_tensor(reconstruction))


def _score(metrics: tuple[Metric, ...], clean: tf.Tensor, reconstruction: tf.Tensor) -> dict[str, tf.Tensor]:
    return {metric.name: metric.per_image(clean, reconstruction) for metric in metrics if metric.per_image}


def score_images(clean: np.ndarray, reconstruction: np.ndarray) -> dict[str, np.ndarray]:
    """All metrics of each image, computed block by block.

    Args:
        clean: (n, h, w, c), n ≥ 1, uint8, or float32 in [0, 1].
        reconstruction: float32 (n, h, w, c).

    Returns:
        float32 (n,) by the metric's name.
    """
    graph = _graph(image_metrics(), clean.shape[1:])
    rows = [graph(to_float(clean[block]), reconstruction[block]) for block in blocks(clean.shape)]
    return {name: np.concatenate([row[name].numpy() for row in rows]) for name in rows[0]}


@cache
def _graph(metrics: tuple[Metric, ...], shape: tuple[int, ...]) -> Callable:
    """``_score`` for images (h, w, c), traced once: step by step it takes several times as long."""
    images = tf.TensorSpec((None, *shape), tf.float32)
    return tf.function(partial(_score, metrics), input_signature=(images, images), autograph=False)


def energy(images: np.ndarray) -> np.ndarray:
    """E[x²] of each image (n, h, w, c), uint8 or float32 in [0, 1]: float32 (n,).

    It is the MSE of a black reconstruction. The metric ``nmse`` divides by it, mean by mean, so that classes
    with dark images do not look easy.
    """
    squares = (np.square(to_float(images[block])) for block in blocks(images.shape))
    return np.concatenate([np.mean(square, axis=(1, 2, 3)) for square in squares])
