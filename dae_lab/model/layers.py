"""Makes Keras layers whose first weights, and every later draw, descend from the run's seed."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import keras

from dae_lab.model.fast_layers import FastConv2D, FastConv2DTranspose, FastDense, FastLeakyReLU
from dae_lab.model.layer_options import LayerOptions
from dae_lab.seeds import derive

Tensor = Any
"""A Keras tensor, symbolic or not."""


class Layers:
    """A factory of layers for one part of a model.

    Args:
        seed: the run's seed.
        part: ``encoder``, ``latent`` or ``decoder``; its n-th layer with weights takes the sub-seed
            ``init/<part>/n``, so that a deeper encoder leaves the decoder's first weights as they are.
        dtype: the layers' dtype policy, ``float32`` or ``mixed_bfloat16``.
        loss_divisor: by how many values the loss divides an image's error (1 for a sum), so that a
            penalty defined for the sum over an image keeps its weight beside a mean.
    """

    def __init__(self, seed: int, part: str, dtype: str, loss_divisor: int) -> None:
        self.seed, self.part, self.dtype, self.loss_divisor = seed, part, dtype, loss_divisor
        self._given: Counter[str] = Counter()

    def next_seed(self, kind: str) -> int:
        """A sub-seed no other layer of the model has; switching one kind on does not shift another."""
        self._given[kind] += 1
        return derive(self.seed, kind, self.part, self._given[kind] - 1)

    def conv(self, filters: int, kernel: int, stride: int = 1, padding: str = "same", **more: Any) -> Any:
        """A convolution with Glorot-uniform weights (Glorot & Bengio 2010), Keras's default."""
        return FastConv2D(filters, kernel, stride, padding, **self._common(more))

    def conv_transpose(self, filters: int, kernel: int, stride: int, padding: str, **more: Any) -> Any:
        """A transposed convolution with Glorot-uniform weights."""
        return FastConv2DTranspose(filters, kernel, stride, padding, **self._common(more))

    def dense(self, units: int, **more: Any) -> Any:
        """A dense layer with Glorot-uniform weights."""
        return FastDense(units, **self._common(more))

    def pool(self, kind: str, size: int, stride: int) -> Any:
        """A pooling layer, ``kind`` ``max`` or ``average``, with padding ``same``."""
        pooling = keras.layers.MaxPooling2D if kind == "max" else keras.layers.AveragePooling2D
        return pooling(size, stride, "same", dtype=self.dtype)

    def flatten(self, x: Tensor) -> Tensor:
        """(n, …) → (n, values)."""
        return keras.layers.Flatten(dtype=self.dtype)(x)

    def reshape(self, x: Tensor, shape: tuple[int, ...], dtype: str | None = None) -> Tensor:
        """(n, values) → (n, *shape)."""
        return keras.layers.Reshape(shape, dtype=dtype or self.dtype)(x)

    def activate(self, x: Tensor, activation: str, dtype: str | None = None) -> Tensor:
        """``x`` under an activation that Keras knows by name."""
        return keras.layers.Activation(activation, dtype=dtype or self.dtype)(x)

    def concatenate(self, parts: list[Tensor]) -> Tensor:
        """Features (n, h, w, …) joined along their channels."""
        return keras.layers.Concatenate(dtype=self.dtype)(parts)

    def upsample(self, x: Tensor, factor: int, interpolation: str) -> Tensor:
        """(n, h, w, c) → (n, factor·h, factor·w, c)."""
        return keras.layers.UpSampling2D(factor, interpolation=interpolation, dtype=self.dtype)(x)

    def crop(self, x: Tensor, rows: tuple[int, int], columns: tuple[int, int], **more: Any) -> Tensor:
        """``x`` (n, h, w, c) less ``rows`` at the top and bottom, ``columns`` at the left and right."""
        if not any((*rows, *columns)):
            return x
        return keras.layers.Cropping2D((rows, columns), **{"dtype": self.dtype, **more})(x)

    def _common(self, more: dict[str, Any]) -> dict[str, Any]:
        init = keras.initializers.GlorotUniform(seed=self.next_seed("init"))
        return {"dtype": self.dtype, "kernel_initializer": init, **more}

    def finish(self, x: Tensor, options: LayerOptions) -> Tensor:
        """What follows a layer: batch normalisation, activation and dropout, as ``options`` say."""
        if options.batch_norm == "before_activation":
            x = keras.layers.BatchNormalization(dtype=self.dtype)(x)
        x = self.activation(options)(x)
        if options.batch_norm == "after_activation":
            x = keras.layers.BatchNormalization(dtype=self.dtype)(x)
        if options.dropout > 0:
            x = keras.layers.Dropout(options.dropout, seed=self.next_seed("dropout"), dtype=self.dtype)(x)
        return x

    def activation(self, options: LayerOptions) -> Callable[[Tensor], Tensor]:
        """The activation layer ``options`` name."""
        if options.activation == "leaky_relu":
            return FastLeakyReLU(negative_slope=options.slope, dtype=self.dtype)
        return keras.layers.Activation(options.activation, dtype=self.dtype)

    def residual_block(
        self, x: Tensor, filters: int, kernel: int, stride: int, options: LayerOptions
    ) -> Tensor:
        """Two convolutions beside a short cut, which a 1×1 convolution adapts where shapes differ."""
        shortcut = x
        if stride != 1 or x.shape[-1] != filters:
            shortcut = self.conv(filters, 1, stride)(x)
        y = self.finish(self.conv(filters, kernel, stride)(x), options)
        y = self.conv(filters, kernel)(y)
        return self.finish(keras.layers.Add(dtype=self.dtype)([y, shortcut]), options)
