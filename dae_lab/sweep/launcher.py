"""Hydra's way to a sweep: what ``hydra/launcher=…`` chooses. Imports neither TensorFlow nor MLflow."""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.utils import JobReturn, JobStatus, setup_globals
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

from dae_lab.config.explain import explain
from dae_lab.errors import ConfigError
from dae_lab.sweep.compose import Composer
from dae_lab.sweep.size import check_number_of_runs

if TYPE_CHECKING:
    from dae_lab.sweep.job import Job, Outcomes
    from dae_lab.sweep.plan import Composed


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

    def close(self) -> None:
        """No other runs will be asked for."""

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        self.context, self.config = hydra_context, config
        loader = hydra_context.config_loader
        assert isinstance(loader, ConfigLoaderImpl)
        check_number_of_runs(config, loader)
        self._composer = composer = Composer(loader, config)

        def composed(master_config: DictConfig, sweep_overrides: list[str]) -> DictConfig:
            return composer(sweep_overrides)[0]

        loader.load_sweep_config = composed  # type: ignore[method-assign]  # Hydra composes each, to check it

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Do one batch of runs; a sweeper that searches gives several batches, one after the other."""
        setup_globals()
        from dae_lab.sweep.sweep import Sweep

        if Engine.current is None:
            Engine.current = (Engine.command or Sweep)(self)
        values = Engine.current.run([self.compose(list(one)) for one in job_overrides], initial_job_idx)
        return [_as_return(value) for value in values]

    def compose(self, overrides: list[str]) -> "Composed":
        """The config of one run.

        Raises:
            ConfigError: Hydra cannot compose it.
        """
        from dae_lab.sweep.plan import Composed

        try:
            config, preset = self._composer(overrides)
        except Exception as error:
            if (message := explain(error)) is None:
                raise
            raise ConfigError(message) from error
        return Composed(overrides, preset, config)


def _as_return(value: float) -> JobReturn:
    """What a sweeper is told. Never that a run failed: Hydra would not begin the next batch."""
    result = JobReturn(status=JobStatus.COMPLETED)
    result.return_value = value
    return result
