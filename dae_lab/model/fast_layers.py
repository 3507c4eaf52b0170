"""Keras's layers, computed on a CPU the quickest way known: the same numbers but for rounding, sooner.

In bfloat16 one of Keras's numbers is wrong, the gradient by a bias: see ``_sums_in_float32``.
"""

from math import prod
from typing import Any

import keras
import tensorflow as tf

from dae_lab.model.convolution import (
    COARSE_ROWS,
    coarse_convolution,
    round_to_bfloat16,
    single_channel,
    turn,
    widened_convolution,
)
from dae_lab.provenance import computes_bfloat16, onednn

serializable = keras.saving.register_keras_serializable("dae_lab")


class _FastConvolution(keras.layers.Layer):
    """A convolution of Keras's that computes on a CPU the quickest way that is known, with Keras's numbers.

    One filter in float32: ``single_channel``, also of images in bfloat16. To or from a coarse map, in
    bfloat16: ``coarse_convolution``. In bfloat16 where the processor has none: ``widened_convolution``. A
    transposed convolution of stride 1: as the convolution that it is, into which TensorFlow takes the bias
    and what follows; into a transposed one it does not. Where a map has fewer pixels than the kernel joins
    pairs of channels, to turn the kernel costs more than that saves. Other convolutions only sum the bias's
    gradient in float32, see ``_sums_in_float32``; where there is a GPU, all compute as Keras does.
    """

    transposed: bool

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        if self._is_single and not _has_gpu():
            self.autocast = False  # images in bfloat16 are to be multiplied so

    @property
    def _is_single(self) -> bool:
        """Whether ``single_channel`` computes this layer."""
        return (
            _is_plain(self) and self.filters == 1 and self.strides[0] == 1 and self.compute_dtype == "float32"
        )

    def call(self, inputs: Any) -> Any:
        """Maps (n, h, w, c) → (n, h', w', filters)."""
        if not _is_plain(self) or _has_gpu():
            return self._keras_call(inputs)
        kernel, bias, stride = self.kernel.value, self.bias.value, self.strides[0]
        transposed, native, half = self.transposed, computes_bfloat16(), self.compute_dtype == "bfloat16"
        if self._is_single:
            if inputs.dtype == tf.bfloat16 and not native:
                inputs, kernel = tf.cast(inputs, tf.float32), round_to_bfloat16(kernel)
            return single_channel(inputs, turn(kernel) if transposed else kernel) + bias
        if half and not native:
            return widened_convolution(inputs, kernel, bias, stride, transposed)
        if half and self.kernel_size[0] >= stride and _coarse_rows(inputs, stride, transposed) <= COARSE_ROWS:
            return coarse_convolution(inputs, kernel, bias, stride, transposed)
        turned = transposed and stride == 1 and prod(kernel.shape[2:]) <= prod(inputs.shape[1:3])
        if not turned and (transposed or not half):
            return self._keras_call(inputs)
        maps = tf.nn.conv2d(inputs, turn(kernel) if turned else kernel, stride, "SAME")
        # oneDNN takes the gradient by the bias, in a graph, together with that by the kernel, in float32
        fused = not half or (onednn() and not tf.executing_eagerly())
        return tf.nn.bias_add(maps, bias) if fused else maps + bias

    def _keras_call(self, inputs: Any) -> Any:
        """As Keras computes, but for ``_sums_in_float32``."""
        return self._convolve(inputs) + self.bias.value if _sums_in_float32(self) else super().call(inputs)


@serializable
class FastConv2D(_FastConvolution, keras.layers.Conv2D):
    """``keras.layers.Conv2D``, computed sooner, see ``_FastConvolution``."""

    transposed = False

    def _convolve(self, inputs: Any) -> Any:
        return self.convolution_op(inputs, self.kernel.value)


@serializable
class FastConv2DTranspose(_FastConvolution, keras.layers.Conv2DTranspose):
    """``keras.layers.Conv2DTranspose``, computed sooner, see ``_FastConvolution``."""

    transposed = True

    def _convolve(self, inputs: Any) -> Any:
        names = ("strides", "padding", "output_padding", "data_format", "dilation_rate")
        options = {name: getattr(self, name) for name in names}
        return keras.ops.conv_transpose(inputs, self.kernel.value, **options)


@serializable
class FastDense(keras.layers.Dense):
    """``keras.layers.Dense`` with the bias's gradient summed in float32, see ``_sums_in_float32``."""

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """(…, n) → (…, units)."""
        if not _sums_in_float32(self):
            return super().call(inputs, training)
        return tf.matmul(inputs, self.kernel.value) + self.bias.value


@serializable
class FastLeakyReLU(keras.layers.LeakyReLU):
    """``keras.layers.LeakyReLU`` that computes its gradient from its output, whose sign is that of its input.

    So nothing else needs what a convolution before it gives, and TensorFlow computes both in one pass.
    """

    def call(self, inputs: Any) -> Any:
        """Any shape, unchanged."""
        if _has_gpu():
            return super().call(inputs)
        slope = self.negative_slope

        @tf.custom_gradient
        def leaky_relu(inputs: Any) -> Any:
            outputs = tf.nn.leaky_relu(inputs, slope)

            def gradient(upstream: Any) -> Any:
                return tf.raw_ops.LeakyReluGrad(gradients=upstream, features=outputs, alpha=slope)

            return outputs, gradient

        return leaky_relu(inputs)


_KERAS = {
    FastConv2D: keras.layers.Conv2D,
    FastConv2DTranspose: keras.layers.Conv2DTranspose,
    FastDense: keras.layers.Dense,
    FastLeakyReLU: keras.layers.LeakyReLU,
}
"""Each fast layer, and the layer of Keras's that has the same weights and config."""


def copy_with_keras_layers(model: keras.Model) -> keras.Model:
    """A copy of ``model`` with equal weights and Keras's own layers: its file loads without dae_lab."""

    def copy(layer: keras.layers.Layer) -> keras.layers.Layer:
        return _KERAS.get(type(layer), type(layer)).from_config(layer.get_config())

    copied: keras.Model = keras.models.clone_model(model, clone_function=copy, recursive=True)
    copied.set_weights(model.get_weights())
    return copied


def _sums_in_float32(layer: keras.layers.Layer) -> bool:
    """Whether ``layer``, dense or a convolution, is to add its bias with a plain ``+``.

    Keras takes ``tf.nn.bias_add``, whose gradient on a CPU is added up in bfloat16. That stalls: of 25,088
    numbers between 0 and 1, 12,544 together, two threads make 512. The gradient of a plain ``+`` is right.
    """
    linear = layer.activation is keras.activations.linear
    return layer.compute_dtype == "bfloat16" and layer.use_bias and linear and not _has_gpu()


def _has_gpu() -> bool:
    return bool(tf.config.list_physical_devices("GPU"))


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
