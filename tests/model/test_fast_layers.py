"""Fast layers: Keras's own numbers, by another way."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from dae_lab.model import fast_layers
from dae_lab.model.convolution import round_to_bfloat16
from dae_lab.model.fast_layers import (
    FastConv2D,
    FastConv2DTranspose,
    FastDense,
    FastLeakyReLU,
    copy_with_keras_layers,
)
from dae_lab.provenance import computes_bfloat16

KINDS = (keras.layers.Conv2D, keras.layers.Conv2DTranspose)
FAST = dict(zip(KINDS, (FastConv2D, FastConv2DTranspose), strict=True))


def pair(kind, size, channels, dtype="float32", filters=1, policy="float32"):
    """A layer of Keras's and its fast twin, with equal weights, and images that suit them."""
    rng = np.random.default_rng(0)
    layers = [make(filters, size, padding="same", dtype=policy) for make in (kind, FAST[kind])]
    images = tf.cast(rng.normal(size=(3, 7, 6, channels)), dtype)
    for layer in layers:
        layer(images)
        layer.set_weights([rng.normal(size=weight.shape) for weight in layer.get_weights()])
    layers[1].set_weights(layers[0].get_weights())
    return *layers, images


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [1, 3, 5])
@pytest.mark.parametrize("channels", [1, 4])
@pytest.mark.parametrize("filters", [1, 3])
def test_values_and_gradients_are_those_of_keras(kind, size, channels, filters):
    plain, quick, images = pair(kind, size, channels, filters=filters)
    found = []
    for layer in (plain, quick):
        with tf.GradientTape() as tape:
            tape.watch(images)
            values = layer(images)
            cost = tf.reduce_sum(tf.sin(values))
        found.append([values, *tape.gradient(cost, [images, *layer.trainable_variables])])
    for one, other in zip(*found, strict=True):
        assert one.dtype == other.dtype == tf.float32
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_what_comes_in_bfloat16_leaves_in_float32(kind):
    plain, quick, images = pair(kind, 3, 4, "bfloat16")
    assert quick(images).dtype == tf.float32
    np.testing.assert_allclose(plain(images), quick(images), atol=0.05)


def on_a_processor_that(monkeypatch, computes_bfloat16: bool) -> None:
    monkeypatch.setattr(fast_layers, "computes_bfloat16", lambda: computes_bfloat16)


@pytest.fixture
def ways(monkeypatch):
    """The quick ways that were taken."""
    taken = []
    on_a_processor_that(monkeypatch, computes_bfloat16=True)
    for name in ("single_channel", "coarse_convolution", "widened_convolution"):
        own = getattr(fast_layers, name)
        monkeypatch.setattr(
            fast_layers, name, lambda *given, own=own, name=name: (taken.append(name), own(*given))[1]
        )
    return taken


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("rows", "stride", "size"), [(7, 1, 3), (7, 2, 3), (7, 2, 5), (6, 1, 1), (5, 3, 3), (4, 2, 1), (14, 2, 3)]
)
@pytest.mark.skipif(
    not computes_bfloat16(),
    reason="the processor does not compute in bfloat16: what Keras does then is rough",
)
def test_in_bfloat16_values_and_gradients_are_those_of_keras(ways, kind, rows, stride, size):
    """That by the kernel has a way of its own on maps of up to 7 rows, that by the bias everywhere."""
    layers = [make(4, size, stride, padding="same", dtype="mixed_bfloat16") for make in (kind, FAST[kind])]
    values, by_images, by_kernel, by_bias = compared(layers, (8, rows, rows - 1, 3))
    coarse = rows <= 7 if kind is keras.layers.Conv2DTranspose else -(-rows // stride) <= 7
    assert ways == ["coarse_convolution"] * (coarse and size >= stride)
    for one, other in (values, by_images):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_allclose(*by_kernel, atol=0.02 * np.abs(by_kernel[0]).max())
    upstream = round_to_bfloat16(pulls(values[0].shape))
    np.testing.assert_allclose(tf.reduce_sum(upstream, (0, 1, 2)), by_bias[1], rtol=2**-8)


@pytest.mark.parametrize(
    ("make", "sizes"),
    [
        (lambda: FastConv2D(4, 3, padding="same", dtype="mixed_bfloat16"), (28, 28, 3)),
        (lambda: FastConv2D(4, 2, 2, padding="valid", dtype="mixed_bfloat16"), (28, 28, 3)),
        (lambda: FastConv2DTranspose(4, 3, padding="same", dtype="mixed_bfloat16"), (28, 28, 3)),
        (lambda: FastConv2DTranspose(4, 3, 2, padding="same", dtype="mixed_bfloat16"), (14, 14, 3)),
        (lambda: FastConv2DTranspose(4, 2, 2, padding="valid", dtype="mixed_bfloat16"), (14, 14, 3)),
        (lambda: FastDense(4, dtype="mixed_bfloat16"), (3,)),
    ],
    ids=["conv", "conv valid", "transposed as conv", "transposed", "transposed valid", "dense"],
)
@pytest.mark.parametrize("traced", [False, True])
@pytest.mark.parametrize("fuses", [False, True])
def test_in_bfloat16_a_bias_s_gradient_is_the_sum_of_all_that_pulls_at_it(
    monkeypatch, make, sizes, traced, fuses
):
    """TensorFlow's own stalls at 512, where numbers between 0 and 1 are added up."""
    monkeypatch.setattr(fast_layers, "onednn", lambda: fuses)
    layer = make()
    images = np.random.default_rng(0).normal(size=(2000 if len(sizes) == 1 else 20, *sizes))
    upstream = abs(pulls(layer(images).shape))

    def gradient(images, upstream):  # what is constant TensorFlow would add up beforehand
        with tf.GradientTape() as tape:
            values = layer(images)
        return tape.gradient(values, layer.trainable_variables, tf.cast(upstream, values.dtype))

    _, by_bias = (tf.function(gradient) if traced else gradient)(tf.constant(images), tf.constant(upstream))
    np.testing.assert_allclose(by_bias, upstream.reshape(-1, 4).sum(0), rtol=2**-8)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("rows", "stride", "size"), [(7, 1, 3), (7, 2, 3), (4, 2, 1), (14, 2, 5)])
