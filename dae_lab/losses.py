"""What training minimises: losses between a clean image and what the decoder gave.

Every loss computes in float32, whatever the network computed in, and has finite gradients everywhere.
A config is checked with these classes, so TensorFlow is imported only inside of the methods that compute.
"""

from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

from dae_lab.parts.part import Part
from dae_lab.parts.schema import Name, option

if TYPE_CHECKING:
    import tensorflow as tf


class Output(NamedTuple):
    """What a decoder gives for a batch.

    logits: (n, h, w, c), the last layer's values before its activation.
    image: (n, h, w, c), the reconstruction: the activation of the logits.
    activation: ``sigmoid`` or ``linear``.
    """

    logits: "tf.Tensor"
    image: "tf.Tensor"
    activation: str


class Loss(Part, group="loss"):
    """The base of all losses: a child says in ``elementwise`` what each element costs.

    The optimum is the same under both reductions; the size of the gradient is not.
    """

    reduction: Literal["mean", "sum"] = option(
        "`mean` over all pixels and images, or `sum` over an image's pixels, then the mean over images"
    )

    def __call__(self, clean, output: Output) -> "tf.Tensor":
        """The loss of a batch: the mean of ``per_image``, a float32 scalar."""
        import tensorflow as tf

        return tf.reduce_mean(self.per_image(clean, output))

    def per_image(self, clean, output: Output) -> "tf.Tensor":
        """The loss of each image, its elements' mean or sum as ``reduction`` says: float32 (n,)."""
        import tensorflow as tf

        values = self.elementwise(clean, output)
        reduce = tf.reduce_mean if self.reduction == "mean" else tf.reduce_sum
        return reduce(values, axis=range(1, values.shape.rank))

    def elementwise(self, clean, output: Output) -> "tf.Tensor":
        """The cost of each element, unreduced.

        Args:
            clean: (n, h, w, c) in [0, 1], of any floating type.
            output: what the decoder gave for it.

        Returns:
            float32 (n, h, w, c), unless the loss says otherwise.
        """
        raise NotImplementedError


class Bce(Loss):
    """Binary cross-entropy -x·ln p - (1 - x)·ln(1 - p), in nats.

    With a sigmoid it is computed from the logits, exact however large they are. A linear output is
    itself taken as p, cut to [1e-7, 1 - 1e-7]: outside, its gradient is 0.
    """

    def elementwise(self, clean, output):
        import tensorflow as tf

        from dae_lab import metrics

        clean = _float32(clean)
        if output.activation == "sigmoid":
            return tf.nn.sigmoid_cross_entropy_with_logits(clean, _float32(output.logits))
        return metrics.bce_map(clean, _float32(output.image))


class Mse(Loss):
    """d², with d the reconstruction minus the clean image."""

    def elementwise(self, clean, output):
        import tensorflow as tf

        return tf.square(_difference(clean, output))


class Mae(Loss):
    """|d|; the gradient at d = 0 is taken as 0."""

    def elementwise(self, clean, output):
        import tensorflow as tf

        return tf.abs(_difference(clean, output))


class Huber(Loss):
    """d²/2 where |d| ≤ delta, else delta·(|d| - delta/2). Source: Huber 1964."""

    delta: float = option("where the squared error ends, in units of the pixel range [0, 1]", gt=0)

    def elementwise(self, clean, output):
        import tensorflow as tf

        size = tf.abs(_difference(clean, output))
        curved = tf.minimum(size, self.delta)
        return 0.5 * tf.square(curved) + self.delta * (size - curved)


class Charbonnier(Loss):
    """√(d² + epsilon²), so a perfect pixel costs epsilon. Source: Charbonnier et al. 1994."""

    epsilon: float = option(
        "radius of the rounded tip, in units of the pixel range [0, 1]",
        ge=1e-6,  # smaller squares vanish in float32, and the gradient with them
    )

    def elementwise(self, clean, output):
        import tensorflow as tf

        return tf.sqrt(tf.square(_difference(clean, output)) + self.epsilon**2)


class Ssim(Loss):
    """1 - SSIM in every window inside the image: float32 (n, h - window + 1, w - window + 1, c).

    As ``metrics.ssim_map``, also in what it does with images smaller than the window.
    """

    window: int = option("side of the square window, in pixels; odd", ge=3)

    def __post_init__(self) -> None:
        if self.window % 2 == 0:
            raise ValueError(f"window must be odd, so that it has a centre; got {self.window}")

    def elementwise(self, clean, output):
        from dae_lab import metrics

        return 1 - metrics.ssim_map(_float32(clean), _float32(output.image), self.window)


class Weighted(Loss):
    """Σ weight·term. The terms share only whole images, so ``elementwise`` is float32 (n, 1)."""

    _convert_: Literal["all"] = "all"  # recorded by every version, so a part of the fingerprint
    terms: dict[Name, Loss] = option("the losses, a name each")
    weights: dict[Name, Annotated[float, option(ge=0)]] = option("the factor of each, by the same names")

    def __post_init__(self) -> None:
        if not self.terms or set(self.terms) != set(self.weights):
            raise ValueError(
                f"weights must name the same losses as terms, at least one; got weights for "
                f"{_names(self.weights)} and terms {_names(self.terms)}"
            )
        if not any(self.weights.values()):
            raise ValueError(
                f"weights are all 0, so nothing would be learnt; give {_names(self.weights)} a share"
            )
        for name, term in self.terms.items():
            if term.reduction != self.reduction:
                raise ValueError(
                    f"terms.{name}.reduction must be the whole loss's, {self.reduction}; got {term.reduction}"
                )

    def elementwise(self, clean, output):
        import tensorflow as tf

        values = [self.weights[name] * term.per_image(clean, output) for name, term in self.terms.items()]
        return tf.add_n(values)[:, None]


def _names(mapping: dict) -> str:
    return ", ".join(mapping) or "none"


def _difference(clean, output: Output) -> "tf.Tensor":
    return _float32(output.image) - _float32(clean)


def _float32(values) -> "tf.Tensor":
    import tensorflow as tf

    return tf.cast(values, tf.float32)
