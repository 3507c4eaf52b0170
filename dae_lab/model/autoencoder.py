"""The model of a run: encoder, latent and decoder put together, and one step of its training."""

from functools import partial
from math import prod
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from dae_lab import losses
from dae_lab.metrics import image_metrics
from dae_lab.model.decoder import Unet
from dae_lab.model.latent import Contractive
from dae_lab.model.latent_layers import OwnLayer
from dae_lab.model.layers import Layers
from dae_lab.parts.shapes import Shape
from dae_lab.scoring import score_batch
from dae_lab.seeds import derive

if TYPE_CHECKING:
    from dae_lab.config.run import Config

STEP_LOSSES = 200
"""How many of the first training steps have their own loss recorded."""


class Autoencoder(keras.Model):
    """A functional model from a noisy image to ``{"logits": …, "image": …}``, float32 (n, h, w, c).

    Attributes:
        encoder: noisy image → code (and skips, where the decoder wants them).
        decoder: code (and skips) → logits.
        denoiser: noisy image → reconstruction, sharing all weights; what is evaluated and kept.
        decodes_code_alone: whether an image follows from the code, without features of the encoder or the
            noisy image.
        answer: the model's outputs outside training, as a graph, one for any number of images.
        monitor_state: float32 (2,), the memory of ``CollapseMonitor``: the norm of the first step's gradient,
            and how many examinations in a row found the model stuck; kept with every checkpoint.
    """

    encoder: keras.Model
    decoder: keras.Model
    denoiser: keras.Model
    decodes_code_alone: bool

    def prepare(self, loss: Any, activation: str, latent: Any, seed: int) -> None:
        """Set what a training step needs: the loss object, the output's activation, the latent."""
        self.denoising_loss, self.activation, self.latent = loss, activation, latent
        self.loss_mean = keras.metrics.Mean(name="loss")
        self.score_means = [keras.metrics.Mean(name=metric.name) for metric in image_metrics()]
        self.step_losses = self.add_weight(
            shape=(STEP_LOSSES + 1,), initializer="zeros", trainable=False, name="step_losses"
        )
        self.monitor_state = self.add_weight(
            shape=(2,), initializer="zeros", trainable=False, name="monitor_state"
        )
        images = tf.TensorSpec((None, *self.input_shape[1:]), tf.float32)
        # a partial: TensorFlow counts the traces of a method over all models, and warns of the fifth
        forward = partial(self.__call__, training=False)
        self.answer = tf.function(forward, input_signature=(images,), autograph=False)
        self.probe = keras.random.SeedGenerator(derive(seed, "contractive"))

    @property
    def metrics(self) -> list[keras.Metric]:
        """What Keras resets at the start of every epoch and every validation."""
        return [self.loss_mean, *self.score_means]

    def _output(self, outputs: dict[str, Any]) -> losses.Output:
        return losses.Output(outputs["logits"], outputs["image"], self.activation)

    def train_step(self, batch: tuple[Any, Any]) -> dict[str, Any]:
        """One step on (noisy, clean), float32 (n, h, w, c) each; gives the mean loss of the epoch so far."""
        noisy, clean = batch
        with tf.GradientTape() as tape:
            outputs = self(noisy, training=True)
            loss = self.denoising_loss(clean, self._output(outputs))
            if self.losses:
                loss += tf.add_n(self.losses)
            if isinstance(self.latent, Contractive):
                loss += self.latent.weight * self._contraction(noisy)
        variables = self.trainable_variables
        gradients = tape.gradient(loss, variables)
        self.optimizer.apply(gradients, variables)
        if not self.penalised:
            norm = self._norm(variables, gradients)
            first = tf.where(self.optimizer.iterations == 1, norm, self.monitor_state[0])
            self.monitor_state.assign([first, self.monitor_state[1]])
        slot = tf.minimum(tf.cast(self.optimizer.iterations, tf.int32) - 1, STEP_LOSSES)
        self.step_losses.value.scatter_update(tf.IndexedSlices(loss, slot))
        self.loss_mean.update_state(loss, sample_weight=tf.shape(clean)[0])
        return {"loss": self.loss_mean.result()}

    def _contraction(self, noisy: Any) -> Any:
        """‖∂code/∂input‖², mean over images: E‖vᵀJ‖² over normal v (Hutchinson 1990), one v a step."""
        with tf.GradientTape() as tape:
            tape.watch(noisy)
            code = keras.tree.flatten(self.encoder(noisy, training=True))[0]  # skips may follow it
            probe = keras.random.normal(tf.shape(code), seed=self.probe)
            along = tf.reduce_sum(tf.cast(code, tf.float32) * probe)
        slope = tape.gradient(along, noisy)
        return tf.reduce_sum(slope**2) / tf.cast(tf.shape(noisy)[0], tf.float32)

    def test_step(self, batch: tuple[Any, Any]) -> dict[str, Any]:
        """The loss and every common metric on (noisy, clean), averaged over images."""
        noisy, clean = batch
        # what a layer adds to the loss cannot leave a graph within the graph
        outputs = self(noisy, training=False) if has_own_layers(self) else self.answer(noisy)
        loss = self.denoising_loss(clean, self._output(outputs))
        if self.losses:
            loss += tf.add_n(self.losses)
        self.loss_mean.update_state(loss, sample_weight=tf.shape(clean)[0])
        scores = score_batch(clean, outputs["image"])
        for mean in self.score_means:
            mean.update_state(scores[mean.name])
        return {metric.name: metric.result() for metric in self.metrics}

    @property
    def penalised(self) -> bool:
        """Whether training minimises more than the loss between image and reconstruction."""
        return has_own_layers(self) or isinstance(self.latent, Contractive)

    def gradient_norm(self, noisy: Any, clean: Any) -> float:
        """The norm of the loss's gradient, without penalties, on (noisy, clean), float32 (n, h, w, c) each.

        Nothing is trained. No graph is built: it is seldom asked for.
        """
        with tf.GradientTape() as tape:
            outputs = self(tf.constant(noisy), training=False)
            loss = self.denoising_loss(tf.constant(clean), self._output(outputs))
        return float(self._norm(self.trainable_variables, tape.gradient(loss, self.trainable_variables)))

    def _norm(self, variables: list[keras.Variable], gradients: list[Any]) -> Any:
        """The norm of ``gradients`` over all weights but the output layer's bias.

        That can pull a fixed output to the best constant while nothing reaches the rest.
        """
        bias = output_bias(self.decoder)
        pairs = zip(variables, gradients, strict=True)
        slopes = [slope for variable, slope in pairs if variable is not bias and slope is not None]
        return tf.linalg.global_norm([tf.cast(slope, tf.float32) for slope in slopes])


