"""What a model starts from, what it computes in, and what a step of it records."""

import random

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras.src.backend.common import global_state

from dae_lab.model import graph_cache
from dae_lab.model.autoencoder import STEP_LOSSES, build, output_bias, set_output_bias
from dae_lab.noise import corrupted
from dae_lab.training import fit
from dae_lab.training.batches import TrainingData, evaluation_batches

BLACK = np.zeros(1)
SMALL = (
    "data=digits",
    "encoder.filters=[3,4]",
    "encoder.strides=[2]",
    "decoder.filters=[3]",
    "decoder.strides=[4]",
)
ARCHITECTURES = {
    "conv": ("data=digits",),
    "unet": ("data=digits", "encoder=unet", "decoder=unet"),
    "mlp": ("data=digits", "encoder=mlp", "latent=dense", "decoder=mlp"),
    "residual": ("data=digits", "encoder=residual", "decoder=residual"),
}


def weights(model) -> list[np.ndarray]:
    return [variable.numpy() for variable in model.trainable_variables]


def kernels(model) -> list[np.ndarray]:
    return [variable.numpy() for variable in model.trainable_variables if variable.name == "kernel"]


def equal(first, second) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(weights(first), weights(second), strict=True))


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_first_weights_follow_from_the_seed(compose, architecture):
    groups = ARCHITECTURES[architecture]
    one, again, other = (build(compose(*groups, f"seed={seed}"), (8, 8, 1), BLACK) for seed in (3, 3, 4))
    assert equal(one, again)
    assert all(np.all(a != b) for a, b in zip(kernels(one), kernels(other), strict=True))
    starts = {kernel.ravel()[0] / np.abs(kernel).max() for kernel in kernels(one)}
    assert len(starts) == len(kernels(one)) >= 4  # no two layers share a sub-seed


@pytest.mark.parametrize(
    "change",
    [
        ("loss=mse",),
        ("noise=speckle",),
        ("optimizer=sgd",),
        ("training.batch_size=7",),
        ("training.precision=mixed_bfloat16",),
        ("encoder.dropout=0.25", "decoder.dropout=0.25"),
        ("latent=contractive", "latent.z_dim=2"),
    ],
)
def test_arms_of_a_comparison_start_from_the_same_weights(compose, change):
    latent = ("latent=dense",) if change[0].startswith("latent") else ()
    assert equal(*(build(compose(*SMALL, *more), (8, 8, 1), BLACK) for more in (latent, change)))


def test_a_deeper_encoder_leaves_the_decoder_as_it_was(compose):
    deeper = compose("encoder.filters=[32,64,128,128]", "encoder.strides=[1,2,2,1]")
    first, second = (build(config, (28, 28, 1), np.zeros(1)) for config in (compose(), deeper))
    assert len(first.encoder.get_weights()) < len(second.encoder.get_weights())
    assert equal(first.decoder, second.decoder)


def test_biases_start_at_zero_and_kernels_within_glorots_bounds(compose):
    model = build(compose(*SMALL), (8, 8, 1), BLACK)
    assert not any(bias.any() for bias in weights(model)[1::2])
    for kernel in kernels(model):
        area = kernel.shape[0] * kernel.shape[1]
        bound = np.sqrt(6 / (area * (kernel.shape[2] + kernel.shape[3])))
        assert 0.8 * bound < np.abs(kernel).max() <= bound


@pytest.mark.parametrize("activation", ["sigmoid", "linear"])
@pytest.mark.parametrize("decoder", ["conv", "unet", "mlp"])
def test_an_untrained_output_can_start_from_the_mean_pixel(compose, activation, decoder):
    mean = np.array([0.1, 0.5, 0.8])
    config = compose(
        *ARCHITECTURES[decoder], f"decoder.output.activation={activation}", "decoder.output.bias=data"
    )
    model = build(config, (8, 8, 3), mean)
    for variable in model.trainable_variables:
        if variable.name == "kernel":
            variable.assign(tf.zeros_like(variable))
    image = model.denoiser(np.random.default_rng(0).random((2, 8, 8, 3), dtype=np.float32))
    np.testing.assert_allclose(image, np.broadcast_to(mean, (2, 8, 8, 3)), atol=1e-6)


