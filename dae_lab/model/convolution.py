"""Keras's convolutions, computed another way: the same numbers but for rounding, sooner.

In bfloat16 one of Keras's numbers is wrong, also of dense layers: see ``sum_in_float32``.

Measured in CPU time, forward and gradients together, on the layers of articles A and B: a single channel at
the end takes 0.45 to 0.77 of Keras's time (experiments/speed).
"""

from math import prod
from typing import Any

import keras
import tensorflow as tf

from dae_lab.provenance import computes_bfloat16, onednn


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


COARSE = 7
"""Rows of a map that is coarse: on finer ones ``_kernel_gradient`` is no quicker than TensorFlow's own."""


def coarse_convolution(images: Any, kernel: Any, bias: Any, stride: int, transposed: bool) -> Any:
    """A convolution to, or a transposed one from, a coarse map, with TensorFlow's own numbers.

    Only the gradients by the kernel and the bias differ, see ``_kernel_gradient`` and ``sum_in_float32``.

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
            by_bias = tf.reduce_sum(upstream, (0, 1, 2))  # in float32, see ``sum_in_float32``
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


def rounded(values: Any) -> Any:
    """The numbers of bfloat16, in float32."""
    return tf.cast(tf.cast(values, tf.bfloat16), tf.float32)


def quicken(layer: keras.layers.Layer) -> keras.layers.Layer:
    """Have ``layer``, a Conv2D or Conv2DTranspose, compute on a CPU the quickest way that is known.

    One filter in float32: ``single_channel``, also of images in bfloat16. To or from a coarse map, in
    bfloat16: ``coarse_convolution``. In bfloat16 where the processor has none: ``widened_convolution``. A
    transposed convolution of stride 1: as the convolution that it is, into which TensorFlow takes the bias
    and what follows; into a transposed one it does not. Where a map has fewer pixels than the kernel joins
    pairs of channels, to turn the kernel costs more than that saves. It stays Keras's own layer, and is saved
    and loaded as one. Others are only told to ``sum_in_float32``; where there is a GPU, all stay as they are.
    """
    keras_call, stride = sum_in_float32(layer).call, layer.strides[0]
    if not _is_plain(layer) or tf.config.list_physical_devices("GPU"):
        return layer
    transposed = isinstance(layer, keras.layers.Conv2DTranspose)
    single = layer.filters == 1 and stride == 1 and layer.compute_dtype == "float32"
    half, native = layer.compute_dtype == "bfloat16", computes_bfloat16()
    if single:
        layer.autocast = False  # images in bfloat16 are to be multiplied so

    def call(inputs: Any) -> Any:
        kernel, bias = layer.kernel.value, layer.bias.value
        if single:
            if inputs.dtype == tf.bfloat16 and not native:
                inputs, kernel = tf.cast(inputs, tf.float32), rounded(kernel)
            return single_channel(inputs, _turned(kernel) if transposed else kernel) + bias
        if half and not native:
            return widened_convolution(inputs, kernel, bias, stride, transposed)
        if half and layer.kernel_size[0] >= stride and _coarse_rows(inputs, stride, transposed) <= COARSE:
            return coarse_convolution(inputs, kernel, bias, stride, transposed)
        turned = transposed and stride == 1 and prod(kernel.shape[2:]) <= prod(inputs.shape[1:3])
        if not turned and (transposed or not half):
            return keras_call(inputs)
        maps = tf.nn.conv2d(inputs, _turned(kernel) if turned else kernel, stride, "SAME")
        # oneDNN takes the gradient by the bias, in a graph, together with that by the kernel, in float32
        fused = not half or (onednn() and not tf.executing_eagerly())
        return tf.nn.bias_add(maps, bias) if fused else maps + bias

    layer.call = call
    return layer


def sum_in_float32(layer: keras.layers.Layer) -> keras.layers.Layer:
    """Have ``layer``, a dense one or a convolution, in bfloat16 add up its gradient by the bias in float32.

    Keras takes ``tf.nn.bias_add``, whose gradient on a CPU is added up in bfloat16. That stalls: of 25,088
    numbers between 0 and 1, 12,544 together, two threads make 512. The gradient of a plain ``+`` is right.
    It stays Keras's own layer, as in ``quicken``; one with an activation, or without a bias, stays as it is.
    """
    linear = layer.activation is keras.activations.linear
    gpu = tf.config.list_physical_devices("GPU")
    if gpu or not (layer.compute_dtype == "bfloat16" and layer.use_bias and linear):
        return layer

    def dense(inputs: Any, training: bool | None = None) -> Any:  # as Keras's own takes both
        return tf.matmul(inputs, layer.kernel.value) + layer.bias.value

    def convolution(inputs: Any) -> Any:
        return layer.convolution_op(inputs, layer.kernel.value) + layer.bias.value

    def transposed(inputs: Any) -> Any:
        names = ("strides", "padding", "output_padding", "data_format", "dilation_rate")
        how = {name: getattr(layer, name) for name in names}
        return keras.ops.conv_transpose(inputs, layer.kernel.value, **how) + layer.bias.value

    own = {
        keras.layers.Dense: dense,
        keras.layers.Conv2D: convolution,
        keras.layers.Conv2DTranspose: transposed,
    }
    layer.call = own[type(layer)]
    return layer


def quicken_leaky(layer: keras.layers.LeakyReLU) -> keras.layers.LeakyReLU:
    """Have ``layer`` compute its gradient from what it gives, whose sign is that of what it is given.

    So nothing else needs what a convolution before it gives, and TensorFlow computes both in one pass. It
    stays Keras's own layer, as in ``quicken``.
    """
    if tf.config.list_physical_devices("GPU"):
        return layer

    @tf.custom_gradient
    def call(inputs: Any) -> Any:
        outputs = tf.nn.leaky_relu(inputs, layer.negative_slope)

        def gradient(upstream: Any) -> Any:
            return tf.raw_ops.LeakyReluGrad(gradients=upstream, features=outputs, alpha=layer.negative_slope)

        return outputs, gradient

    layer.call = call
    return layer


def _is_plain(layer: keras.layers.Layer) -> bool:
    """Whether ``layer`` is a square, odd convolution with a bias, without an activation."""
    alike = {len(set(layer.kernel_size)), len(set(layer.strides)), *layer.dilation_rate} == {1}
    plain = layer.use_bias and layer.activation is keras.activations.linear
    ungrouped = getattr(layer, "groups", 1) == 1
    return alike and plain and ungrouped and layer.padding == "same" and layer.kernel_size[0] % 2 == 1


def _coarse_rows(inputs: Any, stride: int, transposed: bool) -> int:
    """Rows or columns of the coarser of the two maps that a convolution lies between."""
    longest: int = max(inputs.shape[1:3])
    return longest if transposed else -(-longest // stride)
