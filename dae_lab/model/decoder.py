"""Decoders: from features back to an image, up to (not including) the output activation.

Each class is its schema plus ``build``, which returns float32 values (n, h, w, c), the *logits* under a
sigmoid output.
"""

from math import prod
from typing import Any

import keras

from dae_lab.config import decoder as schema
from dae_lab.config.shapes import Shape
from dae_lab.model.layers import Layers, Tensor


class _ConvDecoder(schema.ConvDecoder):
    """Hidden layers by list, then the output layer."""

    interpolation = "nearest"

    def build(self, x: Tensor, skips: list[Tensor], image: Shape, make: Layers) -> Tensor:
        """Features (n, h, w, c) → values (n, *image)."""
        *hidden, last = self.layer_sizes(image)
        lists = (self.spread("kernel_sizes"), self.spread("strides"))
        for filters, kernel, stride, size in zip(self.filters, *lists, hidden, strict=True):
            x = self.hidden(x, filters, kernel, stride, size, skips, make)
        output = self.output
        return self.grow(
            x, output.layer, image[-1], output.kernel_size, output.stride, last, make, dtype="float32"
        )

    def hidden(
        self,
        x: Tensor,
        filters: int,
        kernel: int,
        stride: int,
        size: Shape,
        skips: list[Tensor],
        make: Layers,
    ) -> Tensor:
        """One hidden layer with what follows it."""
        return make.finish(self.grow(x, self.layer, filters, kernel, stride, size, make), self)

    def grow(
        self,
        x: Tensor,
        layer: str,
        filters: int,
        kernel: int,
        stride: int,
        size: Shape,
        make: Layers,
        **more: Any,
    ) -> Tensor:
        """One ``conv``, ``conv_transpose`` or ``upsample_conv`` layer, cropped to ``size`` (h, w)."""
        if layer == "conv_transpose":
            x = make.conv_transpose(filters, kernel, stride, self.padding, **more)(x)
            excess = self.excess(x.shape[1:], size, stride)
            return make.crop(x, *(crop_margins(kernel, stride, side) for side in excess), **more)
        if layer == "upsample_conv":
            x, stride = self.upsample(x, stride, size, make), 1
        return make.conv(filters, kernel, stride, self.padding, **more)(x)

    def upsample(self, x: Tensor, factor: int, size: Shape, make: Layers) -> Tensor:
        """Sides ``factor`` times as long, cropped to ``size`` (h, w)."""
        if factor == 1:
            return x
        x = keras.layers.UpSampling2D(factor, interpolation=self.interpolation, dtype=make.dtype)(x)
        rows, columns = self.excess(x.shape[1:], size, factor)
        return make.crop(x, (0, rows), (0, columns))


def crop_margins(kernel: int, stride: int, excess: int) -> tuple[int, int]:
    """Rows to crop before and after the output of a transposed convolution with padding ``same``.

    What is left is the transpose of the convolution, with padding ``same`` too, of an image that is smaller
    by ``excess``: its output lies where the input of an encoder of the same kernel and stride lies.
    """
    before = max(kernel - stride + excess, 0) // 2 - max(kernel - stride, 0) // 2
    return before, excess - before


class ConvTranspose(schema.ConvTranspose, _ConvDecoder):
    """Transposed convolutions."""


class UpsampleConv(schema.UpsampleConv, _ConvDecoder):
    """Up-sampling, then a convolution."""


class Unet(schema.Unet, _ConvDecoder):
    """Up-sampling, then the encoder's features of that resolution joined on, then a convolution."""

    def hidden(
        self,
        x: Tensor,
        filters: int,
        kernel: int,
        stride: int,
        size: Shape,
        skips: list[Tensor],
        make: Layers,
    ) -> Tensor:
        """One level: up-sample, join, convolve."""
        x = self.upsample(x, stride, size, make)
        same = [skip for skip in skips if stride > 1 and skip.shape[1:3] == x.shape[1:3]]
        if same:
            x = keras.layers.Concatenate(dtype=make.dtype)([x, same[-1]])
        return make.finish(make.conv(filters, kernel, 1, self.padding)(x), self)


class Residual(schema.Residual, _ConvDecoder):
    """Up-sampling, then residual blocks."""

    def hidden(
        self,
        x: Tensor,
        filters: int,
        kernel: int,
        stride: int,
        size: Shape,
        skips: list[Tensor],
        make: Layers,
    ) -> Tensor:
        """One stage."""
        x = self.upsample(x, stride, size, make)
        for _ in range(self.blocks):
            x = make.residual_block(x, filters, kernel, 1, self)
        return x


class Mlp(schema.Mlp):
    """Dense layers on the flattened code."""

    def build(self, x: Tensor, skips: list[Tensor], image: Shape, make: Layers) -> Tensor:
        """Code or features → values (n, *image)."""
        x = keras.layers.Flatten(dtype=make.dtype)(x)
        for units in self.units:
            x = make.finish(make.dense(units)(x), self)
        x = make.dense(prod(image), dtype="float32")(x)
        return keras.layers.Reshape(image, dtype="float32")(x)
