"""Decides what a command asks for and does it: one run, a sweep, claims, a search. Imports no TensorFlow."""

import math
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING

from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.core.plugins import Plugins
from hydra.core.utils import env_override, run_job, setup_globals
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

from dae_lab.config.outside import outside_files
from dae_lab.config.overrides import given_overrides
from dae_lab.config.validate import validate
from dae_lab.errors import ConfigError, TrainingError, UserError, printable
from dae_lab.files import is_irregular
from dae_lab.process import STOP_SIGNALS
from dae_lab.progress import progress
from dae_lab.provenance import config_text
from dae_lab.session import Session
from dae_lab.sweep.compose import Composed, Composer
from dae_lab.sweep.expand import expand
from dae_lab.sweep.runner import JobRunner

if TYPE_CHECKING:  # these import MLflow, which has to wait until the mistakes have been found
    from dae_lab.claims.study import Study
    from dae_lab.sweep.search import Settings
    from dae_lab.sweep.sweep import Sweep


class Task:
    """Does one run in this process, as Hydra's task function.

    Args:
        session: this process's.
        config_options: how the command line names configs of a person's own, as ``["--config-dir", "my"]``.
    """

    def __init__(self, session: Session, config_options: Sequence[str] = ()) -> None:
        self.session, self.config_options = session, config_options

    def __call__(self, cfg: DictConfig) -> float:
        """Do one run; gives the value of ``sweep.metric``, infinity where it failed."""
        chosen = HydraConfig.get()
        overrides, preset = given_overrides(), chosen.runtime.choices.get("experiment") or "none"
        try:
            config = validate(cfg)
            given = [*chosen.overrides.hydra, *overrides]
            files = outside_files(GlobalHydra.instance().config_loader(), chosen, given)
            run = Composed(overrides, preset, cfg, checked=config, config_files=config_text(files))
            with progress("Loading"):  # here, so that a mistyped key does not wait for it
                from dae_lab.actions import act
            self.session.signals.catch(*STOP_SIGNALS)  # from here on there is something to close
            with self.session.signals.told_from_errors():
                return act(run, config, self.session)
        except UserError as error:  # said here, in one sentence; other jobs of Hydra's launcher go on
            if isinstance(error, TrainingError) and error.result:  # it was judged all the same
                from dae_lab.summary import print_summary

                print_summary(error.result)
            print(f"error: {printable(str(error))}", file=sys.stderr)
            self.session.failed = True
            return math.inf


class SweepCommand:
    """One command, as Hydra hands it to a sweeper.

    Args:
        context: Hydra's, with the config loader.
        task: does a run in this process, a ``Task``.
        config: what all runs share, with the node ``hydra``.
    """

    def __init__(self, context: HydraContext, task: TaskFunction, config: DictConfig) -> None:
        assert isinstance(task, Task)
        self.context, self.task, self.config = context, task, config
        self.launcher: Launcher = Plugins.instance().instantiate_launcher(
            hydra_context=context, task_function=task, config=config
        )

    def execute(self, arguments: list[str]) -> None:
        """Do the runs that ``arguments`` stand for.

        Raises:
            UserError: one of them cannot be composed or trained as it stands; none is begun then.
        """
        overrides = self._parse(arguments)
        runs = expand(overrides)
        claims = any(text.startswith("claim=") for text in arguments)
        several = any(override.is_sweep_override() for override in overrides)
        if not isinstance(self.launcher, JobRunner):
            if several:
                self.launcher.launch(runs, initial_job_idx=0)
            else:
                self._run_here(runs[0], arguments)
        elif several or claims or self.launcher.remote:
            self._run_sweep(runs, claims)
        else:
            self._run_here(runs[0], arguments)

    def search(self, arguments: list[str], settings: "Settings") -> None:
        """Search over the values that ``arguments`` leave open, by what each run was worth."""
        if self.config.plan:
            raise ConfigError(
                "plan=true: a search chooses its next run by the results of those before, so its runs are "
                "not known beforehand"
            )
        from dae_lab.sweep import search
        from dae_lab.sweep.sweep import Sweep

        sweep, composer = Sweep(self._runner), self._new_composer()
        with self._summed_up(sweep):
            study = search.search(self._parse(arguments), search.Trials(sweep, composer), settings)
            search.show(study, self.config.sweep.metric)

    def _parse(self, arguments: list[str]) -> list[Override]:
        return OverridesParser.create(config_loader=self.context.config_loader).parse_overrides(arguments)

    def _run_here(self, overrides: list[str], arguments: list[str]) -> None:
        """Do a single run in this process, with what Hydra gives a job: a folder, a log, variables."""
        if arguments == OmegaConf.to_container(self.config.hydra.overrides.task, resolve=False):
            config = deepcopy(self.config)  # nothing is varied: what all runs share is this run's config
        else:
            config = self.context.config_loader.load_sweep_config(self.config, overrides)
        job = run_job(self.task, config, "hydra.run.dir", None, self.context)
        _ = job.return_value  # raises what the run has raised

    def _run_sweep(self, runs: Sequence[list[str]], claims: bool) -> None:
        """Do ``runs`` by the launcher; of claims, those by which they are judged."""
        composer = self._new_composer()
        with env_override(self._runner.environment):
            composed = [composer.compose(overrides, number) for number, overrides in enumerate(runs)]
        command = self._begin(claims, composer)
        with self._summed_up(command):
            command.run(composed, 0)

    def _begin(self, claims: bool, composer: Composer) -> "Sweep | Study":
        if claims:
            from dae_lab.claims.study import Study

            return Study(self._runner, composer, self.task.config_options)
        from dae_lab.sweep.sweep import Sweep

        return Sweep(self._runner)

    @property
    def _runner(self) -> JobRunner:
        if not isinstance(self.launcher, JobRunner):
            raise ConfigError("hydra/launcher must be local_pool, the default, slurm or ray")
        return self.launcher

    def _new_composer(self) -> Composer:
        """What composes the runs; what they share is written down, as Hydra's own sweeper does."""
        folder = Path(self.config.hydra.sweep.dir).expanduser()
        file = folder / "multirun.yaml"
        if is_irregular(file):
            raise ConfigError(f"hydra.sweep.dir: {file} is no regular file; move it away")
        folder.mkdir(parents=True, exist_ok=True)
        OmegaConf.save(self.config, file)
        setup_globals()
        return Composer(self.context.config_loader, self.config)

    @contextmanager
    def _summed_up(self, command: "Sweep | Study") -> Iterator[None]:
        """Sum up the runs of ``command`` however the block ends."""
        self.task.session.signals.catch(*STOP_SIGNALS)  # from here on there is something to close
        try:
            with env_override(self._runner.environment):  # the processes that do the runs inherit it
                yield
        finally:
            self.task.session.failed |= command.sum_up()
