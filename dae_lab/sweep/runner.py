"""Where the runs of a sweep are trained: the base class of what ``hydra/launcher=…`` can choose.

Imports neither TensorFlow nor MLflow.
"""

from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

from dae_lab.config.validate import check_working_folder
from dae_lab.errors import ConfigError
from dae_lab.sweep.hydra_jobs import shared_environment

if TYPE_CHECKING:
    from dae_lab.config.run import Config
    from dae_lab.sweep.job import Job, Outcomes
    from dae_lab.training.precision import Measurement, Network


class JobRunner(Launcher):
    """Trains the runs of a sweep somewhere; subclasses say where.

    Attributes:
        remote: whether even a single run is handed over, and not trained in the process of the command.
        environment: variables that the processes of the runs have beside those of the command.
    """

    remote: ClassVar[bool] = False
    environment: dict[str, str]

    @abstractmethod
    def run_jobs(self, jobs: "Sequence[Job]") -> "Outcomes":
        """Train ``jobs``; closing the generator stops those that run, so that they can go on another time."""

    @abstractmethod
    def measure(self, networks: "Sequence[Network]") -> "Measurement":
        """Measure in which precision ``networks`` train faster, on a machine that trains runs."""

    def calibrate(self, configs: "Sequence[Config]") -> list[float]:
        """Time an epoch of each of ``configs`` where runs are trained, in seconds; empty: unknown."""
        return []

    def close(self) -> None:
        """Release what the runs needed: no others will be asked for."""

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        check_working_folder(config.hydra)
        self.environment = shared_environment(config.hydra)

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        raise ConfigError("hydra/sweeper must be lab, the default, or optuna: others cannot sum up the runs")
