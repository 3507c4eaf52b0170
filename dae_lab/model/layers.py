"""Makes Keras layers whose first weights, and every later draw, descend from the run's seed."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import keras

from dae_lab.config.layers import Finish
from dae_lab.model.fast_layers import FastConv2D, FastConv2DTranspose, FastDense, FastLeakyReLU
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

    def crop(self, x: Tensor, rows: tuple[int, int], columns: tuple[int, int], **more: Any) -> Tensor:
        """``x`` (n, h, w, c) less ``rows`` at the top and bottom, ``columns`` at the left and right."""
        if not any((*rows, *columns)):
            return x
        return keras.layers.Cropping2D((rows, columns), **{"dtype": self.dtype, **more})(x)

    def _common(self, more: dict[str, Any]) -> dict[str, Any]:
        init = keras.initializers.GlorotUniform(seed=self.next_seed("init"))
        return {"dtype": self.dtype, "kernel_initializer": init, **more}

    def finish(self, x: Tensor, finish: Finish) -> Tensor:
        """What follows a layer: batch normalisation, activation and dropout, as ``finish`` says."""
        if finish.batch_norm == "before_activation":
            x = keras.layers.BatchNormalization(dtype=self.dtype)(x)
        x = self.activation(finish)(x)
        if finish.batch_norm == "after_activation":
            x = keras.layers.BatchNormalization(dtype=self.dtype)(x)
        if finish.dropout > 0:
            x = keras.layers.Dropout(finish.dropout, seed=self.next_seed("dropout"), dtype=self.dtype)(x)
        return x

    def activation(self, finish: Finish) -> Callable[[Tensor], Tensor]:
        """The activation layer ``finish`` names."""
        if finish.activation == "leaky_relu":
            return FastLeakyReLU(negative_slope=finish.slope, dtype=self.dtype)
        return keras.layers.Activation(finish.activation, dtype=self.dtype)

    def residual_block(self, x: Tensor, filters: int, kernel: int, stride: int, finish: Finish) -> Tensor:
        """Two convolutions beside a short cut, which a 1×1 convolution adapts where shapes differ."""
        shortcut = x
        if stride != 1 or x.shape[-1] != filters:
            shortcut = self.conv(filters, 1, stride)(x)
        y = self.finish(self.conv(filters, kernel, stride)(x), finish)
        y = self.conv(filters, kernel)(y)
        return self.finish(keras.layers.Add(dtype=self.dtype)([y, shortcut]), finish)
