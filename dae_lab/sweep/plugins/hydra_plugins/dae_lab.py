"""What ``hydra/launcher=…`` can choose. Hydra takes launchers from a package of this name alone.

``dae_lab.config.places.register`` puts it on the path; nothing here imports TensorFlow or MLflow.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dae_lab.errors import ConfigError
from dae_lab.sweep.launcher import Engine

if TYPE_CHECKING:
    from dae_lab.sweep.job import Job, Outcomes


class LocalPool(Engine):
    """``workers`` processes on this machine."""

    def __init__(self, workers: int) -> None:
        if not isinstance(workers, int) or workers < 1:
            raise ConfigError(f"hydra.launcher.workers must be a whole number from 1; got {workers!r}")
        self.workers = workers

    def perform(self, jobs: "Sequence[Job]") -> "Outcomes":
        from dae_lab.sweep import pool

        return pool.run(jobs, self.workers)
