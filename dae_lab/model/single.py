"""Convolutions that end in a single channel, as the output of grey images is: three times as fast as Keras's.

The kernels of oneDNN compute 16 channels at a time, so of one channel most of what they do is thrown away.
"""

from typing import Any

import keras
import tensorflow as tf


@tf.custom_gradient
def single_channel(images: Any, kernel: Any) -> Any:
    """A convolution of step 1 with zeros around the edges, as ``tf.nn.conv2d(…, padding="SAME")``.

    One matrix product gives what every pixel adds to each of its k² neighbours; these maps are shifted and
    added. The gradients are convolutions that *begin* in a single channel, which are fast as they are.

    Args:
        images: float32 or bfloat16 (n, h, w, c), h and w known.
        kernel: float32 (k, k, c, 1), k odd.

    Returns:
        float32 (n, h, w, 1).
    """
    side, _, channels, _ = kernel.shape
    height, width, reach = images.shape[1], images.shape[2], side // 2
    weights = tf.cast(kernel, images.dtype)
    maps = tf.matmul(
        tf.reshape(weights, (-1, channels)), tf.reshape(images, (-1, channels)), transpose_b=True
    )
    shifts = [(row, column) for row in range(side) for column in range(side)]
    around = [[0, 0], [reach, reach], [reach, reach]]
    parts = [
        tf.pad(tf.cast(part, tf.float32), around)[:, row : row + height, column : column + width]
        for part, (row, column) in zip(
            tf.unstack(tf.reshape(maps, (side**2, -1, height, width))), shifts, strict=True
        )
    ]

    def gradients(upstream: Any) -> tuple[Any, Any]:
        back = tf.cast(upstream, images.dtype)
        by_images = tf.nn.conv2d(back, _turned(weights), 1, "SAME")
        by_kernel = tf.raw_ops.Conv2DBackpropFilter(
            input=back, filter_sizes=(side, side, 1, channels), out_backprop=images,
            strides=[1, 1, 1, 1], padding="SAME",
        )  # fmt: skip
        return by_images, tf.cast(_turned(by_kernel), kernel.dtype)

    return tf.add_n(parts)[..., None], gradients


def _turned(kernel: Any) -> Any:
    """(k, k, a, b) → (k, k, b, a), by half a turn: a convolution's kernel from its transposed one's."""
    return tf.transpose(kernel[::-1, ::-1], (0, 1, 3, 2))


def quicken(layer: keras.layers.Layer) -> keras.layers.Layer:
    """Have ``layer``, a Conv2D or Conv2DTranspose in float32, compute as ``single_channel``, where it may.

    It stays Keras's own layer, and is saved and loaded as one. What comes in bfloat16 is multiplied so.
    """
    sides, alike = layer.kernel_size, layer.padding == "same" and layer.compute_dtype == "float32"
    if layer.filters == 1 and set(layer.strides) == {1} and sides[0] % 2 and alike:
        layer.autocast = False
        transposed = isinstance(layer, keras.layers.Conv2DTranspose)

        def call(inputs: Any) -> Any:
            kernel = layer.kernel.value
            values = single_channel(inputs, _turned(kernel) if transposed else kernel)
            return values + layer.bias.value

        layer.call = call
    return layer
