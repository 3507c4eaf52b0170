"""What every contender prints: seconds and CPU seconds a step of each epoch, and its peak memory."""

import json
import re
import time
from pathlib import Path


class Clock:
    """Started when an epoch begins, stopped when it ends."""

    def __init__(self, steps: int) -> None:
        self.steps = steps
        self.wall: list[float] = []
        self.cpu: list[float] = []

    def start(self) -> None:
        self._began = time.perf_counter(), time.process_time()

    def stop(self) -> None:
        wall, cpu = self._began
        self.wall.append((time.perf_counter() - wall) / self.steps)
        self.cpu.append((time.process_time() - cpu) / self.steps)

    def tell(self, loss: float) -> None:
        """Print it all as the last line; loss: of the last epoch, to see that something was learned."""
        print(json.dumps({"wall": self.wall, "cpu": self.cpu, "peak_mib": peak_mib(), "loss": loss}))


def peak_mib() -> float:
    """The most memory this process had, under Linux; ``getrusage`` counts that of the one that started it."""
    return int(re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())[1]) / 1024
