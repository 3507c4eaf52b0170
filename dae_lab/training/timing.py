"""Times the widest layers of a network in float32 and in bfloat16, in a few seconds whatever its size."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from math import ceil, prod
from typing import TYPE_CHECKING, Any

from dae_lab.config.run import Config
from dae_lab.parts.shapes import Shape

if TYPE_CHECKING:
    from dae_lab.model.autoencoder import Autoencoder

LAYERS = 6
"""Layers measured, those with the most multiplications."""
MULTIPLICATIONS = 5e8
"""Multiplications of one pass through the measured layers; the batch is made smaller to stay below,
and where one image is too large it is cropped."""
ROUNDS = 3
"""Passes through the measured layers in each precision that a decision takes at least."""
SECONDS, LIMIT = 0.6, 4.0
"""Measuring ends after ``SECONDS`` if there were enough rounds, and after ``LIMIT`` in any case; to build the
layers and to trace their graphs does not count."""
SMALLER = 3
"""Passes that are tried, each a tenth of the one before, until one is short."""


def time_layers(config: Config, image: Shape) -> tuple[list[tuple[float, float]], int]:
    """Time the widest layers of a network in both precisions, forward and gradients, in interleaved rounds.

    Returns:
        Wall and CPU time in milliseconds, the least of all rounds, in float32 and in bfloat16; and how many
        rounds there were.
    """
    import numpy as np

    from dae_lab.model.autoencoder import build
    from dae_lab.training.fit import set_determinism

    set_determinism(config.training.deterministic)
    models = [
        build(
            replace(config, training=replace(config.training, precision=precision)),
            image,
            np.full(image[-1], 0.5),
        )
        for precision in ("float32", "mixed_bfloat16")
    ]  # both before the first graph: to build a model has graphs of Keras layers traced again
    layers = [_widest_layers(model) for model in models]
    passes = _short_passes(layers, config.training.batch_size)
    began = time.perf_counter()
    rounds: list[list[tuple[float, float]]] = []
    while not rounds or time.perf_counter() - began < (SECONDS if len(rounds) >= ROUNDS else LIMIT):
        rounds.append([_milliseconds(functions) for functions in passes])
    return [(wall, cpu) for wall, cpu in np.min(rounds, axis=0).tolist()], len(rounds)


def _short_passes(layers: Sequence[Sequence[Any]], batch_size: int) -> list[list[Callable[[], float]]]:
    """A pass for each precision, traced; a smaller one where a round takes a third of ``LIMIT``."""
    multiplications = MULTIPLICATIONS
    for _ in range(SMALLER):
        passes = [_compile_pass(some, batch_size, multiplications) for some in layers]
        for functions in passes:
            _run(functions)  # traces the graphs
        if sum(_milliseconds(functions)[0] for functions in passes) < 1000 * LIMIT / ROUNDS:
            break
        multiplications /= 10
    return passes


def _widest_layers(model: "Autoencoder") -> list[Any]:
    layers = [*model.encoder.layers, *model.decoder.layers]
    weighted = [layer for layer in layers if getattr(layer, "kernel", None) is not None]
    return sorted(weighted, key=_multiplications, reverse=True)[:LAYERS]


def _multiplications(layer: Any) -> int:
    """Multiplications of ``layer`` for one image, forward."""
    kernel = prod(layer.kernel.shape)
    if len(layer.kernel.shape) == 2:
        return kernel
    maps = layer.input.shape if "Transpose" in type(layer).__name__ else layer.output.shape
    return kernel * prod(maps[1:3])


def _compile_pass(
    layers: Sequence[Any], batch_size: int, most: float = MULTIPLICATIONS
) -> list[Callable[[], float]]:
    """A function for each layer that computes it forward and backward, on random images.

    They are run one after the other: in one graph TensorFlow would compute several at a time.
    """
    multiplications = max(1, sum(map(_multiplications, layers)))
    images = int(max(1, min(batch_size, most // multiplications)))
    share = min(1.0, most / multiplications)
    return [_compile(layer, _shape(layer, images, share)) for layer in layers]


def _shape(layer: Any, images: int, share: float) -> tuple[int, ...]:
    """The shape of a batch for ``layer``, its maps cropped to that share of their area.

    The layers of a network keep their proportions; none is cropped to less than its kernel.
    """
    shape: tuple[int, ...] = layer.input.shape[1:]
    if len(layer.kernel.shape) == 2:
        return (images, *shape)
    sides = zip(shape[:2], layer.kernel.shape[:2], strict=True)
    cropped = (min(side, max(ceil(side * share**0.5), kernel)) for side, kernel in sides)
    return (images, *cropped, *shape[2:])


def _compile(layer: Any, shape: tuple[int, ...]) -> Callable[[], float]:
    import tensorflow as tf

    values = tf.random.stateless_uniform(shape, [0, 0])
    values = tf.cast(values, layer.input.dtype)
    weights = [weight.value for weight in layer.trainable_weights]

    def compute(values: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(values)
            outputs = layer(values)
        gradients = tape.gradient(outputs, [values, *weights], output_gradients=outputs)
        return tf.add_n([tf.cast(tf.reshape(item, (-1,))[0], tf.float32) for item in gradients])

    graph = tf.function(compute, autograph=False)
    return lambda: float(graph(values))  # waits for the device


def _run(functions: Sequence[Callable[[], float]]) -> None:
    for function in functions:
        function()


def _milliseconds(functions: Sequence[Callable[[], float]]) -> tuple[float, float]:
    """Wall and CPU time of ``functions``; twice the wall time where a GPU does the work."""
    import tensorflow as tf

    began, cpu_began = time.perf_counter(), time.process_time()
    _run(functions)
    wall, cpu = time.perf_counter() - began, time.process_time() - cpu_began
    return 1000 * wall, 1000 * (wall if tf.config.list_physical_devices("GPU") else cpu)
