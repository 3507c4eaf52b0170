"""Latents and their penalties against closed forms."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from dae_lab.losses import Output
from dae_lab.model.autoencoder import build
from dae_lab.model.latent_layers import Quantise, Sample, Sparsity
from dae_lab.parts.part import shipped_targets

RNG = np.random.default_rng(0)
MEAN, LOG_VARIANCE = RNG.normal(0, 1, (2, 50, 3)).astype(np.float32)
SMALL = (
    "data=digits",
    "encoder.filters=[]",
    "encoder.strides=[1]",
    "decoder.filters=[]",
    "decoder.strides=[1]",
)


def test_the_divergence_of_a_normal_code_is_its_closed_form():
    sample = Sample(beta=0.5, seed=1)
    sample([MEAN, LOG_VARIANCE])
    mean, variance = MEAN.astype(np.float64), np.exp(LOG_VARIANCE.astype(np.float64))
    by_value = 0.5 * (mean**2 + variance - np.log(variance) - 1)
    np.testing.assert_allclose(sample.losses[0], 0.5 * by_value.sum(axis=1).mean(), rtol=1e-5)
    sample([np.zeros((4, 3)), np.zeros((4, 3))])
    assert float(sample.losses[0]) == 0


def test_a_normal_code_is_sampled_in_training_and_its_mean_otherwise():
    sample = Sample(beta=1.0, seed=1)
    np.testing.assert_array_equal(sample([MEAN, LOG_VARIANCE]), MEAN)
    wide = [np.full((100_000, 1), 2.0, np.float32), np.full((100_000, 1), np.log(9.0), np.float32)]
    drawn, again = (np.array(sample(wide, training=True)) for _ in range(2))
    assert np.any(drawn != again)
    assert abs(drawn.mean() - 2) < 4 * 3 / np.sqrt(100_000)
    assert abs(drawn.var() - 9) < 4 * 9 * np.sqrt(2 / 100_000)
    np.testing.assert_array_equal(drawn, Sample(beta=1.0, seed=1)(wide, training=True))


def test_beta_weighs_the_divergence_beside_the_error_of_a_whole_image(compose, tiny):
    """Beside a mean over pixels, β counts 1/pixels; beside a sum, in full (Kingma & Welling's bound)."""
    noisy = tiny(5).pixels / np.float32(255)
    penalties = []
    for reduction in ("mean", "sum"):
        config = compose(*SMALL, "latent=variational", "latent.beta=2", f"loss.reduction={reduction}")
        model = build(config, (8, 8, 1), np.zeros(1))
        model(noisy)
        penalties.append(float(model.losses[0]))
    np.testing.assert_allclose(penalties[1], 64 * penalties[0], rtol=1e-5)


def summed(compose, loss, clean, image) -> np.ndarray:
    """The error of each reconstruction of one image, summed over it: (n,)."""
    config = compose(*SMALL, f"loss={loss}", "loss.reduction=sum")
    output = Output(np.log(image / (1 - image)), image, "sigmoid")
    return np.asarray(config.loss.per_image(np.broadcast_to(clean, image.shape), output), np.float64)


@pytest.mark.parametrize(
    ("loss", "beta", "log_density"),
    [
        ("bce", 1, lambda image, x: stats.bernoulli(image).logpmf(x)),
        ("mse", 1, lambda image, x: stats.norm(image, np.sqrt(1 / 2)).logpdf(x)),
        ("mse", 2 * 0.01, lambda image, x: stats.norm(image, 0.1).logpdf(x)),
        ("mae", 1, lambda image, x: stats.laplace(image, 1).logpdf(x)),
        ("mae", 0.2, lambda image, x: stats.laplace(image, 0.2).logpdf(x)),
    ],
)
def test_the_weight_that_makes_the_loss_the_evidence_bound(compose, loss, beta, log_density):
    """Then error + β·KL is β·(KL - log p) and a constant: the error is -β·log p and a constant."""
    clean = (RNG.random((8, 8, 1)) < 0.3).astype(np.float32)
    image = RNG.uniform(0.05, 0.95, (20, 8, 8, 1)).astype(np.float32)
    constants = summed(compose, loss, clean, image) + beta * log_density(image, clean).sum(axis=(1, 2, 3))
    np.testing.assert_allclose(constants, constants[0], atol=1e-4)
    if loss == "bce":
        np.testing.assert_allclose(constants, 0, atol=1e-4)


def test_an_l1_penalty_is_the_mean_of_the_code():
    code = np.abs(MEAN)
    layer = Sparsity("l1", weight=0.3, rate=0.1)
    np.testing.assert_array_equal(layer(code), code)
    np.testing.assert_allclose(layer.losses[0], 0.3 * code.mean(), rtol=1e-6)


def test_a_kl_penalty_compares_each_units_activity_with_the_wanted_rate():
    code = RNG.random((50, 4)).astype(np.float32)
    layer = Sparsity("kl", weight=0.3, rate=0.1)
    layer(code)
    activity = code.astype(np.float64).mean(axis=0)
    units = 0.1 * np.log(0.1 / activity) + 0.9 * np.log(0.9 / (1 - activity))
    np.testing.assert_allclose(layer.losses[0], 0.3 * units.sum(), rtol=1e-5)
    layer(np.full((5, 4), 0.1, np.float32))
    np.testing.assert_allclose(layer.losses[0], 0, atol=1e-6)


@pytest.mark.parametrize(("penalty", "high"), [("l1", np.inf), ("kl", 1)])
def test_a_sparse_code_is_rectified_or_squashed(compose, tiny, penalty, high):
    config = compose("data=digits", "latent=sparse", "latent.z_dim=9", f"latent.penalty={penalty}")
    code = build(config, (8, 8, 1), np.zeros(1)).encoder(tiny(30).pixels / np.float32(255))
    assert 0 <= np.min(code) < np.max(code) <= high
    assert code.shape == (30, 9)


def quantise() -> tuple[Quantise, np.ndarray, np.ndarray]:
    layer = Quantise(codes=7, commitment=0.25, seed=3)
    x = RNG.normal(0, 0.1, (4, 2, 3, 5)).astype(np.float32)
    layer.build(x.shape)
    distances = np.square(x[..., None, :] - layer.book.numpy()).sum(axis=-1)
    return layer, x, layer.book.numpy()[distances.argmin(axis=-1)]


def test_every_position_becomes_its_nearest_vector():
    layer, x, nearest = quantise()
    np.testing.assert_allclose(layer(x), nearest, atol=1e-6)
    assert len(np.unique(nearest[..., 0])) > 1


def test_the_penalties_of_a_code_book():
    layer, x, nearest = quantise()
    layer(x)
    error = np.square(x - nearest).mean()
    np.testing.assert_allclose(layer.losses, [error, 0.25 * error], rtol=1e-5)


def test_the_gradient_passes_straight_through_and_each_penalty_moves_its_own_side():
    layer, x, nearest = quantise()
    x, weights = tf.constant(x), RNG.normal(0, 1, x.shape).astype(np.float32)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        value = tf.reduce_sum(layer(x) * weights)
        book_loss, commitment = layer.losses
    np.testing.assert_array_equal(tape.gradient(value, x), weights)
    assert tape.gradient(value, layer.book.value) is None
    assert tape.gradient(book_loss, x) is None
    assert tape.gradient(commitment, layer.book.value) is None
    np.testing.assert_allclose(
        tape.gradient(commitment, x), 0.25 * 2 * (x - nearest) / x.shape.num_elements(), atol=1e-7
    )
    assert np.any(tf.convert_to_tensor(tape.gradient(book_loss, layer.book.value)) != 0)


def test_the_contractive_penalty_is_the_squared_norm_of_the_jacobian(compose):
    """For a linear encoder z = Wx the Jacobian is W; E‖vᵀW‖² = ‖W‖², with variance 2‖WWᵀ‖²."""
    config = compose(*SMALL, "latent=contractive", "latent.z_dim=4")
    model = build(config, (4, 4, 1), np.zeros(1))
    kernel = next(
        layer for layer in model.encoder.layers if isinstance(layer, keras.layers.Dense)
    ).kernel.numpy()
    probes = 20_000  # one an image
    estimate = float(model._contraction(tf.zeros((probes, 4, 4, 1))))
    error = np.sqrt(2 * np.square(kernel.T @ kernel).sum() / probes)
    assert abs(estimate - np.square(kernel).sum()) < 4 * error
    assert error < 0.02 * np.square(kernel).sum()
    assert float(model._contraction(tf.zeros((probes, 4, 4, 1)))) != estimate


def test_the_contractive_penalty_is_part_of_the_training_loss_alone(compose, tiny):
    noisy = tf.constant(tiny(3).pixels / np.float32(255))
    config = compose(*SMALL, "latent=contractive", "latent.weight=1000")
    model = build(config, (8, 8, 1), np.zeros(1))
    model.compile(optimizer=keras.optimizers.SGD(0.0))
    outputs = model(noisy)
    error = model.denoising_loss(noisy, Output(outputs["logits"], outputs["image"], "sigmoid"))
    assert float(model.train_step((noisy, noisy))["loss"]) > 100 * float(error)
    model.reset_metrics()
    np.testing.assert_allclose(model.test_step((noisy, noisy))["loss"], error, rtol=1e-6)


@pytest.mark.parametrize("latent", shipped_targets("latent").values())
def test_any_latent_goes_with_a_unet(compose, tiny, latent):
    clean = tf.constant(tiny(2).pixels / np.float32(255))
    model = build(
        compose("data=digits", "encoder=unet", "decoder=unet", f"latent={latent}"), (8, 8, 1), np.zeros(1)
    )
    model.compile(optimizer="adam")
    assert np.isfinite(model.train_step((clean, clean))["loss"])


@pytest.mark.parametrize("latent", ["variational", "sparse", "vector_quantised"])
def test_a_model_with_layers_of_ours_is_saved_and_loaded(compose, tiny, tmp_path, latent):
    noisy = tiny(3).pixels / np.float32(255)
    denoiser = build(compose(*SMALL, f"latent={latent}"), (8, 8, 1), np.zeros(1)).denoiser
    denoiser.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded(noisy), denoiser(noisy), rtol=1e-5)  # the last layer by another way
