"""Decides ``training.precision=auto``: measures whether a network trains faster in bfloat16 on this machine.

A processor's flags do not tell: some have instructions for bfloat16 that are slower than float32's.
"""

import hashlib
import json
import logging
import os
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dae_lab import provenance
from dae_lab.config.run import Config
from dae_lab.config.shapes import Shape
from dae_lab.data.chain import write
from dae_lab.progress import progress
from dae_lab.tracking.damage import DamagedError, read_with_checksum, with_checksum

if TYPE_CHECKING:
    from dae_lab.model.autoencoder import Autoencoder

log = logging.getLogger(__name__)

AUTO = "auto"
"""The ``training.precision`` that is measured."""
GAIN = 0.9
"""Share of float32's time below which bfloat16 is taken: the rest of a training step gains less."""
LAYERS = 6
"""Layers measured, those with the most multiplications."""
MULTIPLICATIONS = 5e8
"""Multiplications of one pass through the measured layers; the batch is made smaller to stay below."""
ROUNDS = 3
"""Passes through the measured layers in each precision, at least, unless ``LIMIT`` comes first."""
SECONDS, LIMIT = 1.1, 1.4
"""Measuring ends after ``SECONDS`` if there were enough rounds, and after ``LIMIT`` in any case."""

Network = tuple[Config, Shape]
"""A config and the shape (h, w, c) of its images."""


@dataclass(frozen=True)
class Measurement:
    """The time of the widest layers of one or several networks, forward and gradients.

    Attributes:
        float32_ms, bfloat16_ms: wall time in milliseconds, the least of several rounds, summed over networks.
        float32_cpu_ms, bfloat16_cpu_ms: CPU time likewise, which other processes on the machine change less.
        machine: the processor, cores, threads and TensorFlow version that were measured.
    """

    float32_ms: float
    bfloat16_ms: float
    float32_cpu_ms: float
    bfloat16_cpu_ms: float
    machine: str

    @property
    def precision(self) -> str:
        """``mixed_bfloat16`` where it saves a tenth of wall and of CPU time, else ``float32``."""
        wall, cpu = self.bfloat16_ms / self.float32_ms, self.bfloat16_cpu_ms / self.float32_cpu_ms
        return "mixed_bfloat16" if max(wall, cpu) < GAIN else "float32"

    def __str__(self) -> str:
        return (
            f"{self.precision}: the widest layers take {self.bfloat16_ms:.1f} ms in bfloat16 (CPU time "
            f"{self.bfloat16_cpu_ms:.1f} ms) and {self.float32_ms:.1f} ms in float32 "
            f"({self.float32_cpu_ms:.1f} ms), measured on {self.machine}"
        )


def decide(config: Config, image: Shape) -> tuple[Config, Measurement | None]:
    """``config`` with a precision that is not ``auto``, and the measurement that decided it here."""
    if config.training.precision != AUTO:
        return config, None
    measurement = measure_networks([(config, image)])
    log.info("training.precision=auto: %s", measurement)
    return settle(config, measurement), measurement


def settle(config: Config, measurement: Measurement) -> Config:
    """``config`` with the precision that ``measurement`` decides."""
    return replace(config, training=replace(config.training, precision=measurement.precision))


def measure_networks(networks: Sequence[Network]) -> Measurement:
    """The sum over all different ``networks``, each measured once and then read from the cache.

    TensorFlow is imported if one of them has not been measured on this machine.
    """
    different = list({_digest(_key(*network)): network for network in networks}.values())
    return total(load(*network) or _measure_and_keep(*network) for network in different)


def load_all(networks: Sequence[Network], threads: int | None = None) -> Measurement | None:
    """What ``measure_networks`` gives in a process with ``threads`` threads, if all were measured before."""
    different = {_digest(_key(*network, threads)): network for network in networks}
    found = [load(*network, threads) for network in different.values()]
    return total(item for item in found if item) if all(found) else None


def total(measurements: Iterable[Measurement]) -> Measurement:
    """The sum of ``measurements``, which were made on one machine; at least one."""
    items = list(measurements)
    return Measurement(
        float32_ms=sum(item.float32_ms for item in items),
        bfloat16_ms=sum(item.bfloat16_ms for item in items),
        float32_cpu_ms=sum(item.float32_cpu_ms for item in items),
        bfloat16_cpu_ms=sum(item.bfloat16_cpu_ms for item in items),
        machine=items[0].machine,
    )


