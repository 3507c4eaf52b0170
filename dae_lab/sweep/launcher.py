"""Hydra's way to a sweep: what ``hydra/launcher=…`` chooses. Imports neither TensorFlow nor MLflow."""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.utils import JobReturn, JobStatus, env_override, setup_globals
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

from dae_lab.config.explain import explain
from dae_lab.config.outside import choices, outside_files
from dae_lab.config.validate import check_working_folder, validate
from dae_lab.errors import ConfigError
from dae_lab.files import is_irregular
from dae_lab.process import STOPS, catch_signals
from dae_lab.sweep.compose import Composer
from dae_lab.sweep.hydra_jobs import HydraJobs, shared_environment
from dae_lab.sweep.size import check_number_of_runs
from dae_lab.sweep.tasks import as_text, identity

if TYPE_CHECKING:
    from dae_lab.config.run import Config
    from dae_lab.sweep.job import Job, Logging, Outcomes
    from dae_lab.sweep.plan import Composed
    from dae_lab.training.precision import Measurement, Network


class Command(Protocol):
    """What is done with the runs that one command asks for, in one batch or several."""

    @property
    def jobs(self) -> "Sequence[Job]":
        """All that was asked for so far."""

    @property
    def given_up(self) -> str:
        """Why it ended before its last run; empty where it did not."""

    def run(self, composed: "Sequence[Composed]", first: int) -> list[float]:
        """Take one batch, whose first run has the number ``first``; gives a number for each."""

    def sum_up(self) -> bool:
        """Say what came of it all; gives whether a run failed."""


class Engine(Launcher):
    """Does the runs of a sweep somewhere; children say where."""

    current: "Command | None" = None
    """The sweep of this process, for ``dae_lab.run`` to sum up, however Hydra ends."""
    command: "Callable[[Any], Command] | None" = None
    """What takes the runs that were asked for; None: a sweep, which does them."""

    @abstractmethod
    def perform(self, jobs: "Sequence[Job]") -> "Outcomes":
        """Do ``jobs``; closing the generator stops those that run, so that they can go on another time."""

    @abstractmethod
    def measure(self, networks: "Sequence[Network]") -> "Measurement":
        """Measure in which precision ``networks`` train faster, on a machine that does runs."""

    def calibrate(self, configs: "Sequence[Config]") -> list[float]:
        """Time an epoch of each of ``configs`` where runs are done, in seconds; empty: unknown."""
        return []

    def close(self) -> None:
        """No other runs will be asked for."""

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        self.context, self.config = hydra_context, config
        check_working_folder(config.hydra)
        _need_writable(Path(config.hydra.sweep.dir).expanduser() / "multirun.yaml")
        self.environment = shared_environment(config.hydra)
        loader = hydra_context.config_loader
        assert isinstance(loader, ConfigLoaderImpl)
        check_number_of_runs(config, loader)
        self._composer = composer = Composer(loader, config)
        self._hydra_jobs = HydraJobs(loader, config)
        self._logging: Logging | None = None
        self._hydra: list[str] = OmegaConf.to_container(config.hydra.overrides.hydra, resolve=False)  # type: ignore[assignment]
        self._known_files: dict[tuple[str, ...], str] = {}

        def composed(master_config: DictConfig, sweep_overrides: list[str]) -> DictConfig:
            return composer(sweep_overrides)[0]

        loader.load_sweep_config = composed  # type: ignore[method-assign]  # Hydra composes each, to check it

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Do one batch of runs; a sweeper that searches gives several batches, one after the other."""
        setup_globals()
        from dae_lab.sweep.sweep import Sweep

        catch_signals(*STOPS)  # from here on there is something to close
        if Engine.current is None:
            Engine.current = (Engine.command or Sweep)(self)
        with env_override(self.environment):  # the processes that do the runs inherit it
            numbered = enumerate(job_overrides, initial_job_idx)
            jobs = [self.compose(list(overrides), number) for number, overrides in numbered]
            values = Engine.current.run(jobs, initial_job_idx)
        return [_as_return(value) for value in values]

    def task(self, overrides: list[str]) -> str | None:
        """The task of a run, see ``dae_lab.sweep.tasks``; None for one that is refused. Nothing is done.

        Args:
            overrides: the run's.
        """
        setup_globals()
        try:
            config = validate(self._composer(overrides)[0])
        except Exception as error:
            if isinstance(error, ConfigError) or explain(error) is not None:
                return None
            raise
        return as_text(identity(asdict(config), config.sweep.metric))

    def compose(self, overrides: list[str], number: int | None = None) -> "Composed":
        """The config of one run.

        Args:
            overrides: the run's.
            number: of Hydra's job; None for a run of a claim, which logs as the claim, itself a job, does.

        Raises:
            ConfigError: Hydra cannot compose it.
        """
        from dae_lab.sweep.plan import Composed

        try:
            config, preset = self._composer(overrides)
            if number is not None and self._hydra_jobs.needed_for(config):
                config, self._logging = self._hydra_jobs.prepare(overrides, number)
        except Exception as error:
            if (message := explain(error)) is None:
                raise
            raise ConfigError(message) from error
        return Composed(overrides, preset, config, logging=self._logging, config_files=self._files(overrides))

    def _files(self, overrides: list[str]) -> str:
        """Names and contents of the config files of a run that are not of the package."""
        from dae_lab.provenance import config_text

        options = (*self._hydra, *choices(overrides))
        if options not in self._known_files:
            files = outside_files(self.context.config_loader, self.config.hydra, options)
            self._known_files[options] = config_text(files)
        return self._known_files[options]


def _need_writable(file: Path) -> None:
    """Raise a ConfigError where a sweeper of Hydra's, which writes ``file``, would fail, or wait for ever."""
    if is_irregular(file):
        raise ConfigError(f"hydra.sweep.dir: {file} is no regular file; move it away")


def _as_return(value: float) -> JobReturn:
    """What a sweeper is told. Never that a run failed: Hydra would not begin the next batch."""
    result = JobReturn(status=JobStatus.COMPLETED)
    result.return_value = value
    return result
