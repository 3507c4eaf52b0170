"""Encoders: from a noisy image to features."""

from typing import TYPE_CHECKING, ClassVar, Literal

from dae_lab.model.layer_options import ConvStack, LayerOptions
from dae_lab.parts.part import Part
from dae_lab.parts.schema import Channels, Side, option
from dae_lab.parts.shapes import Shape, ShapePath, convolved, need_room

if TYPE_CHECKING:
    from dae_lab.model.layers import Layers, Tensor


class Encoder(Part, group="encoder"):
    """The base of all encoders: the shapes an image goes through, and the layers."""

    def shape_path(self, shape: Shape) -> ShapePath:
        """The shapes of an image of ``shape`` (h, w, c) on its way through the layers, itself first.

        Raises:
            ConfigError: the layers do not fit the image.
        """
        raise NotImplementedError

    def build(self, image: "Tensor", make: "Layers") -> list["Tensor"]:
        """The image, float (n, h, w, c), and the features after each layer."""
        raise NotImplementedError


class Conv(ConvStack, Encoder):
    """Convolutions, each with its activation, and a pooling after it where ``pool_sizes`` is above 1.

    No filters at all (``[]``) hands the noisy image straight on.
    """

    pool: Literal["max", "average"] = option("kind of the pooling")
    pool_sizes: list[Side] = option("sides of the pooling after each convolution, in pixels; 1: none")
    pool_strides: list[Side] = option("steps of the pooling, in pixels")

    per_layer: ClassVar[tuple[str, ...]] = ("kernel_sizes", "strides", "pool_sizes", "pool_strides")

    def shape_path(self, shape: Shape) -> ShapePath:
        path: ShapePath = [("image", shape)]
        lists = map(self.broadcast, self.per_layer)
        for filters, kernel, stride, pool, pool_stride in zip(self.filters, *lists, strict=True):
            path.append(("conv", convolved(path[-1][1], filters, kernel, stride, self.padding)))
            need_room(path, "encoder")
            if pool > 1:
                path.append(("pool", convolved(path[-1][1], filters, pool, pool_stride, "same")))
        return path

    def build(self, image: "Tensor", make: "Layers") -> list["Tensor"]:
        features = [image]
        lists = map(self.broadcast, self.per_layer)
        for filters, kernel, stride, size, step in zip(self.filters, *lists, strict=True):
            x = make.conv(filters, kernel, stride, self.padding)(features[-1])
            features.append(make.finish(x, self))
            if size > 1:
                features.append(make.pool(self.pool, size, step)(features[-1]))
        return features


class Residual(ConvStack, Encoder):
    """Stages of residual blocks (He et al. 2016, arXiv:1512.03385), one stage a filter count."""

    padding: Literal["same"] = option("`same`, or else a block's two paths could not be added")
    blocks: int = option("residual blocks in each stage; the first of a stage carries its stride", ge=1)

    def shape_path(self, shape: Shape) -> ShapePath:
        path: ShapePath = [("image", shape)]
        for filters, stride in zip(self.filters, self.broadcast("strides"), strict=True):
            path.append(("residual stage", convolved(path[-1][1], filters, 1, stride, "same")))
        return path

    def build(self, image: "Tensor", make: "Layers") -> list["Tensor"]:
        features = [image]
        lists = map(self.broadcast, self.per_layer)
        for filters, kernel, stride in zip(self.filters, *lists, strict=True):
            x = features[-1]
            for block in range(self.blocks):
                x = make.residual_block(x, filters, kernel, stride if block == 0 else 1, self)
            features.append(x)
        return features


class Mlp(LayerOptions, Encoder):
    """Dense layers on the flattened image."""

    units: list[Channels] = option("values of each dense layer")

    def shape_path(self, shape: Shape) -> ShapePath:
        return [("image", shape), *(("dense", (units,)) for units in self.units)]

    def build(self, image: "Tensor", make: "Layers") -> list["Tensor"]:
        features = [image]
        x = make.flatten(image)
        for units in self.units:
            x = make.finish(make.dense(units)(x), self)
            features.append(x)
        return features
