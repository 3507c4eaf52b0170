"""What encoders and decoders share: activations, normalisation, and stacks of convolutions."""

from dataclasses import dataclass

from dae_lab.config.fields import LONGEST_SIDE, MOST_CHANNELS, Checked, choice, number
from dae_lab.errors import ConfigError

ACTIVATIONS = ("linear", "relu", "leaky_relu", "elu", "gelu", "silu", "tanh", "sigmoid")


@dataclass
class Finish(Checked):
    """What follows each convolution or dense layer.

    activation, slope: the non-linearity; slope is that of ``leaky_relu`` below zero.
    batch_norm: off, or before or after the activation (the articles: off; when on, after).
    dropout: share of values set to zero in training, after the activation.
    """

    activation: str = choice(*ACTIVATIONS)
    slope: float = number(minimum=0, maximum=10)
    batch_norm: str = choice("off", "before_activation", "after_activation")
    dropout: float = number(minimum=0, below=1)


@dataclass
class ConvStack(Finish):
    """A stack of convolutions, described by lists with one value a layer.

    A list of one value holds for every layer; any other length than that of ``filters`` is refused.
    """

    filters: list[int] = number(minimum=1, maximum=MOST_CHANNELS)
    kernel_sizes: list[int] = number(minimum=1, maximum=LONGEST_SIDE)
    strides: list[int] = number(minimum=1, maximum=LONGEST_SIDE)
    padding: str = choice("same", "valid")

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in self.per_layer():
            self.spread(name)

    def per_layer(self) -> tuple[str, ...]:
        """The names of the lists that go with ``filters``."""
        return ("kernel_sizes", "strides")

    def spread(self, name: str) -> list[int]:
        """The list ``name`` with one value a layer."""
        values = list(getattr(self, name)) if self.filters else []
        if len(values) == 1:
            return values * len(self.filters)
        if len(values) != len(self.filters):
            raise ConfigError(
                f"{name} has {len(values)} values {values} for {len(self.filters)} layers "
                f"(filters {list(self.filters)}); give one value a layer, or one for all"
            )
        return values
