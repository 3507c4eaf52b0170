"""Schemas of the ``encoder`` group: from a noisy image to features."""

from dataclasses import dataclass

from dae_lab.config.fields import LONGEST_SIDE, MOST_CHANNELS, Checked, choice, number, required, target
from dae_lab.config.layers import ConvStack, Finish
from dae_lab.config.shapes import Shape, Trace, convolved, need_room


@dataclass
class Encoder(Checked):
    """What every encoder has: a class that builds it, and the shapes it goes through."""

    _target_: str = required()

    def trace(self, shape: Shape) -> Trace:
        """The shapes of an image of ``shape`` (h, w, c) on its way through the layers."""
        raise NotImplementedError


@dataclass
class Conv(ConvStack, Encoder):
    """Convolutions, each with its activation, and a pooling after it where ``pool_sizes`` is above 1.

    No filters at all (``[]``) hands the noisy image straight on.
    """

    _target_: str = target("dae_lab.model.encoder.Conv")
    pool: str = choice("max", "average")
    pool_sizes: list[int] = number(minimum=1, maximum=LONGEST_SIDE)
    pool_strides: list[int] = number(minimum=1, maximum=LONGEST_SIDE)

    def per_layer(self) -> tuple[str, ...]:
        return (*super().per_layer(), "pool_sizes", "pool_strides")

    def trace(self, shape: Shape) -> Trace:
        trace: Trace = [("image", shape)]
        lists = (self.spread(name) for name in ("kernel_sizes", "strides", "pool_sizes", "pool_strides"))
        for filters, kernel, stride, pool, pool_stride in zip(self.filters, *lists, strict=True):
            trace.append(("conv", convolved(trace[-1][1], filters, kernel, stride, self.padding)))
            need_room(trace, "encoder")
            if pool > 1:
                trace.append(("pool", convolved(trace[-1][1], filters, pool, pool_stride, "same")))
        return trace


@dataclass
class Residual(ConvStack, Encoder):
    """Stages of residual blocks (He et al. 2016, arXiv:1512.03385), one stage a filter count.

    blocks: residual blocks in each stage; the first of a stage carries its stride.
    """

    _target_: str = target("dae_lab.model.encoder.Residual")
    padding: str = choice("same")  # or else a block's two paths could not be added
    blocks: int = number(minimum=1)

    def trace(self, shape: Shape) -> Trace:
        trace: Trace = [("image", shape)]
        for filters, stride in zip(self.filters, self.spread("strides"), strict=True):
            trace.append(("residual stage", convolved(trace[-1][1], filters, 1, stride, "same")))
        return trace


@dataclass
class Mlp(Finish, Encoder):
    """Dense layers on the flattened image."""

    _target_: str = target("dae_lab.model.encoder.Mlp")
    units: list[int] = number(minimum=1, maximum=MOST_CHANNELS)

    def trace(self, shape: Shape) -> Trace:
        return [("image", shape), *(("dense", (units,)) for units in self.units)]


SCHEMAS: dict[str, type] = {"conv": Conv, "residual": Residual, "mlp": Mlp}
