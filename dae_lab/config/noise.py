"""Schemas of the ``noise`` group: what a corruption is told. What it does is in ``dae_lab.noise``."""

from dataclasses import dataclass

from dae_lab.config.fields import Checked, choice, number, required, target
from dae_lab.errors import ConfigError


@dataclass
class Noise(Checked):
    """What every corruption shares.

    clip: cut the noisy image to [0, 1], as a camera would.
    resample: ``once`` draws the training noise once and keeps it; ``epoch`` draws it anew each epoch.
    """

    _target_: str = required()
    clip: bool = required()
    resample: str = choice("once", "epoch")


@dataclass
class Identity(Noise):
    """No corruption: an ordinary autoencoder."""

    _target_: str = target("dae_lab.noise.Identity")


@dataclass
class Gaussian(Noise):
    """Additive normal noise; sigma in units of the pixel range [0, 1]."""

    _target_: str = target("dae_lab.noise.Gaussian")
    sigma: float = number(minimum=0, maximum=1000)


@dataclass
class GaussianRange(Noise):
    """Additive normal noise whose sigma is drawn for each image, uniformly from [low, high]."""

    _target_: str = target("dae_lab.noise.GaussianRange")
    low: float = number(minimum=0, maximum=1000)
    high: float = number(minimum=0, maximum=1000)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.low > self.high:
            raise ConfigError(f"low must be at most high; got low={self.low:g}, high={self.high:g}")


@dataclass
class Uniform(Noise):
    """Additive noise, uniform in [-width, width)."""

    _target_: str = target("dae_lab.noise.Uniform")
    width: float = number(minimum=0, maximum=1000)


@dataclass
class Speckle(Noise):
    """Multiplicative normal noise; sigma as a share of the pixel's own value."""

    _target_: str = target("dae_lab.noise.Speckle")
    sigma: float = number(minimum=0, maximum=1000)


@dataclass
class Poisson(Noise):
    """Photon counting; peak is the expected number of photons at white."""

    _target_: str = target("dae_lab.noise.Poisson")
    peak: float = number(minimum=1e-3, maximum=1e9)


@dataclass
class SaltAndPepper(Noise):
    """Impulses: amount is the share of pixels hit, salt the share of those that turn white."""

    _target_: str = target("dae_lab.noise.SaltAndPepper")
    amount: float = number(minimum=0, maximum=1)
    salt: float = number(minimum=0, maximum=1)


@dataclass
class Masking(Noise):
    """Missing pixels: amount is the share of pixels set to 0."""

    _target_: str = target("dae_lab.noise.Masking")
    amount: float = number(minimum=0, maximum=1)


@dataclass
class Occlusion(Noise):
    """One covered rectangle: size as a share of the image's sides, value its grey."""

    _target_: str = target("dae_lab.noise.Occlusion")
    size: float = number(minimum=0, maximum=1)
    value: float = number(minimum=0, maximum=1)


@dataclass
class Blur(Noise):
    """Gaussian blur; sigma in pixels."""

    _target_: str = target("dae_lab.noise.Blur")
    sigma: float = number(minimum=0, maximum=1000)


@dataclass
class Chain(Noise):
    """Several corruptions, one after the other; steps maps a name to each, in order.

    Every step clips as its own ``clip`` says; ``resample`` is the chain's, a step's own is not read.
    """

    _target_: str = target("dae_lab.noise.Chain")
    _convert_: str = "all"  # hand the steps over as objects; Hydra would wrap them as configs again
    steps: dict[str, Noise] = required()

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.steps:
            raise ConfigError("steps is empty: name at least one corruption, as in gaussian@steps.gaussian")


SCHEMAS: dict[str, type] = {
    "none": Identity,
    "gaussian": Gaussian,
    "gaussian_range": GaussianRange,
    "uniform": Uniform,
    "speckle": Speckle,
    "poisson": Poisson,
    "salt_and_pepper": SaltAndPepper,
    "masking": Masking,
    "occlusion": Occlusion,
    "blur": Blur,
    "chain": Chain,
}
