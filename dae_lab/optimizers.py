"""Optimisers of Keras, under learning-rate schedules given in epochs.

Keys are the arguments of the Keras class that ``_target_`` names.
"""

from dataclasses import fields
from typing import TYPE_CHECKING, Annotated, Literal

from dae_lab.parts.part import Part
from dae_lab.parts.schema import Schema, option

if TYPE_CHECKING:
    import keras


class Schedule(Schema):
    """How the learning rate changes over a run: a linear warm-up, then no decay, half a cosine, or drops."""

    warmup_epochs: float = option("epochs (fractions count) over which the rate rises linearly from 0", ge=0)
    decay: Literal["none", "cosine", "step"] = option(
        "afterwards `none`, `cosine` (Loshchilov & Hutter 2017, arXiv:1608.03983) or `step`"
    )
    floor: float = option("what `cosine` ends at, as a share of the peak", ge=0, le=1)
    drops: list[Annotated[int, option(ge=1)]] = option(
        "epochs at which `step` multiplies the rate by `factor`"
    )
    factor: float = option("see `drops`", gt=0, le=1)

    def __post_init__(self) -> None:
        drops = list(self.drops)
        if self.decay == "step" and not drops:
            raise ValueError("drops is empty, so decay=step would change nothing: name epochs, as [5, 8]")
        if self.decay != "step" and drops:
            raise ValueError(
                f"drops is for decay=step, and decay is {self.decay}: set drops to []; got {drops}"
            )
        if drops != sorted(set(drops)):
            raise ValueError(f"drops must increase from epoch to epoch, as [5, 8]; got {drops}")


class Optimizer(Part, group="optimizer"):
    """The base of all optimisers."""

    learning_rate: float = option("the learning rate, or the peak that a schedule reaches", gt=0, le=1e9)
    schedule: Schedule = option("how the learning rate changes over a run")
    global_clipnorm: float | None = option(
        "cut the norm of all gradients together to this; null: never", gt=0
    )
    clipvalue: float | None = option("cut every gradient value to ± this; null: never", gt=0)

    def __post_init__(self) -> None:
        if self.global_clipnorm is not None and self.clipvalue is not None:
            raise ValueError(
                "global_clipnorm and clipvalue are both given; choose one, set the other to null"
            )

    def build(self, steps_per_epoch: int, epochs: int) -> "keras.Optimizer":
        """The Keras optimiser for a run of so many epochs."""
        import keras

        from dae_lab.schedules import Scheduled

        names = {item.name for item in fields(self)} - {"_target_", "learning_rate", "schedule"}
        arguments = {name: getattr(self, name) for name in names}
        schedule, rate = self.schedule, self.learning_rate
        if schedule.decay != "none" or schedule.warmup_epochs > 0:
            rate = Scheduled(rate, schedule, steps_per_epoch, epochs)
        kind = getattr(keras.optimizers, self._target_.rpartition(".")[2])
        optimizer: keras.Optimizer = kind(learning_rate=rate, **arguments)
        return optimizer


class Adam(Optimizer, target="keras.optimizers.Adam"):
    """Kingma & Ba 2015, arXiv:1412.6980."""

    beta_1: float = option("decay of the mean gradient", ge=0, lt=1)
    beta_2: float = option("decay of the mean squared gradient", ge=0, lt=1)
    epsilon: float = option("keeps the division by the mean squared gradient finite", gt=0)


class AdamW(Adam, target="keras.optimizers.AdamW"):
    """Adam with decoupled weight decay: Loshchilov & Hutter 2019, arXiv:1711.05101."""

    weight_decay: float = option(
        "share of the weights taken off at every step, times the learning rate", ge=0
    )


class Sgd(Optimizer, target="keras.optimizers.SGD"):
    """Stochastic gradient descent, with momentum if wanted."""

    momentum: float = option("share of the last step that is added to the next", ge=0, lt=1)
    nesterov: bool = option("take the gradient where the momentum leads")


class RmsProp(Optimizer, target="keras.optimizers.RMSprop"):
    """Tieleman & Hinton 2012, Coursera lecture 6.5."""

    rho: float = option("decay of the mean squared gradient", ge=0, lt=1)
    momentum: float = option("share of the last step that is added to the next", ge=0, lt=1)
    epsilon: float = option("keeps the division by the mean squared gradient finite", gt=0)
