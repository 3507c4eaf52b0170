"""Keras layers of the latents; each adds a penalty, an average over the images of a batch, to the loss."""

from typing import Any

import keras
from keras import ops

from dae_lab.model.layers import Tensor


def serializable(layer: type) -> type:
    """Let Keras save and load ``layer`` under this package's name."""
    return keras.saving.register_keras_serializable(package="dae_lab")(layer)


class OwnLayer(keras.layers.Layer):
    """A layer of this package, which Keras can save because it remembers its arguments."""

    arguments: tuple[str, ...] = ()

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **{name: getattr(self, name) for name in self.arguments}}


@serializable
class Sample(OwnLayer):
    """z = mean + exp(log variance / 2)·ε in training, and the KL divergence from N(0, 1) as a penalty.

    KL = ½ Σ(mean² + variance − log variance − 1), in nats an image (Kingma & Welling 2014, appendix B).
    """

    arguments = ("beta", "seed")

    def __init__(self, beta: float, seed: int, **more: Any) -> None:
        super().__init__(**more)
        self.beta, self.seed = beta, seed
        self.generator = keras.random.SeedGenerator(seed)

    def call(self, inputs: list[Tensor], training: bool = False) -> Tensor:
        """[(n, z), (n, z)] → (n, z)."""
        mean, log_variance = inputs
        divergence = 0.5 * (mean**2 + ops.exp(log_variance) - log_variance - 1)
        self.add_loss(self.beta * ops.mean(ops.sum(divergence, axis=-1)))
        if not training:
            return mean
        noise = keras.random.normal(ops.shape(mean), seed=self.generator, dtype="float32")
        return mean + ops.exp(log_variance / 2) * noise


@serializable
class Sparsity(OwnLayer):
    """Hands the code on; adds weight · mean|code|, or weight · Σ_units KL(rate ‖ mean activity)."""

    arguments = ("penalty", "weight", "rate")

    def __init__(self, penalty: str, weight: float, rate: float, **more: Any) -> None:
        super().__init__(**more)
        self.penalty, self.weight, self.rate = penalty, weight, rate

    def call(self, code: Tensor) -> Tensor:
        """(n, z) → (n, z), unchanged."""
        if self.penalty == "l1":
            self.add_loss(self.weight * ops.mean(ops.abs(code)))
        else:
            activity = ops.clip(ops.mean(code, axis=0), 1e-6, 1 - 1e-6)
            on = self.rate * ops.log(self.rate / activity)
            off = (1 - self.rate) * ops.log((1 - self.rate) / (1 - activity))
            self.add_loss(self.weight * ops.sum(on + off))
        return code


@serializable
class Quantise(OwnLayer):
    """Each vector becomes the nearest of a code book; the gradient passes straight through.

    Adds ‖sg(x) − e‖² + commitment·‖x − sg(e)‖², means over values (van den Oord et al. 2017, eq. 3).
    """

    arguments = ("codes", "commitment", "seed")

    def __init__(self, codes: int, commitment: float, seed: int, **more: Any) -> None:
        super().__init__(**more)
        self.codes, self.commitment, self.seed = codes, commitment, seed

    def build(self, shape: tuple[int | None, ...]) -> None:
        start = keras.initializers.RandomUniform(-1 / self.codes, 1 / self.codes, seed=self.seed)
        self.book = self.add_weight(shape=(self.codes, shape[-1]), initializer=start, name="book")

    def call(self, x: Tensor) -> Tensor:
        """(n, h, w, d) → (n, h, w, d)."""
        flat = ops.reshape(x, (-1, x.shape[-1]))
        book = ops.convert_to_tensor(self.book)
        distances = ops.sum(book**2, axis=1) - 2 * ops.matmul(flat, ops.transpose(book))
        nearest = ops.reshape(ops.take(book, ops.argmin(distances, axis=1), axis=0), ops.shape(x))
        self.add_loss(ops.mean((ops.stop_gradient(x) - nearest) ** 2))
        self.add_loss(self.commitment * ops.mean((x - ops.stop_gradient(nearest)) ** 2))
        return x + ops.stop_gradient(nearest - x)
