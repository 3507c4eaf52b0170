"""Convolutions: Keras's own numbers, by another way."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from dae_lab.model.quick import quicken

KINDS = (keras.layers.Conv2D, keras.layers.Conv2DTranspose)


def pair(kind, size, channels, dtype="float32", filters=1, policy="float32"):
    """A layer of Keras's and its quickened twin, with equal weights, and images that suit them."""
    rng = np.random.default_rng(0)
    layers = [kind(filters, size, padding="same", dtype=policy) for _ in range(2)]
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


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("rows", "stride", "size"), [(7, 1, 3), (7, 2, 3), (7, 2, 5), (6, 1, 1), (5, 3, 3), (4, 2, 1), (12, 2, 3)]
)
def test_in_bfloat16_values_and_gradients_are_those_of_keras(kind, rows, stride, size):
    rng = np.random.default_rng(0)
    images = tf.Variable(rng.normal(size=(8, rows, rows + 1, 3)), dtype=tf.float32)
    layers = [kind(4, size, stride, padding="same", dtype="mixed_bfloat16") for _ in range(2)]
    quicken(layers[1])
    found = []
    for layer in layers:
        layer(images)
        layer.set_weights([np.asarray(rng.normal(size=item.shape)) for item in layers[0].get_weights()])
        layer.set_weights(layers[0].get_weights())
        with tf.GradientTape() as tape:
            values = layer(images)
            cost = tf.reduce_sum(tf.sin(tf.cast(values, tf.float32)))
        found.append([values, *tape.gradient(cost, [images, *layer.trainable_variables])])
    assert found[0][0].dtype == found[1][0].dtype == tf.bfloat16
    for one, other in zip(*found, strict=True):
        largest = float(tf.reduce_max(tf.abs(tf.cast(one, tf.float32))))
        np.testing.assert_allclose(tf.cast(one, tf.float32), tf.cast(other, tf.float32), atol=0.06 * largest)


@pytest.mark.parametrize("arguments", [{"padding": "valid"}, {"kernel_size": 2}])
def test_other_layers_are_left_as_they_are(arguments):
    for kind in KINDS:
        layer = quicken(kind(**{"filters": 1, "kernel_size": 3, "padding": "same"} | arguments))
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
