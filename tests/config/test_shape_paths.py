"""Shapes computed without TensorFlow are the shapes Keras gives, for any stack."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import keras
import numpy as np
import pytest

from dae_lab.errors import ConfigError
from dae_lab.model import decoder, encoder
from dae_lab.model.layers import Layers
from dae_lab.parts.shapes import format_path

FINISH: dict[str, Any] = {"activation": "relu", "slope": 0.0, "batch_norm": "off", "dropout": 0.0}
OUTPUT: dict[str, Any] = {"activation": "sigmoid", "bias": "zero", "residual": False}


class Draw:
    """Random stacks from one seed."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)

    def one(self, *options: Any) -> Any:
        return options[self.rng.integers(len(options))]

    def some(self, count: int, high: int) -> list[int]:
        """One value a layer, or one for all, in 1…high."""
        return self.rng.integers(1, high + 1, self.one(1, count)).tolist()

    def stack(self) -> dict[str, Any]:
        count = int(self.rng.integers(1, 4))
        return {
            **FINISH,
            "filters": self.rng.integers(1, 4, count).tolist(),
            "kernel_sizes": self.some(count, 5),
            "strides": self.some(count, 3),
            "padding": self.one("same", "valid"),
        }

    def image(self) -> tuple[int, ...]:
        return (*self.rng.integers(3, 20, 2).tolist(), self.one(1, 3))

    def conv_encoder(self) -> encoder.Conv:
        stack = self.stack()
        count = len(stack["filters"])
        pools = {"pool_sizes": self.some(count, 3), "pool_strides": self.some(count, 3)}
        return encoder.Conv(**stack, **pools, pool=self.one("max", "average"))

    def decoder(self) -> Any:
        last = {"layer": self.one("conv", "conv_transpose", "upsample_conv"), "stride": self.one(1, 2)}
        output = decoder.ConvOutput(**OUTPUT, **last, kernel_size=self.one(1, 2, 3, 4))
        if self.one(True, False):
            return decoder.ConvTranspose(**self.stack(), output=output)
        return decoder.UpsampleConv(**self.stack(), output=output, interpolation="nearest")


def layers() -> Layers:
    return Layers(seed=0, part="encoder", dtype="float32", loss_divisor=1)


def refused(call: Callable[[], Any]) -> bool:
    """Whether ``call`` ends in a ConfigError, which must say that nothing of the image is left."""
    try:
        call()
    except ConfigError as error:
        return "shrinks the image to nothing" in str(error)
    return False


def conv_shapes(x: Any, y: Any) -> list[tuple[int, ...]]:
    """The shapes that leave the convolutions between two symbolic tensors, cropped, in order."""
    kinds = (keras.layers.Conv2D, keras.layers.Conv2DTranspose, keras.layers.Cropping2D)
    layers = [layer for layer in keras.Model(x, y).layers if isinstance(layer, kinds)]
    following = [*layers[1:], None]
    return [
        (after if isinstance(after, kinds[2]) and isinstance(layer, kinds[1]) else layer).output.shape[1:]
        for layer, after in zip(layers, following, strict=True)
        if not isinstance(layer, kinds[2])
    ]


@pytest.mark.parametrize("seed", range(40))
def test_a_random_encoder(seed):
    draw = Draw(seed)
    image, stack = draw.image(), draw.conv_encoder()
    if refused(lambda: stack.shape_path(image)):
        with pytest.raises(ValueError, match="output size would be zero or negative"):
            stack.build(keras.Input(image), layers())
        return
    trace, features = stack.shape_path(image), stack.build(keras.Input(image), layers())
    assert [shape for _, shape in trace] == [tensor.shape[1:] for tensor in features], format_path(trace)


@pytest.mark.parametrize("seed", range(40))
def test_a_random_decoder(seed):
    draw = Draw(seed)
    code, image, stack = draw.image(), draw.image(), draw.decoder()
    if refused(lambda: stack.shape_path(code, image)):
        with pytest.raises(ValueError, match="output size would be zero or negative"):
            stack.build(keras.Input(code), [], image, layers())
        return
    trace, x = stack.shape_path(code, image), keras.Input(code)
    y = stack.build(x, [], image, layers())
    assert [shape for _, shape in trace[1:]] == conv_shapes(x, y), format_path(trace)


