"""Convolutions computed another way than TensorFlow's: the same numbers but for rounding, sooner.

Measured in CPU time, forward and gradients together, on the layers of articles A and B: a single channel at
the end takes 0.45 to 0.77 of Keras's time (experiments/speed).
"""

from typing import Any

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
        by_images = tf.nn.conv2d(back, turn(weights), 1, "SAME")
        by_kernel = tf.raw_ops.Conv2DBackpropFilter(
            input=back, filter_sizes=(side, side, 1, channels), out_backprop=images,
            strides=[1, 1, 1, 1], padding="SAME",
        )  # fmt: skip
        return by_images, tf.cast(turn(by_kernel), kernel.dtype)

    return tf.add_n(parts)[..., None], gradients


def turn(kernel: Any) -> Any:
    """(k, k, a, b) → (k, k, b, a), by half a turn: a convolution's kernel from its transposed one's."""
    return tf.transpose(kernel[::-1, ::-1], (0, 1, 3, 2))


COARSE_ROWS = 7
"""Rows of a map that is coarse: on finer ones ``_kernel_gradient`` is no quicker than TensorFlow's own."""


def coarse_convolution(images: Any, kernel: Any, bias: Any, stride: int, transposed: bool) -> Any:
    """A convolution to, or a transposed one from, a coarse map, with TensorFlow's own numbers.

    Only the gradients by the kernel and the bias differ, see ``_kernel_gradient`` and ``fast_layers``.

    Args:
        images: bfloat16 (n, h, w, c), h and w known.
        kernel: bfloat16 (k, k, c, filters), of a transposed one (k, k, filters, c); k is odd, and no smaller
            than the stride.
        bias: bfloat16 (filters,).

    Returns:
        bfloat16 (n, ⌈h ÷ stride⌉, ⌈w ÷ stride⌉, filters); transposed (n, h · stride, w · stride, filters).
    """
    how: dict[str, Any] = {"strides": [1, stride, stride, 1], "padding": "SAME"}

    @tf.custom_gradient
    def convolved(images: Any, kernel: Any, bias: Any) -> Any:
        def transpose(maps: Any, shape: Any) -> Any:
            return tf.raw_ops.Conv2DBackpropInput(input_sizes=shape, filter=kernel, out_backprop=maps, **how)

        def gradients(upstream: Any) -> tuple[Any, Any, Any]:
            by_bias = tf.reduce_sum(upstream, (0, 1, 2))  # in float32, see ``dae_lab.model.fast_layers``
            if transposed:
                by_images = tf.nn.conv2d(upstream, kernel, stride, "SAME")
                return by_images, _kernel_gradient(upstream, images, kernel.shape[0], stride), by_bias
            by_images = transpose(upstream, tf.shape(images))
            return by_images, _kernel_gradient(images, upstream, kernel.shape[0], stride), by_bias

        if not transposed:
            return tf.nn.bias_add(tf.nn.conv2d(images, kernel, stride, "SAME"), bias), gradients
        count, (height, width) = tf.shape(images)[0], images.shape[1:3]
        shape = tf.stack([count, height * stride, width * stride, kernel.shape[2]])
        return tf.nn.bias_add(transpose(images, shape), bias), gradients

    return convolved(images, kernel, bias)


def _kernel_gradient(fine: Any, coarse: Any, side: int, stride: int) -> Any:
    """The gradient of a convolution from maps ``fine`` to maps ``coarse`` by its kernel.

    It is a convolution, too: images and channels change places, and the coarse maps are the kernel. In
    bfloat16 that takes half to four fifths of the time of TensorFlow's own, which stays at two fifths of
    what a product of matrices reaches (experiments/speed).

    Args:
        fine: bfloat16 (n, h, w, c).
        coarse: the upstream gradient, bfloat16 (n, ⌈h ÷ stride⌉, ⌈w ÷ stride⌉, d).

    Returns:
        bfloat16 (side, side, c, d).
    """
    around = [
        (few - 1) * stride + side - many for few, many in zip(coarse.shape[1:3], fine.shape[1:3], strict=True)
    ]
    found = tf.nn.conv2d(
        tf.transpose(fine, (3, 1, 2, 0)),
        tf.transpose(coarse, (1, 2, 0, 3)),
        1,
        [[0, 0], *([least // 2, least - least // 2] for least in around), [0, 0]],
        dilations=stride,
    )
    channels, filters = fine.shape[-1], coarse.shape[-1]
    taps = tf.unstack(tf.reshape(found, (channels, side**2, filters)), axis=1)
    return tf.reshape(tf.stack(taps), (side, side, channels, filters))  # sooner done than a transposition


def widened_convolution(images: Any, kernel: Any, bias: Any, stride: int, transposed: bool) -> Any:
    """A convolution of bfloat16 numbers on a processor that does not multiply them: in float32, then rounded.

    Kernels for bfloat16 do as much, they too add up in float32; TensorFlow's substitute for them, where there
    are none, takes ten times as long (experiments/speed). Arguments and result as of ``coarse_convolution``,
    for maps of any size.
    """
    images, kernel, bias = (tf.cast(item, tf.float32) for item in (images, kernel, bias))
    if transposed:
        height, width = images.shape[1:3]
        shape = tf.stack([tf.shape(images)[0], height * stride, width * stride, kernel.shape[2]])
        values = tf.nn.conv2d_transpose(images, kernel, shape, stride, "SAME")
    else:
        values = tf.nn.conv2d(images, kernel, stride, "SAME")
    return tf.cast(tf.nn.bias_add(values, bias), tf.bfloat16)


def round_to_bfloat16(values: Any) -> Any:
    """``values`` rounded to numbers of bfloat16, as float32."""
    return tf.cast(tf.cast(values, tf.bfloat16), tf.float32)
