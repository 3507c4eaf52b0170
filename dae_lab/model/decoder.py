"""Decoders: from features back to an image, up to (not including) the output activation."""

from math import prod
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from dae_lab.model.layer_options import ConvStack, LayerOptions
from dae_lab.parts.part import Part
from dae_lab.parts.schema import Channels, Schema, Side, option
from dae_lab.parts.shapes import Shape, ShapePath, convolved, excess, need_image, need_room, transposed

if TYPE_CHECKING:
    from dae_lab.model.layers import Layers, Tensor

OutputLayer = Literal["conv", "conv_transpose", "upsample_conv"]


class Output(Schema):
    """How the last layer makes an image."""

    activation: Literal["sigmoid", "linear"] = option(
        "`sigmoid` keeps pixels in (0, 1), `linear` leaves them free"
    )
    bias: Literal["zero", "data"] = option(
        "`zero`, or `data`: the training images' mean pixel (its logit, under a sigmoid), so that an "
        "untrained network starts from the mean grey instead of 0.5 or 0"
    )
    residual: bool = option(
        "predict what to add to the noisy image instead of the image (Zhang et al. 2017, arXiv:1608.03981); "
        "with a linear activation only"
    )


class DenseOutput(Output):
    """An output made by a dense layer as wide as the image."""


class ConvOutput(Output):
    """An output made by a last ``conv``, ``conv_transpose`` or ``upsample_conv`` layer."""

    layer: OutputLayer = option("kind of the last layer")
    kernel_size: Side = option("side of its square kernel, in pixels")
    stride: Side = option("its step, in pixels")


class Decoder(Part, group="decoder"):
    """The base of all decoders: an output, the shapes features go through, and the layers."""

    output: Output = option("how the last layer makes an image")

    def shape_path(self, shape: Shape, image: Shape) -> ShapePath:
        """The shapes on the way from features of ``shape`` to an image like ``image`` (h, w, c).

        Raises:
            ConfigError: the layers do not fit the features.
        """
        raise NotImplementedError

    def build(self, x: "Tensor", skips: list["Tensor"], image: Shape, make: "Layers") -> "Tensor":
        """Features → float32 values (n, *image), the *logits* under a sigmoid output.

        Args:
            x: the features, or the code.
            skips: the encoder's features before the last, where the decoder joins them on.
            image: (h, w, c).
            make: makes the layers.
        """
        raise NotImplementedError


