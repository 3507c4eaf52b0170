"""Schemas of the ``latent`` group: what lies between encoder and decoder, the code.

``code_shape`` is the shape of the code; ``features_shape`` is what the decoder is handed.
"""

from dataclasses import dataclass

from dae_lab.config.fields import MOST_CHANNELS, Checked, choice, number, required, target
from dae_lab.config.shapes import Shape, need_image

WIDEST = 65_536
"""Values of a spatial code up to which it is looked at flattened: a thousand wider ones take gigabytes."""


@dataclass
class Latent(Checked):
    """What every latent has."""

    _target_: str = required()

    def code_shape(self, features: Shape) -> Shape:
        """The shape of the code made of the encoder's ``features``."""
        return features

    def features_shape(self, features: Shape) -> Shape:
        """The shape of what the decoder gets."""
        return self.code_shape(features)


@dataclass
class Spatial(Latent):
    """No bottleneck layer: the encoder's features are the code."""

    _target_: str = target("dae_lab.model.latent.Spatial")


@dataclass
class Conv1x1(Latent):
    """A 1×1 convolution to ``channels`` (the line article B left commented out in its version 2)."""

    _target_: str = target("dae_lab.model.latent.Conv1x1")
    channels: int = number(minimum=1, maximum=MOST_CHANNELS)

    def code_shape(self, features: Shape) -> Shape:
        need_image(features, "latent", "latent=dense")
        return (*features[:2], self.channels)


@dataclass
class Dense(Latent):
    """Flatten → dense layer of ``z_dim`` values ‖ dense layer → the shape of the features (article B, V1)."""

    _target_: str = target("dae_lab.model.latent.Dense")
    z_dim: int = number(minimum=1, maximum=MOST_CHANNELS)

    def code_shape(self, features: Shape) -> Shape:
        return (self.z_dim,)

    def features_shape(self, features: Shape) -> Shape:
        return features


@dataclass
class Variational(Dense):
    """A normal code, sampled in training (Kingma & Welling 2014, arXiv:1312.6114).

    The evidence bound is E log p(image | code) - KL(code ‖ N(0, 1)), and training minimises, up to a constant
    factor, error + beta·KL, with the error summed over an image. What beta is its bound depends on the loss,
    whose error is -log p of a distribution of pixels, times a factor and up to a constant:

    - bce: -log p of pixels that are 0 or 1, with the reconstruction as probability: beta = 1. Grey values
      count as probabilities, for which it is no normalised density (Loaiza-Ganem & Cunningham 2019).
    - mse: normal pixels of variance s² have -log p = Σd²/(2s²) + constant. Times 2s² this is Σd², so beta =
      2s²: 1 is the bound for s² = 1/2, more than pixels in [0, 1] can vary, and for s² = 0.01 it is 0.02.
    - mae: Laplace-distributed pixels of scale b have -log p = Σ|d|/b + constant: beta = b.
    - others: a weight.

    beta: weight of KL(code ‖ N(0, 1)), beside the error summed over an image; divided by the number of values
        of an image where the loss is a mean. Weights other than the bound's: Higgins et al. 2017.
    """

    _target_: str = target("dae_lab.model.latent.Variational")
    beta: float = number(minimum=0)


@dataclass
class Sparse(Dense):
    """A dense code that is mostly off (Ng 2011, CS294A lecture notes).

    penalty: ``l1`` on rectified values, or ``kl`` between each unit's mean activity and ``rate``.
    weight: of the penalty, beside the loss as it is reduced.
    """

    _target_: str = target("dae_lab.model.latent.Sparse")
    penalty: str = choice("l1", "kl")
    weight: float = number(minimum=0)
    rate: float = number(above=0, below=1)


@dataclass
class Contractive(Dense):
    """A dense code that changes little with its input (Rifai et al. 2011, ICML).

    weight: of ‖∂code/∂input‖², beside the loss as it is reduced; estimated without bias by one random
        projection a step.
    """

    _target_: str = target("dae_lab.model.latent.Contractive")
    weight: float = number(minimum=0)


@dataclass
class VectorQuantised(Conv1x1):
    """Every position's code is replaced by the nearest of ``codes`` vectors (van den Oord et al. 2017,
    arXiv:1711.00937).

    channels: length of a code vector. commitment: weight that ties the encoder to its vectors.
    """

    _target_: str = target("dae_lab.model.latent.VectorQuantised")
    codes: int = number(minimum=2, maximum=MOST_CHANNELS)
    commitment: float = number(minimum=0)


SCHEMAS: dict[str, type] = {
    "spatial": Spatial,
    "conv1x1": Conv1x1,
    "dense": Dense,
    "variational": Variational,
    "sparse": Sparse,
    "contractive": Contractive,
    "vector_quantised": VectorQuantised,
}