def load(config: Config, image: Shape, threads: int | None = None) -> Measurement | None:
    """The cached measurement of a network; None if there is none, or its file is damaged or another's."""
    key = _key(config, image, threads)
    try:
        content = read_with_checksum(_file(config, key))
        known = content.keys() == {"key", "measurement"} and content["key"] == key
        return Measurement(**content["measurement"]) if known else None
    except (DamagedError, TypeError):
        return None


def _measure_and_keep(config: Config, image: Shape) -> Measurement:
    from dae_lab.startup import import_tensorflow

    import_tensorflow()
    with progress("Measuring precisions"):
        measurement = _measure(config, image)
    content = {"key": _key(config, image), "measurement": asdict(measurement)}
    path = _file(config, content["key"])
    try:
        write(path, lambda file: file.write(with_checksum(content).encode()))
    except OSError as error:
        log.warning("%s cannot be written, so the next run measures again: %s", path, error)
    return measurement


def machine(threads: int | None = None) -> str:
    """This machine, as far as it decides which precision is faster."""
    count, version = threads or provenance.threads(), provenance.packages().get("tensorflow")
    return f"{provenance.cpu()}, {count} thread{'s' * (count != 1)}, TensorFlow {version}"


def warn_of_other_machine(measurement: Measurement) -> None:
    """Warn if ``measurement``, which decided the precision, was not made on this machine."""
    here = machine()
    if here != measurement.machine:
        log.warning(
            "the precision %s was measured on %s; this machine, %s, may train faster in another",
            measurement.precision,
            measurement.machine,
            here,
        )


def _key(config: Config, image: Shape, threads: int | None = None) -> dict[str, Any]:
    """All that can change which precision is faster, as JSON."""
    network = {part: asdict(getattr(config, part)) for part in ("encoder", "latent", "decoder")}
    return {
        "machine": machine(threads),
        "gpus": [Path("/dev/nvidia0").exists(), os.environ.get("CUDA_VISIBLE_DEVICES")],
        "onednn": provenance.onednn(),
        "code": provenance.code_fingerprint(("model", "training/precision.py")),
        "network": network,
        "image": list(image),
        "batch_size": config.training.batch_size,
        "deterministic": config.training.deterministic,
    }


def _digest(key: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:16]


def _file(config: Config, key: dict[str, Any]) -> Path:
    return Path(config.evaluation.cache).expanduser() / "precision" / f"{_digest(key)}.json"


def _measure(config: Config, image: Shape) -> Measurement:
    """The widest layers of a network in both precisions, in interleaved rounds."""
    import numpy as np

    from dae_lab.model.autoencoder import build
    from dae_lab.training.fit import set_up

    began = time.perf_counter()
    set_up(config)
    models = [
        build(
            replace(config, training=replace(config.training, precision=precision)),
            image,
            np.full(image[-1], 0.5),
        )
        for precision in ("float32", "mixed_bfloat16")
    ]  # both before the first graph: to build a model has graphs of Keras layers traced again
    passes = [_compile_pass(_widest_layers(model), config.training.batch_size) for model in models]
    for functions in passes:
        _run(functions)  # traces the graphs
    rounds: list[list[tuple[float, float]]] = []
    while not rounds or time.perf_counter() - began < (SECONDS if len(rounds) >= ROUNDS else LIMIT):
        rounds.append([_milliseconds(functions) for functions in passes])
    (float32, float32_cpu), (bfloat16, bfloat16_cpu) = np.min(rounds, axis=0).tolist()
    return Measurement(float32, bfloat16, float32_cpu, bfloat16_cpu, machine())


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


def _compile_pass(layers: Sequence[Any], batch_size: int) -> list[Callable[[], float]]:
    """A function for each layer that computes it forward and backward, on random images.

    They are run one after the other: in one graph TensorFlow would compute several at a time.
    """
    multiplications = max(1, sum(map(_multiplications, layers)))
    images = int(max(1, min(batch_size, MULTIPLICATIONS // multiplications)))
    return [_compile(layer, images) for layer in layers]


def _compile(layer: Any, images: int) -> Callable[[], float]:
    import tensorflow as tf

    values = tf.random.stateless_uniform((images, *layer.input.shape[1:]), [0, 0])
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