@pytest.mark.parametrize("seed", range(5))
def test_random_residual_stages(seed):
    draw = Draw(seed)
    image, stack = draw.image(), {**draw.stack(), "padding": "same", "blocks": draw.one(1, 2)}
    down = encoder.Residual(**stack)
    assert [shape for _, shape in down.shape_path(image)] == [
        tensor.shape[1:] for tensor in down.build(keras.Input(image), layers())
    ]
    output = decoder.ConvOutput(**OUTPUT, layer="conv", stride=1, kernel_size=3)
    up = decoder.Residual(**stack, output=output, interpolation="nearest")
    assert up.shape_path(image, image)[-1][1] == up.build(keras.Input(image), [], image, layers()).shape[1:]


def test_dense_stacks():
    down = encoder.Mlp(**FINISH, units=[7, 3])
    assert [shape for _, shape in down.shape_path((4, 5, 3))] == [
        tensor.shape[1:] for tensor in down.build(keras.Input((4, 5, 3)), layers())
    ]
    up = decoder.Mlp(**FINISH, units=[7], output=decoder.DenseOutput(**OUTPUT))
    assert up.shape_path((3,), (4, 5, 3)) == [("code", (3,)), ("dense", (7,)), ("output", (4, 5, 3))]
    assert up.build(keras.Input((3,)), [], (4, 5, 3), layers()).shape == (None, 4, 5, 3)


def conv_pair(
    strides: list[int], kernel: int, up: type, padding: str = "same"
) -> tuple[encoder.Conv, decoder.ConvDecoder]:
    """An encoder with ``strides``, and a decoder with the same in reverse."""
    stack = {**FINISH, "filters": [2] * len(strides), "kernel_sizes": [kernel], "padding": padding}
    pools = {"pool_sizes": [1], "pool_strides": [1], "pool": "max"}
    output = decoder.ConvOutput(**OUTPUT, layer="conv", stride=1, kernel_size=kernel)
    more = {} if up is decoder.ConvTranspose else {"interpolation": "nearest"}
    more |= {"blocks": 1} if up is decoder.Residual else {}
    down = encoder.Conv(**stack, **pools, strides=strides)
    return down, up(**stack, **more, strides=strides[::-1], output=output)


UPS = [decoder.ConvTranspose, decoder.UpsampleConv, decoder.Unet, decoder.Residual]


@pytest.mark.parametrize("up", UPS)
@pytest.mark.parametrize("strides", [[1], [2], [2, 2], [1, 2, 2], [2, 3], [3, 2], [5], [2, 2, 2, 2]])
def test_a_decoder_with_the_encoders_strides_gives_images_of_any_size(up, strides):
    down, grow = conv_pair(strides, 3, up)
    for side in range(3, 130):
        image = (side, 132 - side, 1)
        assert grow.shape_path(down.shape_path(image)[-1][1], image)[-1][1] == image


@pytest.mark.parametrize("up", UPS)
@pytest.mark.parametrize("image", [(27, 45, 1), (101, 5, 3), (3, 3, 1), (28, 16, 1)])
@pytest.mark.parametrize(("strides", "kernel"), [([2, 2], 3), ([3, 2], 2), ([4], 5), ([4], 1)])
def test_keras_gives_them_too(up, image, strides, kernel):
    down, grow = conv_pair(strides, kernel, up)
    features = down.build(keras.Input(image), layers())
    skips = features[:-1] if up is decoder.Unet else []
    x = keras.Input(features[-1].shape[1:])
    inputs = [keras.Input(skip.shape[1:]) for skip in skips]
    y = grow.build(x, inputs, image, layers())
    assert y.shape[1:] == grow.shape_path(x.shape[1:], image)[-1][1] == image
    built = keras.Model([x, *inputs], y).layers
    assert any(isinstance(layer, keras.layers.Cropping2D) for layer in built) == (
        image != (28, 16, 1) or strides[0] == 3
    )
    joins = [layer for layer in built if isinstance(layer, keras.layers.Concatenate)]
    assert len(joins) == len(skips), "every resolution is joined on"


@pytest.mark.parametrize("up", UPS)
def test_strides_that_do_not_fit_are_not_cropped_away(up):
    down, grow = conv_pair([2, 2], 3, up)
    for strides, side in (([2], 14), ([2, 4], 56), ([2, 2, 2], 56), ([3, 2], 42)):
        wrong = replace(grow, filters=[2] * len(strides), strides=strides)
        assert wrong.shape_path(down.shape_path((28, 28, 1))[-1][1], (28, 28, 1))[-1][1] == (side, side, 1)


@pytest.mark.parametrize("up", UPS[:3])
def test_without_padding_nothing_is_cropped(up):
    down, grow = conv_pair([2], 4, up, padding="valid")
    sizes = {
        side: grow.shape_path(down.shape_path(image)[-1][1], image)[-1][1][0]
        for side, image in ((28, (28, 28, 1)), (29, (29, 29, 1)))
    }
    assert sizes[28] == sizes[29]
