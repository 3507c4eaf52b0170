"""The time that training spends in each kind of operation."""

import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from dae_lab.compat import parse_profile

LINES = 25
"""How many operations the table has."""


class Profile(keras.callbacks.Callback):
    """Profiles a whole training with TensorFlow's profiler; ``table`` is the result.

    Threads overlap, so the shares are of the time all threads spent in operations.
    """

    table = ""

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Start the profiler."""
        self._folder = tempfile.TemporaryDirectory()
        tf.profiler.experimental.start(self._folder.name)

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Stop the profiler, and make the table."""
        tf.profiler.experimental.stop()
        steps = int(self.model.optimizer.iterations)
        times = Counter[str]()
        for file in Path(self._folder.name).rglob("*.xplane.pb"):
            times.update(operation_times(file))
        self.table = as_table(times, steps)
        self._folder.cleanup()


def operation_times(file: Path) -> Counter[str]:
    """Milliseconds in each operation, ``kind  layer``, of a profile as TensorFlow writes it."""
    space = parse_profile(file.read_bytes())
    times = Counter[str]()
    for plane in space.planes:
        for line in plane.lines:
            for event in line.events:
                name, colon, kind = plane.event_metadata[event.metadata_id].name.rpartition(":")
                if colon and kind.isidentifier() and "/" in name:  # others are TensorFlow's own scaffolding
                    times[f"{kind:<40} {name.rpartition('PartitionedCall/')[2]}"] += event.duration_ps / 1e9
    return times


def as_table(times: Counter[str], steps: int) -> str:
    """The longest operations: milliseconds a step, share of all, kind and place."""
    total = sum(times.values()) or 1.0
    lines = [f"{'ms/step':>8} {'share':>6}  operation ({steps} steps)"]
    for name, spent in times.most_common(LINES):
        lines.append(f"{spent / steps:8.3f} {spent / total:6.1%}  {name}")
    return "\n".join(lines) + "\n"
