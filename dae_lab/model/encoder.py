"""Encoders: from a noisy image to features. Each class is its schema plus ``build``."""

import keras

from dae_lab.config import encoder as schema
from dae_lab.model.layers import Layers, Tensor


class Conv(schema.Conv):
    """Convolutions, each with its activation and, where asked, a pooling."""

    def build(self, image: Tensor, make: Layers) -> list[Tensor]:
        """The features after each layer, ``image`` first: float (n, h, w, c) each."""
        features = [image]
        lists = (self.spread(name) for name in ("kernel_sizes", "strides", "pool_sizes", "pool_strides"))
        for filters, kernel, stride, size, step in zip(self.filters, *lists, strict=True):
            x = make.conv(filters, kernel, stride, self.padding)(features[-1])
            features.append(make.finish(x, self))
            if size > 1:
                pooling = keras.layers.MaxPooling2D if self.pool == "max" else keras.layers.AveragePooling2D
                features.append(pooling(size, step, "same", dtype=make.dtype)(features[-1]))
        return features


class Residual(schema.Residual):
    """Stages of residual blocks."""

    def build(self, image: Tensor, make: Layers) -> list[Tensor]:
        """The features after each stage, ``image`` first."""
        features = [image]
        lists = (self.spread("kernel_sizes"), self.spread("strides"))
        for filters, kernel, stride in zip(self.filters, *lists, strict=True):
            x = features[-1]
            for block in range(self.blocks):
                x = make.residual_block(x, filters, kernel, stride if block == 0 else 1, self)
            features.append(x)
        return features


class Mlp(schema.Mlp):
    """Dense layers on the flattened image."""

    def build(self, image: Tensor, make: Layers) -> list[Tensor]:
        """The image, then the features (n, units) after each layer."""
        features = [image]
        x = keras.layers.Flatten(dtype=make.dtype)(image)
        for units in self.units:
            x = make.finish(make.dense(units)(x), self)
            features.append(x)
        return features
