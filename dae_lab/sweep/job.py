"""One run of a sweep: what is to be done, and what came of it. Imports no TensorFlow."""

import logging
import os
import sys
import time
import traceback
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dae_lab.config.run import Config, parse_config
from dae_lab.environment import provide_home
from dae_lab.errors import UserError, describe_error, printable
from dae_lab.files import move_irregular
from dae_lab.process import StopSignals, Terminated
from dae_lab.session import Session

Logging = dict[str, Any]
"""Arguments of ``hydra.core.utils.configure_log``: ``log_config`` and ``verbose_config``."""


@dataclass(frozen=True)
class Job:
    """One run to be done.

    number, of: its place in the sweep, 0 first, and how many there are.
    label: what tells it apart, as ``loss=mse seed=1``.
    arm: the same without the seed.
    preset: the option of the group ``experiment``.
    config: the resolved config, as plain mappings; nothing of it is looked up again.
    fingerprint: see ``dae_lab.config.fingerprint``.
    sweep: the sweep's name.
    log: the file that takes what the run prints.
    measurement: fields of the ``dae_lab.training.precision.Measurement`` that decided its precision.
    logging: how the run logs where ``hydra.verbose`` or ``hydra/job_logging`` say so; None for the default.
    config_files: names and contents of the config files that are not of the package.
    """

    number: int
    of: int
    label: str
    arm: str
    preset: str
    config: dict[str, Any]
    fingerprint: str
    sweep: str
    log: str
    measurement: dict[str, Any] | None = None
    logging: Logging | None = None
    config_files: str = ""

    def title(self) -> str:
        """``[ 3/12] loss=mse seed=1``."""
        return f"[{self.number + 1:>{len(str(self.of))}}/{self.of}] {self.arm} seed={self.config['seed']}"

    def schema(self) -> Config:
        """The config as checked dataclasses."""
        checked: Config = parse_config(self.config)
        return checked


@dataclass(frozen=True)
class Outcome:
    """What came of a job.

    status: finished, reused (it was finished before), failed, or stopped (from outside; it can go on).
    run_id: its run in MLflow; empty where none was begun.
    reason: why it failed, one sentence.
    seconds, cpu_seconds: what it took now; 0 where it was reused.
    """

    status: str
    run_id: str = ""
    reason: str = ""
    seconds: float = 0.0
    cpu_seconds: float = 0.0


Outcomes = Generator[tuple[Job, Outcome], None, None]
"""Jobs and what came of them, in the order in which they end."""


def execute_job(job: Job, *stops: int) -> Outcome:
    """Train the run of ``job`` in this process, whatever happens; what it prints goes to its log.

    Args:
        stops: signals that close the run; none: those of ``dae_lab.process.StopSignals.catch``.
    """
    began, cpu_began = time.perf_counter(), time.process_time()
    with Session() as session:
        provide_home()
        print(f"{job.title()} begins; follow it in {job.log}", file=sys.stderr)
        with _redirect_output(Path(job.log)), _job_logging(job), session.signals.caught(*stops):
            status, run_id, reason = _attempt(job, session.signals)
    return Outcome(status, run_id, reason, time.perf_counter() - began, time.process_time() - cpu_began)


def _attempt(job: Job, signals: StopSignals) -> tuple[str, str, str]:
    """The fields ``status``, ``run_id`` and ``reason`` of what comes of ``job``."""
    try:
        with signals.told_from_errors():
            return _train(job, signals)
    except (Terminated, KeyboardInterrupt):
        return "stopped", "", "stopped from outside"
    except UserError as error:
        print(f"error: {printable(str(error))}", file=sys.stderr)
        return "failed", "", str(error)
    except Exception as error:  # a bug, or memory that ran out: the other runs go on
        traceback.print_exc()
        return "failed", "", describe_error(error)


def _train(job: Job, signals: StopSignals) -> tuple[str, str, str]:
    from dae_lab.experiment import run
    from dae_lab.summary import print_summary
    from dae_lab.tracking.server import wait_for_server
    from dae_lab.training.precision import Measurement

    config = job.schema()
    if config.tracking.uri:
        wait_for_server(config.tracking.uri, config.tracking.patience)
    tags = {"sweep": job.sweep, "arm": job.arm}
    measured = Measurement(**job.measurement) if job.measurement else None
    result = run(
        config, job.arm, job.preset, tags, job.fingerprint, measured, job.config_files, signals=signals
    )
    print_summary(result)
    return "reused" if result.reused else "finished", result.record.run_id, ""


@contextmanager
def _redirect_output(file: Path) -> Iterator[None]:
    """Have everything that this process prints, libraries in C++ included, end up in ``file``."""
    file.parent.mkdir(parents=True, exist_ok=True)
    move_irregular(file, "the log")
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(levelname)s: %(message)s"))
    root = logging.getLogger()
    before = root.handlers, root.level
    root.handlers, root.level = [handler], logging.INFO
    kept = [os.dup(1), os.dup(2)]
    with file.open("a", encoding="utf-8") as taking:
        try:
            for number in (1, 2):
                os.dup2(taking.fileno(), number)
            yield
        finally:
            for stream, number, terminal in ((sys.stdout, 1, kept[0]), (sys.stderr, 2, kept[1])):
                with suppress(OSError):  # the log's disk is full
                    stream.flush()
                os.dup2(terminal, number)
                os.close(terminal)
            root.handlers, root.level = before


@contextmanager
def _job_logging(job: Job) -> Iterator[None]:
    """Log as Hydra would for ``job``; handlers that write to the terminal write to the job's log."""
    if job.logging is None:
        yield
        return
    from hydra.core.utils import configure_log
    from omegaconf import OmegaConf

    given = OmegaConf.create(job.logging)
    configure_log(given.log_config, given.verbose_config)
    try:
        yield
    finally:
        for handler in logging.getLogger().handlers:
            handler.close()
