"""Latents: features → code → what the decoder is handed.

``encode`` belongs to the encoder model, ``decode`` to the decoder model; penalties are added to the training
loss. A penalty is an average over the images of a batch.
"""

from math import prod
from typing import TYPE_CHECKING, Literal

from dae_lab.parts.part import Part
from dae_lab.parts.schema import Channels, option
from dae_lab.parts.shapes import Shape, need_image

if TYPE_CHECKING:
    from dae_lab.model.layers import Layers, Tensor

WIDEST = 65_536
"""Values of a spatial code up to which it is analysed flattened: a thousand wider ones take gigabytes."""


class Latent(Part, group="latent"):
    """The base of all latents. As it stands, it hands everything on unchanged."""

    def code_shape(self, features: Shape) -> Shape:
        """The shape of the code made of the encoder's ``features``, (h, w, c) or (units,).

        Raises:
            ConfigError: it cannot be made of such features.
        """
        return features

    def features_shape(self, features: Shape) -> Shape:
        """The shape of what the decoder gets."""
        return self.code_shape(features)

    def encode(self, features: "Tensor", make: "Layers") -> "Tensor":
        """Features (n, …) → code (n, *code_shape)."""
        return features

    def decode(self, code: "Tensor", features_shape: Shape, make: "Layers") -> "Tensor":
        """Code → what the decoder gets; ``features_shape`` is that of the encoder's features."""
        return code


class Spatial(Latent):
    """No bottleneck layer: the encoder's features are the code."""


class Conv1x1(Latent):
    """A 1×1 convolution to fewer channels (the line article B left commented out in its version 2)."""

    channels: Channels = option("channels of the code, at every position")

    def code_shape(self, features: Shape) -> Shape:
        need_image(features, "latent", "latent=dense")
        return (*features[:2], self.channels)

    def encode(self, features: "Tensor", make: "Layers") -> "Tensor":
        return make.conv(self.channels, 1)(features)


class VectorQuantised(Conv1x1):
    """Every position's code is replaced by the nearest of ``codes`` vectors (van den Oord et al. 2017,
    arXiv:1711.00937).
    """

    channels: Channels = option("length of a code vector")
    codes: int = option("how many vectors there are", ge=2, le=65_536)
    commitment: float = option("weight that ties the encoder to its vectors", ge=0)

    def encode(self, features: "Tensor", make: "Layers") -> "Tensor":
        from dae_lab.model.latent_layers import Quantise

        x = make.conv(self.channels, 1, dtype="float32")(features)
        return Quantise(self.codes, self.commitment, make.next_seed("init"), dtype="float32")(x)


class Dense(Latent):
    """Flatten → dense layer of ``z_dim`` values ‖ dense layer → the shape of the features (article B, V1)."""

    z_dim: Channels = option("values of the code")

    def code_shape(self, features: Shape) -> Shape:
        return (self.z_dim,)

    def features_shape(self, features: Shape) -> Shape:
        return features

    def encode(self, features: "Tensor", make: "Layers") -> "Tensor":
        return make.dense(self.z_dim)(make.flatten(features))

    def decode(self, code: "Tensor", features_shape: Shape, make: "Layers") -> "Tensor":
        return make.reshape(make.dense(prod(features_shape))(code), features_shape)


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

    Weights other than the bound's: Higgins et al. 2017.
    """

    beta: float = option(
        "weight of KL(code ‖ N(0, 1)), beside the error summed over an image; divided by the number of "
        "values of an image where the loss is a mean",
        ge=0,
    )

    def encode(self, features: "Tensor", make: "Layers") -> "Tensor":
        """A sample in training, the mean otherwise."""
        from dae_lab.model.latent_layers import Sample

        x = make.flatten(features)
        mean = make.dense(self.z_dim, dtype="float32")(x)
        log_variance = make.dense(self.z_dim, dtype="float32")(x)
        sample = Sample(self.beta / make.loss_divisor, make.next_seed("sample"), dtype="float32")
        return sample([mean, log_variance])


class Sparse(Dense):
    """A dense code that is mostly off (Ng 2011, CS294A lecture notes), rectified (l1) or squashed (kl)."""

    penalty: Literal["l1", "kl"] = option(
        "`l1` on rectified values, or `kl` between each unit's mean activity and `rate`"
    )
    weight: float = option("weight of the penalty, beside the loss as it is reduced", ge=0)
    rate: float = option("mean activity of a unit that `kl` aims at", gt=0, lt=1)

    def encode(self, features: "Tensor", make: "Layers") -> "Tensor":
        from dae_lab.model.latent_layers import Sparsity

        x = super().encode(features, make)
        x = make.activate(x, "relu" if self.penalty == "l1" else "sigmoid", dtype="float32")
        return Sparsity(self.penalty, self.weight, self.rate, dtype="float32")(x)


class Contractive(Dense):
    """A dense code that changes little with its input (Rifai et al. 2011, ICML).

    Its penalty needs a gradient and is computed by the training step.
    """

    weight: float = option(
        "weight of ‖∂code/∂input‖², beside the loss as it is reduced; estimated without bias by one random "
        "projection a step",
        ge=0,
    )