def test_the_logit_of_a_black_mean_is_finite(compose):
    model = build(compose(*SMALL), (8, 8, 1), BLACK)
    set_output_bias(model.decoder, BLACK, "sigmoid")
    np.testing.assert_allclose(weights(model)[-1], np.log(1e-3 / 0.999), rtol=1e-6)
    set_output_bias(model.decoder, BLACK, "linear")
    assert not weights(model)[-1].any()


@pytest.mark.parametrize("architecture", ["unet", "mlp"])
def test_bfloat16_is_computed_in_but_never_kept_or_given_back(compose, tiny, architecture):
    config = compose(*ARCHITECTURES[architecture], "training.precision=mixed_bfloat16")
    model = build(config, (8, 8, 1), BLACK)
    clean = tf.constant(tiny(4).pixels / np.float32(255))
    outputs = model(clean)
    assert {outputs["logits"].dtype, outputs["image"].dtype} == {tf.float32}
    layers = [layer for part in (model.encoder, model.decoder) for layer in part.layers if layer.weights]
    assert {layer.compute_dtype for layer in layers[:-1]} == {"bfloat16"}
    assert layers[-1].compute_dtype == "float32"
    assert {variable.dtype for variable in model.variables} <= {"float32", "int64"}  # int64: random states

    model.compile(optimizer=keras.optimizers.Adam(1e-3))
    losses = [model.train_step((clean, clean))["loss"] for _ in range(4)]
    assert losses[0].dtype == tf.float32
    assert losses[-1] < losses[0]
    full = build(compose(*ARCHITECTURES[architecture]), (8, 8, 1), BLACK)
    np.testing.assert_allclose(outputs["logits"], full(clean)["logits"], atol=0.1)


def test_a_step_averages_over_images_and_records_its_own_loss(compose, tiny):
    """Two batches of unequal size: the epoch's loss is the mean over images, the steps' are kept singly."""
    model = build(compose(*SMALL), (8, 8, 1), BLACK)
    model.compile(optimizer=keras.optimizers.SGD(0.0))
    clean = tf.constant(tiny(10).pixels / np.float32(255))
    for some in (slice(0, 7), slice(7, 10)):
        epoch = model.train_step((clean[some], clean[some]))["loss"]
    steps = model.step_losses.numpy()
    np.testing.assert_allclose(epoch, 0.7 * steps[0] + 0.3 * steps[1], rtol=1e-6)
    assert steps.shape == (STEP_LOSSES + 1,)
    assert not steps[2:].any()

    model.optimizer.iterations.assign(STEP_LOSSES + 50)
    model.train_step((clean, clean))
    np.testing.assert_array_equal(model.step_losses.numpy()[:STEP_LOSSES], steps[:STEP_LOSSES])


def test_a_test_step_judges_by_every_common_metric(compose, tiny):
    model = build(compose(*SMALL), (8, 8, 1), BLACK)
    model.compile()
    clean = tf.constant(tiny(6).pixels / np.float32(255))
    logs = model.test_step((clean, clean))
    error = np.square(clean - model.denoiser(clean)).mean()
    assert list(logs) == ["loss", "mse", "mae", "psnr", "ssim", "bce", "bce_excess"]
    np.testing.assert_allclose(logs["mse"], error, rtol=1e-5)
    np.testing.assert_allclose(logs["loss"], logs["bce"], rtol=1e-5)


SMOOTH = ("encoder.activation=tanh", "decoder.activation=tanh")  # a kink has no finite difference
NETWORKS = {
    "conv": SMALL,
    "mlp": (*ARCHITECTURES["mlp"], "latent.z_dim=3", "encoder.units=[4]", "decoder.units=[2]"),
    "penalised": (*SMALL, "latent=variational", "latent.z_dim=2", "latent.beta=1000"),
}


