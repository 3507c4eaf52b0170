"""Schemas of the ``loss`` group: what a loss is told. What it computes is in ``dae_lab.losses``."""

from dataclasses import dataclass

from dae_lab.config.fields import Checked, choice, number, required, target
from dae_lab.errors import ConfigError


@dataclass
class Loss(Checked):
    """What every loss shares.

    reduction: ``mean`` over all pixels and images, or ``sum`` over an image's pixels, then the mean
        over images. The optimum is the same; the size of the gradient is not.
    """

    _target_: str = required()
    reduction: str = choice("mean", "sum")


@dataclass
class Bce(Loss):
    """Binary cross-entropy."""

    _target_: str = target("dae_lab.losses.Bce")


@dataclass
class Mse(Loss):
    """Squared error."""

    _target_: str = target("dae_lab.losses.Mse")


@dataclass
class Mae(Loss):
    """Absolute error."""

    _target_: str = target("dae_lab.losses.Mae")


@dataclass
class Huber(Loss):
    """Squared error up to delta, absolute error beyond; delta in units of the pixel range [0, 1]."""

    _target_: str = target("dae_lab.losses.Huber")
    delta: float = number(above=0)


@dataclass
class Charbonnier(Loss):
    """Absolute error with a rounded tip; epsilon, its radius, in units of the pixel range [0, 1]."""

    _target_: str = target("dae_lab.losses.Charbonnier")
    epsilon: float = number(minimum=1e-6)  # smaller squares vanish in float32, and the gradient with them


@dataclass
class Ssim(Loss):
    """One minus the structural similarity; window is the side of its square in pixels, odd."""

    _target_: str = target("dae_lab.losses.Ssim")
    window: int = number(minimum=3)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.window % 2 == 0:
            raise ConfigError(f"window must be odd, so that it has a centre; got {self.window}")


@dataclass
class Weighted(Loss):
    """A weighted sum of losses: terms and weights map the same names to a loss and to its factor."""

    _target_: str = target("dae_lab.losses.Weighted")
    _convert_: str = "all"  # hand the terms over as objects; Hydra would wrap them as configs again
    terms: dict[str, Loss] = required()
    weights: dict[str, float] = required()

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.terms or set(self.terms) != set(self.weights):
            raise ConfigError(
                f"weights must name the same losses as terms, at least one; got weights for "
                f"{_names(self.weights)} and terms {_names(self.terms)}"
            )
        for name, weight in self.weights.items():
            if not isinstance(weight, (int, float)) or not 0 <= weight < float("inf"):
                raise ConfigError(f"weights.{name} must be a finite number of at least 0; got {weight!r}")
        if not any(self.weights.values()):
            raise ConfigError(
                f"weights are all 0, so nothing would be learnt; give {_names(self.weights)} a share"
            )
        for name, term in self.terms.items():
            if term.reduction != self.reduction:
                raise ConfigError(
                    f"terms.{name}.reduction must be the whole loss's, {self.reduction}; got {term.reduction}"
                )


def _names(mapping: dict) -> str:
    return ", ".join(mapping) or "none"


SCHEMAS: dict[str, type] = {
    "bce": Bce,
    "mse": Mse,
    "mae": Mae,
    "huber": Huber,
    "charbonnier": Charbonnier,
    "ssim": Ssim,
    "weighted": Weighted,
}
