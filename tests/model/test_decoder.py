"""Decoders give images of the size that went into the encoder, whatever it is."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from dae_lab.model.autoencoder import build
from dae_lab.model.decoder import crop_margins

SMALL = (
    *("data=npz", "data.path=x", "encoder.filters=[3,4]", "encoder.strides=[2]"),
    *("decoder.filters=[3,2]", "decoder.strides=[2]"),
)
NETWORKS = {
    "conv_transpose": SMALL,
    "upsample_conv": (*SMALL, "decoder=upsample_conv", "decoder.interpolation=bilinear"),
    "residual": (*SMALL, "encoder=residual", "decoder=residual"),
    "unet": (*SMALL, "decoder=unet"),
    "an output layer that enlarges": (
        *SMALL,
        *("decoder.filters=[3]", "decoder.strides=[2]", "decoder.output.stride=2"),
    ),
}
BLACK = np.zeros(1)


def crops(model: keras.Model) -> list[tuple]:
    """Rows and columns that the decoder's layers crop, in order."""
    return [layer.cropping for layer in model.decoder.layers if isinstance(layer, keras.layers.Cropping2D)]


@pytest.mark.parametrize("side", range(9, 14))
@pytest.mark.parametrize("stride", [2, 3, 4])
@pytest.mark.parametrize("kernel", range(1, 6))
def test_a_cropped_transposed_convolution_is_the_transpose_of_a_convolution(side, stride, kernel):
    rng = np.random.default_rng(0)
    codes = rng.normal(size=(2, -(-side // stride), -(-side // stride), 3)).astype(np.float32)
    weights = rng.normal(size=(kernel, kernel, 1, 3)).astype(np.float32)
    layer = keras.layers.Conv2DTranspose(1, kernel, stride, "same", use_bias=False)
    layer.build(codes.shape)
    layer.kernel.assign(weights)
    whole = layer(codes)
    margins = crop_margins(kernel, stride, whole.shape[1] - side)
    cropped = keras.layers.Cropping2D((margins, margins))(whole)
    expected = tf.nn.conv2d_transpose(codes, weights, (2, side, side, 1), stride, "SAME")
    np.testing.assert_allclose(cropped, expected, atol=1e-5)


@pytest.mark.parametrize("network", NETWORKS)
def test_sizes_that_fit_are_not_cropped(compose, network):
    assert crops(build(compose(*NETWORKS[network]), (12, 8, 1), BLACK)) == []
    assert crops(build(compose(*NETWORKS[network]), (11, 8, 1), BLACK)) != []


@pytest.mark.parametrize("network", NETWORKS)
def test_the_size_changes_no_first_weight(compose, network):
    first, second = (build(compose(*NETWORKS[network]), size, BLACK) for size in ((12, 8, 1), (11, 5, 1)))
    for one, other in zip(first.weights, second.weights, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("network", "precision"),
    [
        ("conv_transpose", "float32"),
        ("conv_transpose", "mixed_bfloat16"),
        ("upsample_conv", "float32"),
        ("unet", "float32"),
    ],
)
def test_an_exported_model_takes_images_of_their_own_size(compose, tmp_path, network, precision):
    residual = ("decoder.output.residual=true", "decoder.output.activation=linear")
    config = compose(*NETWORKS[network], *residual, f"training.precision={precision}")
    model = build(config, (11, 5, 1), BLACK)
    noisy = np.random.default_rng(0).random((3, 11, 5, 1), np.float32)
    answer = model.denoiser(noisy, training=False)
    assert (answer.dtype, answer.shape) == (tf.float32, noisy.shape)
    model.denoiser.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    model.denoiser.export(tmp_path / "graph", verbose=False)
    graph = tf.saved_model.load(str(tmp_path / "graph"))
    tolerance = 1e-5 if precision == "float32" else 0.05
    np.testing.assert_allclose(loaded(noisy), answer, atol=tolerance)
    np.testing.assert_allclose(graph.serve(noisy), answer, atol=tolerance)