def slopes(model, variable, noisy, clean, cost, step=0.003) -> np.ndarray:
    """Of the mean ``cost`` by each value of ``variable``: central differences, float64 but for the images."""
    images = tf.function(lambda: model.denoiser(noisy, training=False), autograph=False)
    start, found = variable.numpy(), []
    for index in np.ndindex(start.shape):
        costs = []
        for sign in (1, -1):
            moved = start.copy()
            moved[index] += sign * step
            variable.assign(moved)
            costs.append(np.mean(cost(clean.astype(np.float64), images().numpy().astype(np.float64))))
        found.append((costs[0] - costs[1]) / (2 * step))
    variable.assign(start)
    return np.array(found)


COSTS = {
    "mse": lambda clean, image: (clean - image) ** 2,
    "bce": lambda clean, image: -clean * np.log(image) - (1 - clean) * np.log1p(-image),
}


@pytest.mark.parametrize(
    ("network", "loss"), [("conv", "mse"), ("conv", "bce"), ("mlp", "mse"), ("penalised", "bce")]
)
def test_gradient_norm_is_that_of_finite_differences_without_the_output_bias(compose, tiny, network, loss):
    """Without penalties either; on dark images, where the bias has most of the slope."""
    model = build(compose(*NETWORKS[network], *SMOOTH, f"loss={loss}"), (8, 8, 1), BLACK)
    for variable in model.trainable_variables:
        variable.assign(2 * variable)  # at first, little of the gradient comes from the first layers
    clean = tiny(4).pixels / np.float32(255 * 5)
    noisy = np.clip(clean + np.float32(0.5) * (tiny(4, seed=1).pixels / np.float32(255) - 0.5), 0, 1)
    before = weights(model)
    found = model.gradient_norm(noisy, clean)
    np.testing.assert_allclose(model.answer(noisy)["image"], model.denoiser(noisy), atol=1e-6)
    assert all(np.array_equal(a, b) for a, b in zip(before, weights(model), strict=True))

    bias, squares, bias_square = output_bias(model.decoder), 0.0, None
    for variable in model.trainable_variables:
        square = np.sum(slopes(model, variable, noisy, clean, COSTS[loss]) ** 2)
        if variable is bias:
            bias_square = square
        else:
            squares += square
    assert found == pytest.approx(np.sqrt(squares), rel=3e-4)
    assert bias_square > squares / 10  # so that it would be seen


def test_a_network_that_gives_its_bias_alone_has_no_gradient(compose, tiny):
    """The bias could still go to the best constant, and nothing reaches the rest."""
    model = build(compose(*SMALL, "loss=mse"), (8, 8, 1), BLACK)
    clean = tf.constant(tiny(4).pixels / np.float32(255))
    for variable in model.trainable_variables:
        variable.assign(tf.zeros_like(variable))
    assert model.gradient_norm(clean, clean) == 0
    assert np.abs(slopes(model, output_bias(model.decoder), clean, clean.numpy(), COSTS["mse"])) > 1e-4


def test_no_global_generator_is_used(compose, tiny, tmp_path):
    """Python's, NumPy's and Keras's stay as they were; TensorFlow refuses unseeded draws once set up."""
    config = compose(
        *SMALL, "encoder.dropout=0.2", "latent=variational", "training.epochs=1", "training.batch_size=4"
    )
    assert config.training.deterministic
    fit.set_determinism(config.training.deterministic)
    with pytest.raises(RuntimeError, match="require a seed to be set when determinism is enabled"):
        tf.random.uniform((1,))
    before = random.getstate(), np.random.get_state()[1].tolist()
    model, corruption, images = build(config, (8, 8, 1), BLACK), config.noise, tiny(8)
    graph_cache._last.clear()  # no test gets the model of another
    data = TrainingData(images, corruption, config.training, config.seed)
    model, history = fit.prepare(model, config, data.steps_per_epoch, tmp_path)
    validation = evaluation_batches(corrupted(images, corruption, 1), images, 4)
    fit.fit(model, data, validation, tmp_path, history)
    assert random.getstate() == before[0]
    assert np.random.get_state()[1].tolist() == before[1]
    assert global_state.get_global_attribute("global_seed_generator") is None
