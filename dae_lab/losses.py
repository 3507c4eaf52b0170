"""What training minimises: losses between a clean image and what the decoder gave.

Every loss computes in float32, whatever the network computed in, and has finite gradients everywhere.
"""

from typing import NamedTuple

import tensorflow as tf

import dae_lab.config.loss as schema
from dae_lab import metrics


class Output(NamedTuple):
    """What a decoder gives for a batch.

    logits: (n, h, w, c), the last layer's values before its activation.
    image: (n, h, w, c), the reconstruction: the activation of the logits.
    activation: ``sigmoid`` or ``linear``.
    """

    logits: tf.Tensor
    image: tf.Tensor
    activation: str


class Loss(schema.Loss):
    """The base of all losses: a child says in ``elementwise`` what each element costs."""

    # An object, not a value: tf.function keeps what it compiles in a dictionary.
    __eq__ = object.__eq__
    __hash__ = object.__hash__

    def __call__(self, clean, output: Output) -> tf.Tensor:
        """The loss of a batch: the mean of ``per_image``, a float32 scalar."""
        return tf.reduce_mean(self.per_image(clean, output))

    def per_image(self, clean, output: Output) -> tf.Tensor:
        """The loss of each image, its elements' mean or sum as ``reduction`` says: float32 (n,)."""
        values = self.elementwise(clean, output)
        reduce = tf.reduce_mean if self.reduction == "mean" else tf.reduce_sum
        return reduce(values, axis=range(1, values.shape.rank))

    def elementwise(self, clean, output: Output) -> tf.Tensor:
        """The cost of each element, unreduced.

        Args:
            clean: (n, h, w, c) in [0, 1], of any floating type.
            output: what the decoder gave for it.

        Returns:
            float32 (n, h, w, c), unless the loss says otherwise.
        """
        raise NotImplementedError


class Bce(Loss, schema.Bce):
    """Binary cross-entropy -x·ln p - (1 - x)·ln(1 - p), in nats.

    With a sigmoid it is computed from the logits, exact however large they are. A linear output is
    itself taken as p, cut to [1e-7, 1 - 1e-7]: outside, its gradient is 0.
    """

    def elementwise(self, clean, output):
        clean = _float32(clean)
        if output.activation == "sigmoid":
            return tf.nn.sigmoid_cross_entropy_with_logits(clean, _float32(output.logits))
        return metrics.bce_map(clean, _float32(output.image))


class Mse(Loss, schema.Mse):
    """d², with d the reconstruction minus the clean image."""

    def elementwise(self, clean, output):
        return tf.square(_difference(clean, output))


class Mae(Loss, schema.Mae):
    """|d|; the gradient at d = 0 is taken as 0."""

    def elementwise(self, clean, output):
        return tf.abs(_difference(clean, output))


class Huber(Loss, schema.Huber):
    """d²/2 where |d| ≤ delta, else delta·(|d| - delta/2). Source: Huber 1964."""

    def elementwise(self, clean, output):
        size = tf.abs(_difference(clean, output))
        curved = tf.minimum(size, self.delta)
        return 0.5 * tf.square(curved) + self.delta * (size - curved)


class Charbonnier(Loss, schema.Charbonnier):
    """√(d² + epsilon²), so a perfect pixel costs epsilon. Source: Charbonnier et al. 1994."""

    def elementwise(self, clean, output):
        return tf.sqrt(tf.square(_difference(clean, output)) + self.epsilon**2)


class Ssim(Loss, schema.Ssim):
    """1 - SSIM in every window inside the image: float32 (n, h - window + 1, w - window + 1, c).

    As ``metrics.ssim_map``, also in what it does with images smaller than the window.
    """

    def elementwise(self, clean, output):
        return 1 - metrics.ssim_map(_float32(clean), _float32(output.image), self.window)


class Weighted(Loss, schema.Weighted):
    """Σ weight·term. The terms share only whole images, so ``elementwise`` is float32 (n, 1)."""

    def elementwise(self, clean, output):
        values = [self.weights[name] * term.per_image(clean, output) for name, term in self.terms.items()]
        return tf.add_n(values)[:, None]


def _difference(clean, output: Output) -> tf.Tensor:
    return _float32(output.image) - _float32(clean)


def _float32(values) -> tf.Tensor:
    return tf.cast(values, tf.float32)
