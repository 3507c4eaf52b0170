"""Decides ``training.precision=auto``: measures whether a network trains faster in bfloat16 on this machine.

A processor's flags do not tell: some have instructions for bfloat16 that are slower than float32's.
"""

import logging
import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from math import inf
from pathlib import Path
from typing import Any, Literal

from dae_lab import provenance
from dae_lab.config.run import Config
from dae_lab.environment import check_environment, kernel_settings
from dae_lab.parts.part import own_code
from dae_lab.parts.shapes import Shape
from dae_lab.progress import progress
from dae_lab.tracking.checksums import DamagedError
from dae_lab.training import measurements
from dae_lab.training.timing import ROUNDS, time_layers

log = logging.getLogger(__name__)

AUTO = "auto"
"""The ``training.precision`` that is measured."""
GAIN = 0.9
"""Share of float32's time below which bfloat16 is taken: the rest of a training step gains less."""
Network = tuple[Config, Shape]
"""A config and the shape (h, w, c) of its images."""


@dataclass(frozen=True)
class Measurement:
    """The time of the widest layers of one or several networks, forward and gradients.

    Attributes:
        float32_ms, bfloat16_ms: wall time in milliseconds, the least of several rounds, summed over networks.
        float32_cpu_ms, bfloat16_cpu_ms: CPU time likewise, which other processes on the machine change less.
        machine: the processor, cores, threads and TensorFlow version that were measured.
        rounds: passes that the times are the least of; with fewer than ``ROUNDS`` they decide nothing.
    """

    float32_ms: float
    bfloat16_ms: float
    float32_cpu_ms: float
    bfloat16_cpu_ms: float
    machine: str
    rounds: int = ROUNDS

    @property
    def precision(self) -> Literal["float32", "mixed_bfloat16"]:
        """``mixed_bfloat16`` where it surely saves a tenth of wall and of CPU time, else ``float32``."""
        if self.rounds < ROUNDS:
            return "float32"
        wall, cpu = self.bfloat16_ms / self.float32_ms, self.bfloat16_cpu_ms / self.float32_cpu_ms
        return "mixed_bfloat16" if max(wall, cpu) < GAIN else "float32"

    def __str__(self) -> str:
        few = f" in {self.rounds} of {ROUNDS} rounds, too few to take another" if self.rounds < ROUNDS else ""
        return (
            f"{self.precision}: the widest layers take {self.bfloat16_ms:.1f} ms in bfloat16 (CPU time "
            f"{self.bfloat16_cpu_ms:.1f} ms) and {self.float32_ms:.1f} ms in float32 "
            f"({self.float32_cpu_ms:.1f} ms), measured{few} on {self.machine}"
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
    different = list({measurements.digest(_key(*network)): network for network in networks}.values())
    return total(load(*network) or _measure_and_keep(*network) for network in different)


def load_all(networks: Sequence[Network], threads: int | None = None) -> Measurement | None:
    """What ``measure_networks`` gives in a process with ``threads`` threads, if all were measured before."""
    different = {measurements.digest(_key(*network, threads)): network for network in networks}
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
        rounds=min(item.rounds for item in items),
    )


def load(config: Config, image: Shape, threads: int | None = None) -> Measurement | None:
    """The cached measurement of a network; None if there is none.

    A file that is damaged or another network's is removed, with a warning.
    """
    folder, key = _folder(config), _key(config, image, threads)
    found = measurements.load(folder, key)
    if found is None:
        return None
    try:
        return _measurement(found)
    except DamagedError as error:
        measurements.discard(folder, key, error)
        return None


def _measurement(fields: Any) -> Measurement:
    """The measurement with these fields; raises a DamagedError unless they are one's."""
    try:
        found = Measurement(**fields)
    except TypeError as error:
        raise DamagedError("it holds no measurement") from error
    times = (found.float32_ms, found.bfloat16_ms, found.float32_cpu_ms, found.bfloat16_cpu_ms)
    if not all(type(time) is float and 0 < time < inf for time in times):
        raise DamagedError("its times are no positive numbers")
    if type(found.machine) is not str or type(found.rounds) is not int or found.rounds < ROUNDS:
        raise DamagedError("it holds no measurement")
    return found


def _measure_and_keep(config: Config, image: Shape) -> Measurement:
    from dae_lab.startup import import_tensorflow

    check_environment()
    import_tensorflow()
    with progress("Measuring precisions"):
        measurement = _measure(config, image)
    if measurement.rounds < ROUNDS:  # the machine may have been busy
        return measurement
    measurements.keep(_folder(config), _key(config, image), asdict(measurement))
    return measurement


def _measure(config: Config, image: Shape) -> Measurement:
    ((float32, float32_cpu), (bfloat16, bfloat16_cpu)), rounds = time_layers(config, image)
    return Measurement(float32, bfloat16, float32_cpu, bfloat16_cpu, machine(), rounds)


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


_CODE = ("model", "training/precision.py", "training/timing.py")


def _key(config: Config, image: Shape, threads: int | None = None) -> dict[str, Any]:
    """All that can change which precision is faster, as JSON."""
    network = {part: asdict(getattr(config, part)) for part in ("encoder", "latent", "decoder")}
    return {
        "machine": machine(threads),
        "gpus": [Path("/dev/nvidia0").exists(), os.environ.get("CUDA_VISIBLE_DEVICES")],
        "onednn": provenance.onednn(),
        "settings": kernel_settings(),
        "code": provenance.code_fingerprint(_CODE) + own_code(network),
        "network": network,
        "image": list(image),
        "batch_size": config.training.batch_size,
        "deterministic": config.training.deterministic,
    }


def _folder(config: Config) -> Path:
    return Path(config.evaluation.cache).expanduser() / "precision"
