"""Published denoisers as configs alone: no code is needed to build them."""

import numpy as np

from dae_lab.model.autoencoder import build, parameter_counts

CHOLLET = (  # F. Chollet, "Building Autoencoders in Keras", 2016, section on denoising
    "noise.sigma=0.5 noise.clip=true noise.resample=once",
    "encoder=conv encoder.filters=[32,32] encoder.strides=[1] encoder.activation=relu",
    "encoder.pool_sizes=[2] encoder.pool_strides=[2]",
    "decoder=upsample_conv decoder.filters=[32,32] decoder.strides=[1,2] decoder.activation=relu",
    "decoder.output.layer=upsample_conv decoder.output.stride=2",
    "loss=bce training.epochs=100 training.batch_size=128",
)
DNCNN = (  # Zhang et al. 2017, arXiv:1608.03981, DnCNN-S for σ = 25: depth 17
    "noise.sigma=0.098 noise.clip=false noise.resample=epoch",
    "encoder=conv encoder.filters=[64] encoder.strides=[1] encoder.activation=relu",
    f"decoder=upsample_conv decoder.filters={[64] * 15} decoder.strides=[1]".replace(", ", ","),
    "decoder.activation=relu decoder.batch_norm=before_activation",
    "decoder.output.activation=linear decoder.output.residual=true",
    "loss=mse loss.reduction=sum training.batch_size=128",
)


def kinds(model) -> list[str]:
    """Keras's names of the layers in order, without the ones that only name inputs."""
    names = [type(layer).__name__.removeprefix("Fast") for layer in model.layers]
    return [name for name in names if name != "InputLayer"]


def test_the_denoiser_of_the_keras_blog(compose):
    model = build(compose(*" ".join(CHOLLET).split()), (28, 28, 1), np.zeros(1))
    assert kinds(model.encoder) == ["Conv2D", "Activation", "MaxPooling2D"] * 2
    assert kinds(model.decoder) == [*("Conv2D", "Activation", "UpSampling2D") * 2, "Conv2D"]
    assert model.encoder.output.shape == (None, 7, 7, 32)
    first, inner, last = 9 * 32 + 32, 9 * 32 * 32 + 32, 9 * 32 + 1
    assert parameter_counts(model)["parameters"] == first + 3 * inner + last == 28_353


def test_dncnn(compose):
    config = compose(*" ".join(DNCNN).split())
    model = build(config, (28, 28, 1), np.zeros(1))
    assert kinds(model.encoder) == ["Conv2D", "Activation"]
    assert kinds(model.decoder) == [*("Conv2D", "BatchNormalization", "Activation") * 15, "Conv2D"]
    first, hidden, normalised, last = 9 * 64 + 64, 9 * 64 * 64 + 64, 4 * 64, 9 * 64 + 1
    assert parameter_counts(model)["parameters"] == first + 15 * (hidden + normalised) + last == 558_977

    noisy = np.random.default_rng(0).normal(0.5, 0.5, (2, 28, 28, 1)).astype(np.float32)
    outputs = model(noisy, training=False)
    learnt = model.decoder(model.encoder(noisy, training=False), training=False)
    np.testing.assert_allclose(outputs["image"], noisy + learnt, atol=1e-6)
    assert config.loss.reduction == "sum"


def test_skips_of_a_unet_join_the_last_features_of_their_resolution(compose):
    config = compose("encoder=unet", "decoder=unet")
    model = build(config, (28, 28, 1), np.zeros(1))
    assert [tensor.shape[1:] for tensor in model.encoder.outputs] == [
        *((7, 7, 128), (28, 28, 1), (28, 28, 32), (28, 28, 32)),
        *((14, 14, 32), (14, 14, 64), (14, 14, 64), (7, 7, 64)),
    ]
    joined = [layer for layer in model.decoder.layers if type(layer).__name__ == "Concatenate"]
    assert [layer.output.shape[1:] for layer in joined] == [(14, 14, 128 + 64), (28, 28, 64 + 32)]
    skips = model.decoder.inputs[1:]
    assert [layer.input[1] is skips[number] for layer, number in zip(joined, (5, 2), strict=True)] == [
        True
    ] * 2
