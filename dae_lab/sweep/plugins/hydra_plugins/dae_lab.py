"""What ``hydra/launcher=…`` and ``hydra/sweeper=…`` can choose. Hydra takes them from a package of this name.

``dae_lab.config.registration.register`` puts it on the path; nothing here imports TensorFlow or MLflow.
"""

from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

from dae_lab.commands import format_install_command
from dae_lab.errors import ConfigError
from dae_lab.parts.schema import parse_schema
from dae_lab.sweep.runner import JobRunner

if TYPE_CHECKING:
    from dae_lab.config.run import Config
    from dae_lab.sweep.job import Job, Outcomes
    from dae_lab.sweep.pool import WorkerPool
    from dae_lab.training.precision import Measurement, Network


class LocalPool(JobRunner):
    """``workers`` processes on this machine."""

    def __init__(self, workers: int) -> None:
        if type(workers) is not int or workers < 1:  # true is an int, too
            raise ConfigError(f"hydra.launcher.workers must be a whole number from 1; got {workers!r}")
        self.workers = workers
        self._pool: WorkerPool | None = None

    def run_jobs(self, jobs: "Sequence[Job]") -> "Outcomes":
        return self._open_pool(min(self.workers, len(jobs))).run(jobs)

    def measure(self, networks: "Sequence[Network]") -> "Measurement":
        from dae_lab.training.precision import load_all, measure_networks

        measured = load_all(networks, self._threads() or None)
        return measured or self._open_pool(self.workers).call(measure_networks, networks)

    def calibrate(self, configs: "Sequence[Config]") -> list[float]:
        from dae_lab.training.calibration import calibrate, load

        known = [load(config, self._threads() or None) for config in configs]
        if all(known):
            return [seconds for seconds in known if seconds]
        return self._open_pool(self.workers).call(calibrate, configs)

    def _open_pool(self, size: int) -> "WorkerPool":
        """The pool of this sweep, of at least ``size`` processes."""
        from dae_lab.sweep.pool import WorkerPool

        if self._pool is None or not self._pool.usable or self._pool.size < size:
            self.close()
            self._pool = WorkerPool(size, self._threads())
        return self._pool

    def _threads(self) -> int:
        """Threads of a process; 0: as many as there are cores."""
        from dae_lab.provenance import cores

        return max(1, cores() // self.workers) if self.workers > 1 else 0

    def close(self) -> None:
        if self._pool is not None:
            self._pool.close()
            self._pool = None


class Extra(JobRunner):
    """A cluster, by an optional package: ``dae_lab.sweep.<extra>`` has its ``Settings`` and functions."""

    remote = True
    extra: str
    package: str

    def __init__(self, **settings: Any) -> None:
        pass  # checked by ``setup``, where an error reaches the user in its own words

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        super().setup(hydra_context=hydra_context, task_function=task_function, config=config)
        _need(self.package, f"hydra/launcher={self.extra}")
        self.room = import_module(f"dae_lab.sweep.{self.extra}")
        self.settings = _settings(config, "launcher", self.room.Settings)

    def run_jobs(self, jobs: "Sequence[Job]") -> "Outcomes":
        outcomes: Outcomes = self.room.run(jobs, self.settings)
        return outcomes

    def measure(self, networks: "Sequence[Network]") -> "Measurement":
        measurement: Measurement = self.room.measure(networks, self.settings)
        return measurement


class Slurm(Extra):
    """Jobs of a SLURM cluster, see ``dae_lab.sweep.slurm.Settings``."""

    extra, package = "slurm", "submitit"


class Ray(Extra):
    """Tasks of a Ray cluster, see ``dae_lab.sweep.ray.Settings``."""

    extra, package = "ray", "ray"

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        super().setup(hydra_context=hydra_context, task_function=task_function, config=config)
        if self.environment and self.settings.address:
            raise ConfigError(
                "hydra.job.env_set: the processes of a Ray cluster have an environment of their own; set the "
                "variables where the cluster is started"
            )


class Lab(Sweeper):
    """Trains all combinations of the values given, a single run in this process, or judges claims.

    Args:
        params: keys to vary, as on the command line.
    """

    def __init__(self, params: dict[str, str] | None = None) -> None:
        self.params = params or {}

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        self.command: Any = _command(hydra_context, task_function, config)

    def sweep(self, arguments: list[str]) -> None:
        self.command.execute([*(f"{key}={values}" for key, values in self.params.items()), *arguments])


class Optuna(Sweeper):
    """A search by the value of ``sweep.metric``, see ``dae_lab.sweep.search.Settings``."""

    def __init__(self, **settings: Any) -> None:
        pass  # checked by ``setup``

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        _need("optuna", "hydra/sweeper=optuna")
        from dae_lab.sweep import search

        self.settings = _settings(config, "sweeper", search.Settings)
        self.command: Any = _command(hydra_context, task_function, config)

    def sweep(self, arguments: list[str]) -> None:
        params = [f"{key}={space}" for key, space in self.settings.params.items()]
        self.command.search([*params, *arguments], self.settings)


def _command(context: HydraContext, task: TaskFunction, config: DictConfig) -> Any:
    """The command that Hydra has a sweeper do."""
    from dae_lab.dispatch import SweepCommand  # here, as --help and --cfg do not need it

    return SweepCommand(context, task, config)


def _need(package: str, choice: str) -> None:
    if find_spec(package) is None:
        extra = choice.partition("=")[2]
        raise ConfigError(f"{choice} needs the package {package}: {format_install_command(extra)}")


def _settings(config: DictConfig, group: str, schema: type) -> Any:
    """What the config says in ``hydra.<group>``, checked."""
    plain: Any = OmegaConf.to_container(config.hydra[group], resolve=True)
    own = {key: value for key, value in plain.items() if not key.startswith("_")}
    return parse_schema(own, schema, f"hydra.{group}")