class ConvDecoder(ConvStack, Decoder):
    """Hidden layers by list, then the output layer.

    The encoder rounds up a side that is no multiple of its strides. With ``padding: same`` a layer that
    enlarges is cropped to the size that the image has at that resolution: 27 → 14 → 7 in the encoder is
    7 → 14 → 28 → 27 in the decoder. What is up-sampled is cropped at the bottom and at the right; a
    transposed convolution so that it is the transpose of the convolution of that size.
    """

    output: ConvOutput = option("how the last layer makes an image")

    layer: ClassVar[str] = "conv_transpose"
    interpolation = "nearest"

    def shape_path(self, shape: Shape, image: Shape) -> ShapePath:
        need_image(shape, "decoder", "decoder=mlp")
        path: ShapePath = [("code", shape)]
        *hidden, last = self.layer_sizes(image)
        lists = (self.broadcast(name) for name in self.per_layer)
        for filters, kernel, stride, size in zip(self.filters, *lists, hidden, strict=True):
            enlarged = self.enlarged(self.layer, path[-1][1], filters, kernel, stride, size)
            path.append((self.layer, enlarged))
            need_room(path, "decoder")
        output = self.output
        final = self.enlarged(output.layer, path[-1][1], image[-1], output.kernel_size, output.stride, last)
        return [*path, ("output", final)]

    def layer_sizes(self, image: Shape) -> list[Shape]:
        """The size (h, w) that an ``image`` has after each hidden layer and after the output layer."""
        strides = [(self.layer, stride) for stride in self.broadcast("strides")]
        strides.append((self.output.layer, self.output.stride))
        sizes: list[Shape] = [image[:2]]
        for layer, stride in reversed(strides[1:]):  # a convolution with a stride shrinks
            before = (side * stride if layer == "conv" else -(-side // stride) for side in sizes[0])
            sizes.insert(0, tuple(before))
        return sizes

    def excess(self, shape: Shape, size: Shape, stride: int) -> tuple[int, int]:
        """Rows and columns by which a layer's ``shape`` (h, w, …) is cropped to have ``size`` (h, w)."""
        return excess(shape, size, stride) if self.padding == "same" else (0, 0)

    def enlarged(
        self, layer: str, shape: Shape, filters: int, kernel: int, stride: int, size: Shape
    ) -> Shape:
        """The shape after one layer of the kind ``layer`` that is cropped to ``size`` (h, w)."""
        if layer == "conv":
            return convolved(shape, filters, kernel, stride, self.padding)
        if layer == "conv_transpose":
            shape = transposed(shape, filters, kernel, stride, self.padding)
        else:
            shape = (shape[0] * stride, shape[1] * stride, shape[2])
        rows, columns = self.excess(shape, size, stride)
        shape = (shape[0] - rows, shape[1] - columns, shape[2])
        return shape if layer == "conv_transpose" else convolved(shape, filters, kernel, 1, self.padding)

    def build(self, x: "Tensor", skips: list["Tensor"], image: Shape, make: "Layers") -> "Tensor":
        """Features (n, h, w, c) → values (n, *image)."""
        *hidden, last = self.layer_sizes(image)
        lists = map(self.broadcast, self.per_layer)
        for filters, kernel, stride, size in zip(self.filters, *lists, hidden, strict=True):
            x = self.hidden(x, filters, kernel, stride, size, skips, make)
        output = self.output
        return self.grow(
            x, output.layer, image[-1], output.kernel_size, output.stride, last, make, dtype="float32"
        )

    def hidden(
        self,
        x: "Tensor",
        filters: int,
        kernel: int,
        stride: int,
        size: Shape,
        skips: list["Tensor"],
        make: "Layers",
    ) -> "Tensor":
        """One hidden layer with what follows it."""
        return make.finish(self.grow(x, self.layer, filters, kernel, stride, size, make), self)

    def grow(
        self,
        x: "Tensor",
        layer: str,
        filters: int,
        kernel: int,
        stride: int,
        size: Shape,
        make: "Layers",
        **more: Any,
    ) -> "Tensor":
        """One ``conv``, ``conv_transpose`` or ``upsample_conv`` layer, cropped to ``size`` (h, w)."""
        if layer == "conv_transpose":
            x = make.conv_transpose(filters, kernel, stride, self.padding, **more)(x)
            excess = self.excess(x.shape[1:], size, stride)
            return make.crop(x, *(crop_margins(kernel, stride, side) for side in excess), **more)
        if layer == "upsample_conv":
            x, stride = self.upsample(x, stride, size, make), 1
        return make.conv(filters, kernel, stride, self.padding, **more)(x)

    def upsample(self, x: "Tensor", factor: int, size: Shape, make: "Layers") -> "Tensor":
        """Sides ``factor`` times as long, cropped to ``size`` (h, w)."""
        if factor == 1:
            return x
        x = make.upsample(x, factor, self.interpolation)
        rows, columns = self.excess(x.shape[1:], size, factor)
        return make.crop(x, (0, rows), (0, columns))


def crop_margins(kernel: int, stride: int, excess: int) -> tuple[int, int]:
    """Rows to crop before and after the output of a transposed convolution with padding ``same``.

    What is left is the transpose of the convolution, with padding ``same`` too, of an image that is smaller
    by ``excess``: its output lies where the input of an encoder of the same kernel and stride lies.
    """
    before = max(kernel - stride + excess, 0) // 2 - max(kernel - stride, 0) // 2
    return before, excess - before


class ConvTranspose(ConvDecoder):
    """Transposed convolutions (articles A and B)."""


class UpsampleConv(ConvDecoder):
    """Up-sampling, then a convolution: no checkerboard (Odena et al. 2016, doi:10.23915/distill.00003)."""

    interpolation: Literal["nearest", "bilinear"] = option("how the image is enlarged")

    layer = "upsample_conv"


class Unet(UpsampleConv):
    """Up-sampling with skip connections: wherever a layer with a stride above 1 brings back a resolution
    that the encoder has seen, the encoder's last features of that resolution are joined on (Ronneberger
    et al. 2015, arXiv:1505.04597).
    """

    def hidden(
        self,
        x: "Tensor",
        filters: int,
        kernel: int,
        stride: int,
        size: Shape,
        skips: list["Tensor"],
        make: "Layers",
    ) -> "Tensor":
        """One level: up-sample, join, convolve."""
        x = self.upsample(x, stride, size, make)
        same = [skip for skip in skips if stride > 1 and skip.shape[1:3] == x.shape[1:3]]
        if same:
            x = make.concatenate([x, same[-1]])
        return make.finish(make.conv(filters, kernel, 1, self.padding)(x), self)


class Residual(UpsampleConv):
    """Stages of residual blocks, each after its up-sampling."""

    padding: Literal["same"] = option("`same`, or else a block's two paths could not be added")
    blocks: int = option("residual blocks in each stage", ge=1)

    def hidden(
        self,
        x: "Tensor",
        filters: int,
        kernel: int,
        stride: int,
        size: Shape,
        skips: list["Tensor"],
        make: "Layers",
    ) -> "Tensor":
        """One stage."""
        x = self.upsample(x, stride, size, make)
        for _ in range(self.blocks):
            x = make.residual_block(x, filters, kernel, 1, self)
        return x


class Mlp(LayerOptions, Decoder):
    """Dense layers on the flattened code, the last as wide as the image."""

    units: list[Channels] = option("values of each dense layer")
    output: DenseOutput = option("how the last layer makes an image")

    def shape_path(self, shape: Shape, image: Shape) -> ShapePath:
        return [("code", shape), *(("dense", (units,)) for units in self.units), ("output", image)]

    def build(self, x: "Tensor", skips: list["Tensor"], image: Shape, make: "Layers") -> "Tensor":
        x = make.flatten(x)
        for units in self.units:
            x = make.finish(make.dense(units)(x), self)
        return make.reshape(make.dense(prod(image), dtype="float32")(x), image, dtype="float32")