def test_where_there_is_no_bfloat16_its_numbers_come_from_float32(
    ways, monkeypatch, kind, rows, stride, size
):
    on_a_processor_that(monkeypatch, computes_bfloat16=False)
    layers = twins(kind, 4, size, stride)
    for one, other in compared(layers, (8, rows, rows - 1, 3), "bfloat16"):
        np.testing.assert_allclose(one, other, atol=0.01 * np.abs(one).max())
    assert ways == ["widened_convolution"]
    assert layers[1](tf.ones((1, rows, rows, 3))).dtype == tf.bfloat16


@pytest.mark.parametrize("kind", KINDS)
def test_on_coarse_maps_numbers_in_bfloat16_are_near_those_in_float32(ways, kind):
    layers = twins(kind, 4, 3, 2)
    for one, other in compared(layers, (8, 7, 6, 3), "bfloat16"):
        np.testing.assert_allclose(one, other, atol=0.03 * np.abs(one).max())
    assert ways == ["coarse_convolution"]


@pytest.mark.parametrize("native", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_one_channel_from_bfloat16_has_gradients_as_those_of_keras(ways, monkeypatch, kind, native):
    """As the last layer under mixed_bfloat16 has; Keras's own casts the images to float32 first."""
    on_a_processor_that(monkeypatch, native)
    layers = [make(1, 3, padding="same", dtype="float32") for make in (kind, FAST[kind])]
    for one, other in compared(layers, (3, 7, 6, 4), "bfloat16"):
        np.testing.assert_allclose(one, other, atol=0.03 * np.abs(one).max())
    assert ways == ["single_channel"]


def twins(kind, filters, size, stride):
    """A layer of Keras's in float32 and its fast twin in bfloat16."""
    makes = {"float32": kind, "mixed_bfloat16": FAST[kind]}
    return [make(filters, size, stride, padding="same", dtype=dtype) for dtype, make in makes.items()]


def compared(layers, shape, dtype="float32"):
    """Values, and gradients by images, kernel and bias: those of a layer and of its fast twin."""
    rng, found = np.random.default_rng(0), []
    images = tf.cast(rng.normal(size=shape), dtype)
    for layer in layers:
        layer.build((None, *shape[1:]))
        weights = [np.random.default_rng(1).normal(size=item.shape) for item in layer.get_weights()]
        layer.set_weights([round_to_bfloat16(item) for item in weights])
        with tf.GradientTape() as tape:
            tape.watch(images)
            values = layer(images)
            cost = tf.reduce_sum(tf.cast(values, tf.float32) * pulls(values.shape))
        found.append([values, *tape.gradient(cost, [images, *layer.trainable_variables])])
    return [tuple(tf.cast(item, tf.float32).numpy() for item in both) for both in zip(*found, strict=True)]


def pulls(shape):
    """What pulls at values of this shape: the same, however they are rounded."""
    return np.random.default_rng(2).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize(
    "arguments",
    [
        {"padding": "valid"},
        {"kernel_size": 2},
        {"kernel_size": (3, 5)},
        {"strides": (1, 2)},
        {"dilation_rate": 2},
        {"activation": "relu"},
        {"use_bias": False},
    ],
)
def test_other_layers_compute_as_keras_does(arguments):
    for kind in KINDS:
        options = {"filters": 1, "kernel_size": 3, "padding": "same"} | arguments
        plain, fast = (make(**options) for make in (kind, FAST[kind]))
        assert fast.autocast
        assert_equal_bits(plain, fast, (2, 8, 8, 3))


@pytest.mark.parametrize("arguments", [{"activation": "relu"}, {"use_bias": False}])
def test_in_bfloat16_a_layer_without_a_bias_or_with_an_activation_computes_as_keras_does(arguments):
    options = {"dtype": "mixed_bfloat16", **arguments}
    for kind in KINDS:
        plain, fast = (make(4, 3, padding="same", **options) for make in (kind, FAST[kind]))
        assert_equal_bits(plain, fast, (2, 8, 8, 3))
    assert_equal_bits(keras.layers.Dense(4, **options), FastDense(4, **options), (2, 3))


def assert_equal_bits(plain, fast, shape) -> None:
    """Values and gradients of the two layers, with equal weights, are equal to the last bit."""
    images, found = tf.constant(pulls(shape)), []
    fast.build(shape)
    plain.build(shape)
    plain.set_weights(fast.get_weights())
    for layer in (plain, fast):
        with tf.GradientTape() as tape:
            values = layer(images)
        found.append([values, *tape.gradient(values, layer.trainable_variables, values)])
    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(tf.cast(one, tf.float32), tf.cast(other, tf.float32))


def test_a_dense_layer_in_bfloat16_has_keras_s_values_and_its_copy_is_saved_as_keras_s(tmp_path):
    plain, own = (make(5, dtype="mixed_bfloat16") for make in (keras.layers.Dense, FastDense))
    codes = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)
    entry = keras.Input((3,))
    model = keras.Model(entry, own(entry))
    plain.build(codes.shape)
    plain.set_weights(own.get_weights())
    copy_with_keras_layers(model).save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert type(loaded.layers[-1]) is keras.layers.Dense
    for one in (model(codes, training=True), loaded(codes)):
        np.testing.assert_array_equal(tf.cast(plain(codes), tf.float32), tf.cast(one, tf.float32))