def state(model: keras.Model) -> list[keras.Variable]:
    """The variables that training changes: weights, random states, metrics, and the built optimiser's."""
    return [*model.variables, *model.optimizer.variables]


def build(config: "Config", image: Shape, mean_pixel: np.ndarray) -> Autoencoder:
    """The model that ``config`` describes, for images of shape ``image``.

    Args:
        config: a validated config.
        image: (h, w, c).
        mean_pixel: the training images' mean, float (c,) in [0, 1], for ``decoder.output.bias=data``.
    """
    keras.backend.clear_session()
    encoder, latent, decoder, loss = config.encoder, config.latent, config.decoder, config.loss
    divisor = prod(image) if loss.reduction == "mean" else 1
    in_encoder, in_latent, in_decoder = (
        Layers(config.seed, part, config.training.precision, divisor)
        for part in ("encoder", "latent", "decoder")
    )

    noisy = keras.Input(image, name="noisy")
    features = encoder.build(noisy, in_encoder)
    code = latent.encode(features[-1], in_latent)
    skips = features[:-1] if isinstance(decoder, Unet) else []

    code_in = keras.Input(code.shape[1:], name="code")
    skips_in = [keras.Input(skip.shape[1:]) for skip in skips]
    restored = latent.decode(code_in, features[-1].shape[1:], in_latent)
    logits = decoder.build(restored, skips_in, image, in_decoder)
    encoder_model = keras.Model(noisy, [code, *skips] if skips else code, name="encoder")
    decoder_model = keras.Model([code_in, *skips_in] if skips else code_in, logits, name="decoder")

    values = decoder_model(encoder_model(noisy))
    if decoder.output.residual:
        values = keras.layers.Add(dtype="float32")([values, noisy])
    reconstruction = keras.layers.Activation(decoder.output.activation, dtype="float32")(values)
    model = Autoencoder(noisy, {"logits": values, "image": reconstruction}, name="autoencoder")
    model.encoder, model.decoder = encoder_model, decoder_model
    model.denoiser = keras.Model(noisy, reconstruction, name="denoiser")
    model.decodes_code_alone = not skips and not decoder.output.residual
    model.prepare(loss, decoder.output.activation, latent, config.seed)
    if decoder.output.bias == "data":
        set_output_bias(decoder_model, mean_pixel, decoder.output.activation)
    return model


def set_output_bias(decoder: keras.Model, mean_pixel: np.ndarray, activation: str) -> None:
    """Make an untrained network's output start near ``mean_pixel`` (float (c,) in [0, 1])."""
    level = np.clip(mean_pixel, 1e-3, 1 - 1e-3)
    level = np.log(level / (1 - level)) if activation == "sigmoid" else mean_pixel
    bias = output_bias(decoder)
    bias.assign(np.resize(level, bias.shape))  # repeats the channels over all pixels of a dense output


def output_bias(decoder: keras.Model) -> keras.Variable:
    """The bias of the decoder's last layer that has one."""
    return [layer for layer in decoder.layers if getattr(layer, "bias", None) is not None][-1].bias


def parameter_counts(model: Autoencoder) -> dict[str, int]:
    """Weights that training can change or that the model carries: in all, in the encoder, in the decoder."""
    encoder, decoder = model.encoder.count_params(), model.decoder.count_params()
    return {"parameters": encoder + decoder, "encoder_parameters": encoder, "decoder_parameters": decoder}


def has_own_layers(model: Autoencoder) -> bool:
    """Whether the denoiser needs layers of this package, that Keras alone cannot load; each has a penalty."""
    return any(isinstance(layer, OwnLayer) for layer in model.encoder.layers)


def first_kernels(model: Autoencoder) -> np.ndarray | None:
    """The kernels of the first layer with weights, (kh, kw, c, filters); a dense layer's are whole images.

    None where the first such layer is a transposed convolution, whose kernels are no filters.
    """
    for layer in [*model.encoder.layers, *model.decoder.layers]:
        if isinstance(layer, keras.layers.Conv2DTranspose):
            return None
        if isinstance(layer, keras.layers.Conv2D):
            return np.asarray(layer.kernel)
        if isinstance(layer, keras.layers.Dense):
            whole = prod(model.input_shape[1:]) == layer.kernel.shape[0]
            return np.reshape(layer.kernel, (*model.input_shape[1:], -1)) if whole else None
    return None
