"""Schemas of the ``optimizer`` group. Keys are the arguments of the Keras class they go to."""

from dataclasses import dataclass

from dae_lab.config.fields import Checked, choice, number, required, target
from dae_lab.errors import ConfigError


@dataclass
class Schedule(Checked):
    """How the learning rate changes over a run.

    warmup_epochs: epochs (fractions count) over which it rises linearly from 0.
    decay: afterwards ``none``, ``cosine`` (Loshchilov & Hutter 2017, arXiv:1608.03983) or ``step``.
    floor: what cosine ends at, as a share of the peak.
    drops, factor: the epochs at which ``step`` multiplies the rate by ``factor``.
    """

    warmup_epochs: float = number(minimum=0)
    decay: str = choice("none", "cosine", "step")
    floor: float = number(minimum=0, maximum=1)
    drops: list[int] = number(minimum=1)
    factor: float = number(above=0, maximum=1)

    def __post_init__(self) -> None:
        super().__post_init__()
        drops = list(self.drops)
        if self.decay == "step" and not drops:
            raise ConfigError("drops is empty, so decay=step would change nothing: name epochs, as [5, 8]")
        if self.decay != "step" and drops:
            raise ConfigError(
                f"drops is for decay=step, and decay is {self.decay}: set drops to []; got {drops}"
            )
        if drops != sorted(set(drops)):
            raise ConfigError(f"drops must increase from epoch to epoch, as [5, 8]; got {drops}")


@dataclass
class Optimizer(Checked):
    """What every optimiser has.

    global_clipnorm: cut the norm of all gradients together; clipvalue: cut every value; null: neither.
    """

    _target_: str = required()
    learning_rate: float = number(above=0, maximum=1e9)
    schedule: Schedule = required()
    global_clipnorm: float | None = number(above=0)
    clipvalue: float | None = number(above=0)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.global_clipnorm is not None and self.clipvalue is not None:
            raise ConfigError(
                "global_clipnorm and clipvalue are both given; choose one, set the other to null"
            )


@dataclass
class Adam(Optimizer):
    """Kingma & Ba 2015, arXiv:1412.6980."""

    _target_: str = target("keras.optimizers.Adam")
    beta_1: float = number(minimum=0, below=1)
    beta_2: float = number(minimum=0, below=1)
    epsilon: float = number(above=0)


@dataclass
class AdamW(Adam):
    """Adam with decoupled weight decay: Loshchilov & Hutter 2019, arXiv:1711.05101."""

    _target_: str = target("keras.optimizers.AdamW")
    weight_decay: float = number(minimum=0)


@dataclass
class Sgd(Optimizer):
    """Stochastic gradient descent, with momentum if wanted."""

    _target_: str = target("keras.optimizers.SGD")
    momentum: float = number(minimum=0, below=1)
    nesterov: bool = required()


@dataclass
class RmsProp(Optimizer):
    """Tieleman & Hinton 2012, Coursera lecture 6.5."""

    _target_: str = target("keras.optimizers.RMSprop")
    rho: float = number(minimum=0, below=1)
    momentum: float = number(minimum=0, below=1)
    epsilon: float = number(above=0)


SCHEMAS: dict[str, type] = {"adam": Adam, "adamw": AdamW, "sgd": Sgd, "rmsprop": RmsProp}
