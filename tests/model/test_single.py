"""Convolutions to one channel: Keras's own numbers, by another way."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from dae_lab.model.single import quicken

KINDS = (keras.layers.Conv2D, keras.layers.Conv2DTranspose)


def pair(kind, size, channels, dtype="float32"):
    """A layer of Keras's and its quickened twin, with equal weights, and images that suit them."""
    rng = np.random.default_rng(0)
    layers = [kind(1, size, padding="same", dtype="float32") for _ in range(2)]
    quicken(layers[1])
    images = tf.cast(rng.normal(size=(3, 7, 6, channels)), dtype)
    for layer in layers:
        layer(images)
        layer.set_weights([rng.normal(size=weight.shape) for weight in layer.get_weights()])
    layers[1].set_weights(layers[0].get_weights())
    return *layers, images


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [1, 3, 5])
@pytest.mark.parametrize("channels", [1, 4])
def test_values_and_gradients_are_those_of_keras(kind, size, channels):
    plain, quick, images = pair(kind, size, channels)
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


@pytest.mark.parametrize(
    "arguments",
    [
        {"filters": 2, "kernel_size": 3, "padding": "same"},
        {"filters": 1, "kernel_size": 3, "padding": "valid"},
        {"filters": 1, "kernel_size": 3, "strides": 2, "padding": "same"},
        {"filters": 1, "kernel_size": 2, "padding": "same"},
        {"filters": 1, "kernel_size": 3, "padding": "same", "dtype": "mixed_bfloat16"},
    ],
)
def test_other_layers_are_left_as_they_are(arguments):
    for kind in KINDS:
        layer = quicken(kind(**arguments))
        assert layer.call.__func__ is kind.call
        assert layer.autocast


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_saved_as_the_layer_of_keras_that_it_is(kind, tmp_path):
    _, quick, images = pair(kind, 3, 4)
    entry = keras.Input(images.shape[1:])
    keras.Model(entry, quick(entry)).save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert type(loaded.layers[-1]) is kind
    np.testing.assert_allclose(loaded(images), quick(images), rtol=1e-4, atol=1e-5)
