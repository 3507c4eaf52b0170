"""Schemas of the ``decoder`` group: from the code back to an image."""

from dataclasses import dataclass

from dae_lab.config.fields import LONGEST_SIDE, MOST_CHANNELS, Checked, choice, number, required, target
from dae_lab.config.layers import ConvStack, Finish
from dae_lab.config.shapes import Shape, Trace, convolved, excess, need_image, need_room, transposed


@dataclass
class Output(Checked):
    """How the last layer makes an image.

    activation: ``sigmoid`` keeps pixels in (0, 1); ``linear`` leaves them free.
    bias: ``zero``, or ``data``: the training images' mean pixel (its logit, under a sigmoid), so that
        an untrained network starts from the mean grey instead of 0.5 or 0.
    residual: predict what to add to the noisy image instead of the image (Zhang et al. 2017,
        arXiv:1608.03981); with a linear activation only.
    """

    activation: str = choice("sigmoid", "linear")
    bias: str = choice("zero", "data")
    residual: bool = required()


@dataclass
class DenseOutput(Output):
    """An output made by a dense layer as wide as the image."""


@dataclass
class ConvOutput(Output):
    """An output made by a last ``conv``, ``conv_transpose`` or ``upsample_conv`` layer."""

    layer: str = choice("conv", "conv_transpose", "upsample_conv")
    kernel_size: int = number(minimum=1, maximum=LONGEST_SIDE)
    stride: int = number(minimum=1, maximum=LONGEST_SIDE)


@dataclass
class Decoder(Checked):
    """What every decoder has: a class that builds it, its output, and the shapes it goes through."""

    _target_: str = required()

    def trace(self, shape: Shape, image: Shape) -> Trace:
        """The shapes on the way from features of ``shape`` to an image like ``image`` (h, w, c)."""
        raise NotImplementedError


@dataclass
class ConvDecoder(ConvStack, Decoder):
    """Hidden layers by list, then the output layer.

    The encoder rounds up a side that is no multiple of its strides. With ``padding: same`` a layer that
    enlarges is cropped to the size that the image has at that resolution: 27 → 14 → 7 in the encoder is
    7 → 14 → 28 → 27 in the decoder. What is up-sampled is cropped at the bottom and at the right; a
    transposed convolution so that it is the transpose of the convolution of that size.
    """

    output: ConvOutput = required()
    layer = "conv_transpose"

    def trace(self, shape: Shape, image: Shape) -> Trace:
        need_image(shape, "decoder", "decoder=mlp")
        trace: Trace = [("code", shape)]
        *hidden, last = self.layer_sizes(image)
        lists = (self.spread(name) for name in ("kernel_sizes", "strides"))
        for filters, kernel, stride, size in zip(self.filters, *lists, hidden, strict=True):
            enlarged = self.enlarged(self.layer, trace[-1][1], filters, kernel, stride, size)
            trace.append((self.layer, enlarged))
            need_room(trace, "decoder")
        output = self.output
        final = self.enlarged(output.layer, trace[-1][1], image[-1], output.kernel_size, output.stride, last)
        return [*trace, ("output", final)]

    def layer_sizes(self, image: Shape) -> list[Shape]:
        """The size (h, w) that an ``image`` has after each hidden layer and after the output layer."""
        strides = [(self.layer, stride) for stride in self.spread("strides")]
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


@dataclass
class ConvTranspose(ConvDecoder):
    """Transposed convolutions (articles A and B)."""

    _target_: str = target("dae_lab.model.decoder.ConvTranspose")


@dataclass
class UpsampleConv(ConvDecoder):
    """Up-sampling, then a convolution: no checkerboard (Odena et al. 2016, doi:10.23915/distill.00003)."""

    _target_: str = target("dae_lab.model.decoder.UpsampleConv")
    interpolation: str = choice("nearest", "bilinear")
    layer = "upsample_conv"


@dataclass
class Unet(UpsampleConv):
    """Up-sampling with skip connections: wherever a layer with a stride above 1 brings back a resolution
    that the encoder has seen, the encoder's last features of that resolution are joined on (Ronneberger
    et al. 2015, arXiv:1505.04597).
    """

    _target_: str = target("dae_lab.model.decoder.Unet")


@dataclass
class Residual(UpsampleConv):
    """Stages of residual blocks, each after its up-sampling.

    blocks: residual blocks in each stage.
    """

    _target_: str = target("dae_lab.model.decoder.Residual")
    padding: str = choice("same")  # or else a block's two paths could not be added
    blocks: int = number(minimum=1)


@dataclass
class Mlp(Finish, Decoder):
    """Dense layers on the flattened code, the last as wide as the image."""

    _target_: str = target("dae_lab.model.decoder.Mlp")
    units: list[int] = number(minimum=1, maximum=MOST_CHANNELS)
    output: DenseOutput = required()

    def trace(self, shape: Shape, image: Shape) -> Trace:
        return [("code", shape), *(("dense", (units,)) for units in self.units), ("output", image)]


SCHEMAS: dict[str, type] = {
    "conv_transpose": ConvTranspose,
    "upsample_conv": UpsampleConv,
    "unet": Unet,
    "residual": Residual,
    "mlp": Mlp,
}