@pytest.mark.parametrize("kind", KINDS)
def test_its_copy_is_saved_as_the_layer_of_keras(kind, tmp_path):
    _, quick, images = pair(kind, 3, 4)
    entry = keras.Input(images.shape[1:])
    model = keras.Model(entry, quick(entry))
    copy_with_keras_layers(model).save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert type(loaded.layers[-1]) is kind
    np.testing.assert_allclose(loaded(images), quick(images), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("slope", [0.0, 0.3, 2.0])
def test_a_leaky_relu_has_the_values_and_gradients_of_keras_s_own(dtype, slope):
    """Those of the second order, too, which a contractive latent needs."""
    values, found = tf.cast(np.linspace(-3, 3, 25), dtype), []  # 0 among them
    for layer in (make(slope, dtype=dtype) for make in (keras.layers.LeakyReLU, FastLeakyReLU)):
        with tf.GradientTape() as outer:
            outer.watch(values)
            with tf.GradientTape() as tape:
                tape.watch(values)
                outputs = layer(values)
            slopes = tape.gradient(outputs, values, outputs)
        found.append([outputs, slopes, outer.gradient(slopes, values)])
    for ours, theirs in zip(*found, strict=True):
        np.testing.assert_array_equal(tf.cast(ours, tf.float32), tf.cast(theirs, tf.float32))


def test_a_transposed_convolution_of_wide_maps_that_are_small_is_left_to_keras(monkeypatch):
    ways = []
    turn = fast_layers.turn
    monkeypatch.setattr(fast_layers, "turn", lambda kernel: ways.append("turned") or turn(kernel))
    for rows, channels in ((4, 5), (4, 4)):
        layer = FastConv2DTranspose(channels, 3, padding="same")
        layer(np.zeros((1, rows, rows, channels), np.float32))
    assert ways == ["turned"]


def test_a_model_of_models_with_fast_layers_is_saved_and_loaded(tmp_path):
    """As the denoiser is: with dae_lab's layers where dae_lab is imported, with Keras's own as a copy."""
    inner_entry, entry = keras.Input((8, 8, 3)), keras.Input((8, 8, 3))
    layers = [FastConv2D(4, 3, padding="same"), FastLeakyReLU(0.1), FastConv2DTranspose(1, 3, padding="same")]
    values = inner_entry
    for layer in layers:
        values = layer(values)
    inner = keras.Model(inner_entry, values, name="inner")
    model, images = keras.Model(entry, inner(entry)), pulls((2, 8, 8, 3))
    copied = copy_with_keras_layers(model)
    for one, kind in ((model, FastConv2D), (copied, keras.layers.Conv2D)):
        one.save(tmp_path / "model.keras")
        loaded = keras.saving.load_model(tmp_path / "model.keras")
        assert type(loaded.get_layer("inner").layers[1]) is kind
        np.testing.assert_allclose(loaded(images), model(images), rtol=1e-4, atol=1e-5)
