"""Shapes computed without TensorFlow are the shapes Keras gives, for any stack."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest

from dae_lab.config.shapes import story
from dae_lab.errors import ConfigError
from dae_lab.model import decoder, encoder
from dae_lab.model.layers import Layers

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
        output = decoder.schema.ConvOutput(**OUTPUT, **last, kernel_size=self.one(1, 2, 3, 4))
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
    """The shapes that leave the convolutions between two symbolic tensors, in order."""
    kinds = (keras.layers.Conv2D, keras.layers.Conv2DTranspose)
    return [layer.output.shape[1:] for layer in keras.Model(x, y).layers if isinstance(layer, kinds)]


@pytest.mark.parametrize("seed", range(40))
def test_a_random_encoder(seed):
    draw = Draw(seed)
    image, stack = draw.image(), draw.conv_encoder()
    if refused(lambda: stack.trace(image)):
        with pytest.raises(ValueError, match="output size would be zero or negative"):
            stack.build(keras.Input(image), layers())
        return
    trace, features = stack.trace(image), stack.build(keras.Input(image), layers())
    assert [shape for _, shape in trace] == [tensor.shape[1:] for tensor in features], story(trace)


@pytest.mark.parametrize("seed", range(40))
def test_a_random_decoder(seed):
    draw = Draw(seed)
    code, image, stack = draw.image(), draw.image(), draw.decoder()
    if refused(lambda: stack.trace(code, image)):
        with pytest.raises(ValueError, match="output size would be zero or negative"):
            stack.build(keras.Input(code), [], image, layers())
        return
    trace, x = stack.trace(code, image), keras.Input(code)
    y = stack.build(x, [], image, layers())
    assert [shape for _, shape in trace[1:]] == conv_shapes(x, y), story(trace)


@pytest.mark.parametrize("seed", range(5))
def test_random_residual_stages(seed):
    draw = Draw(seed)
    image, stack = draw.image(), {**draw.stack(), "padding": "same", "blocks": draw.one(1, 2)}
    down = encoder.Residual(**stack)
    assert [shape for _, shape in down.trace(image)] == [
        tensor.shape[1:] for tensor in down.build(keras.Input(image), layers())
    ]
    output = decoder.schema.ConvOutput(**OUTPUT, layer="conv", stride=1, kernel_size=3)
    up = decoder.Residual(**stack, output=output, interpolation="nearest")
    assert up.trace(image, image)[-1][1] == up.build(keras.Input(image), [], image, layers()).shape[1:]


def test_dense_stacks():
    down = encoder.Mlp(**FINISH, units=[7, 3])
    assert [shape for _, shape in down.trace((4, 5, 3))] == [
        tensor.shape[1:] for tensor in down.build(keras.Input((4, 5, 3)), layers())
    ]
    up = decoder.Mlp(**FINISH, units=[7], output=decoder.schema.DenseOutput(**OUTPUT))
    assert up.trace((3,), (4, 5, 3)) == [("code", (3,)), ("dense", (7,)), ("output", (4, 5, 3))]
    assert up.build(keras.Input((3,)), [], (4, 5, 3), layers()).shape == (None, 4, 5, 3)
