"""What the layers of encoders and decoders have in common: activations, normalisation, lists of layers."""

from typing import ClassVar, Literal

from dae_lab.parts.schema import Channels, Schema, Side, option

Activation = Literal["linear", "relu", "leaky_relu", "elu", "gelu", "silu", "tanh", "sigmoid"]


class LayerOptions(Schema):
    """What follows each convolution or dense layer."""

    activation: Activation = option("the non-linearity")
    slope: float = option("slope of `leaky_relu` below zero", ge=0, le=10)
    batch_norm: Literal["off", "before_activation", "after_activation"] = option(
        "batch normalisation; the articles have none, or have it after the activation"
    )
    dropout: float = option("share of values set to zero in training, after the activation", ge=0, lt=1)


class ConvStack(LayerOptions):
    """A stack of convolutions, described by lists with one value a layer.

    A list of one value holds for every layer; any other length than that of ``filters`` is refused.

    Attributes:
        per_layer: the names of the lists that go with ``filters``.
    """

    filters: list[Channels] = option("channels of each layer")
    kernel_sizes: list[Side] = option("sides of the square kernels, in pixels")
    strides: list[Side] = option("steps of the kernels, in pixels")
    padding: Literal["same", "valid"] = option("`same` pads the image so that a stride of 1 keeps its size")

    per_layer: ClassVar[tuple[str, ...]] = ("kernel_sizes", "strides")

    def __post_init__(self) -> None:
        for name in self.per_layer:
            self.broadcast(name)

    def broadcast(self, name: str) -> list[int]:
        """The list ``name`` with one value a layer.

        Raises:
            ValueError: it has neither one value nor as many as ``filters``.
        """
        values = list(getattr(self, name)) if self.filters else []
        if len(values) == 1:
            return values * len(self.filters)
        if len(values) != len(self.filters):
            raise ValueError(
                f"{name} has {len(values)} values {values} for {len(self.filters)} layers "
                f"(filters {list(self.filters)}); give one value a layer, or one for all"
            )
        return values
