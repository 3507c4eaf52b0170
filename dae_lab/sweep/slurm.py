"""The runs of a sweep as jobs of a SLURM cluster, through submitit."""

import logging
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Sequence
from contextlib import AbstractContextManager
from os import kill
from pathlib import Path
from typing import Any, Literal

import submitit
from submitit.core.utils import FailedJobError, UncompletedJobError
from submitit.helpers import Checkpointable

from dae_lab.errors import ConfigError
from dae_lab.parts.schema import Line, LongLine, Prose, Schema, option
from dae_lab.process import blocked_signals
from dae_lab.provenance import cores
from dae_lab.sweep import worker
from dae_lab.sweep.job import Job, Outcome, Outcomes
from dae_lab.sweep.pool import CLOSING, INSISTENCE, LOOK
from dae_lab.training.precision import Measurement, Network

ASKED = 30.0
"""Seconds between two looks at the queue."""

STATES = {
    "OUT_OF_MEMORY": "it needed more memory than hydra.launcher.mem_gb",
    "TIMEOUT": "it needed more time than hydra.launcher.timeout_min",
    "NODE_FAIL": "its machine was lost",
}
"""What SLURM says of a job that is gone, and what that means."""


class Settings(Schema):
    """What a job asks of the cluster, ``conf/hydra/launcher/slurm.yaml``.

    cluster: ``local`` runs the same jobs on this machine, ``debug`` in this process, one by one.
    timeout_min: minutes; at this limit a run is queued again and goes on.
    mem_gb: memory in GiB; null: what the cluster gives.
    array_parallelism: runs at a time; on one machine no more than its cores allow.
    setup: shell lines before each run.
    folder: where submitit keeps its files, on a disk that all machines see.
    additional: more options of sbatch, by their long names.
    """

    cluster: Literal["slurm", "local", "debug"] = option()
    partition: Line | None = option()
    timeout_min: int = option(ge=1)
    cpus_per_task: int = option(ge=1)
    mem_gb: float | None = option(gt=0)
    gpus_per_node: int = option(ge=0)
    array_parallelism: int = option(ge=1)
    setup: list[Prose] = option()
    folder: LongLine = option()
    additional: dict[str, Any] = option()

    def __post_init__(self) -> None:
        if self.cluster == "slurm" and shutil.which("srun") is None:
            raise ConfigError(
                "cluster=slurm: this machine has no SLURM (no srun); submit from one that has, or take "
                "hydra.launcher.cluster=local"
            )

    def at_once(self, jobs: int) -> int:
        """How many of ``jobs`` may be handed over at a time; the cluster itself sees to its own limit."""
        if self.cluster == "slurm":
            return jobs
        return max(1, min(self.array_parallelism, cores() // self.cpus_per_task))


class ResumableJob(Checkpointable):
    """A run that is queued again, and goes on, where SLURM preempts it or its time is over."""

    def __init__(self, threads: int) -> None:
        self.threads = threads

    def __call__(self, job: Job) -> Outcome:
        stop = signal.SIGHUP  # SIGTERM is SLURM's: submitit waits for more
        return worker.execute_job(job, self.threads, stop)


def run(jobs: Sequence[Job], settings: Settings) -> Outcomes:
    """Do ``jobs`` as one job array. Closing the generator cancels what runs, as ``scancel`` would.

    Yields:
        each job and its outcome, as it ends.

    Raises:
        ConfigError: SLURM refuses the jobs.
    """
    executor = _executor(jobs[0].sweep, settings)
    room, queue = settings.at_once(len(jobs)), Queue()
    waiting, running = deque(jobs), dict[submitit.Job[Any], Job]()
    try:
        while waiting or running:
            batch = [waiting.popleft() for _ in range(min(room - len(running), len(waiting)))]
            with _deaf_to_ctrl_c():
                running |= _submit(executor, batch, settings.cpus_per_task)
            for submitted in _ended(list(running), queue):
                job = running.pop(submitted)
                yield job, _outcome(submitted)
            if running:
                time.sleep(LOOK)
    finally:
        _cancel(list(running))


def measure(networks: Sequence[Network], settings: Settings) -> Measurement:
    """Measure in which precision ``networks`` train faster, as one job of the cluster.

    Raises:
        ConfigError: SLURM refuses the job, or it fails.
    """
    executor = _executor("precision", settings)
    try:
        with _deaf_to_ctrl_c():
            submitted = executor.submit(worker.measure, list(networks), settings.cpus_per_task)
    except FailedJobError as error:
        raise ConfigError(f"hydra/launcher=slurm: sbatch refuses a job: {_last_line(error)}") from error
    queue = Queue()
    try:
        while not _ended([submitted], queue):
            time.sleep(LOOK)
        measurement: Measurement = submitted.result()
    except (FailedJobError, UncompletedJobError) as error:
        raise ConfigError(
            f"training.precision=auto: the job that measures failed: {_last_line(error)}; see "
            f"{submitted.paths.stderr}, or name the precision, training.precision=float32"
        ) from error
    finally:
        _cancel([submitted])
    return measurement


def _executor(sweep: str, settings: Settings) -> submitit.AutoExecutor:
    """What submits; its files are in a folder of their own, since process ids, its names here, come again."""
    Path(settings.folder).mkdir(parents=True, exist_ok=True)
    folder = tempfile.mkdtemp(prefix=f"{sweep}-", dir=settings.folder)
    setup = " && ".join([*settings.setup, 'exec "$0" "$@"'])  # exec, so that a signal reaches Python
    logging.getLogger("submitit").setLevel(logging.ERROR)  # it warns every few seconds of missing accounting
    python = shlex.join(["sh", "-c", setup, sys.executable])
    executor = submitit.AutoExecutor(folder, settings.cluster, local_python=python)
    executor.update_parameters(
        name=f"dae_lab-{sweep}",
        timeout_min=settings.timeout_min,
        cpus_per_task=settings.cpus_per_task,
        mem_gb=settings.mem_gb,
        gpus_per_node=settings.gpus_per_node or None,
        slurm_partition=settings.partition,
        slurm_array_parallelism=settings.array_parallelism,
        slurm_setup=settings.setup,
        slurm_additional_parameters=settings.additional,
    )
    return executor


def _deaf_to_ctrl_c() -> AbstractContextManager[None]:
    """What is started inside does not hear the terminal's Ctrl-C: submitit would kill it after a second."""
    return blocked_signals(signal.SIGINT)


def _submit(executor: submitit.AutoExecutor, jobs: Sequence[Job], threads: int) -> dict[Any, Job]:
    """The submitted jobs of submitit, and what they are."""
    if not jobs:
        return {}
    try:
        with executor.batch():
            submitted = [executor.submit(ResumableJob(threads), job) for job in jobs]
    except FailedJobError as error:
        raise ConfigError(f"hydra/launcher=slurm: sbatch refuses the runs: {_last_line(error)}") from error
    for job in jobs:
        worker.say_queued(job)
    return dict(zip(submitted, jobs, strict=True))


class Queue:
    """What waits or runs on the cluster, asked for every ``ASKED`` seconds.

    submitit asks SLURM's accounting alone, which not every cluster has; there a job that died would be
    waited for to no end.
    """

    def __init__(self) -> None:
        self.asked = time.monotonic()

    def lost(self, running: Sequence[submitit.Job[Any]]) -> list[submitit.Job[Any]]:
        """Those of SLURM's jobs that have left the queue."""
        ours = [one for one in running if isinstance(one, submitit.SlurmJob)]
        if not ours or time.monotonic() < self.asked + ASKED:
            return []
        self.asked = time.monotonic()
        command = ["squeue", "--me", "--array", "--noheader", "--format=%i %A"]
        found = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
        return [] if found.returncode else [one for one in ours if one.job_id not in found.stdout.split()]


def _ended(running: Sequence[submitit.Job[Any]], queue: Queue) -> list[submitit.Job[Any]]:
    """Those that are done, or gone."""
    lost = queue.lost(running)
    return [one for one in running if one in lost or one.done()]


def _outcome(submitted: submitit.Job[Any]) -> Outcome:
    """What came of a job that is done."""
    words = f"see {submitted.paths.stderr}"
    if isinstance(submitted, submitit.LocalJob) and not submitted.paths.result_pickle.exists():
        return Outcome("failed", reason=f"its process died in the middle of the run; {words}")
    try:
        return submitted.result()
    except FailedJobError as error:
        trace = str(error).split("-" * 22)[1]
        return Outcome("failed", reason=f"it could not be begun: {_last_line(trace)}; {words}")
    except UncompletedJobError:
        state = submitted.state.split()[0]
        if state == "CANCELLED":
            return Outcome("stopped", reason="cancelled")
        meaning = STATES.get(state, "it ended without a result")
        return Outcome("failed", reason=f"{meaning} (SLURM job {submitted.job_id}: {state}); {words}")


def _last_line(text: object) -> str:
    return (str(text).strip().splitlines() or ["without a word"])[-1]


def _cancel(running: Sequence[submitit.Job[Any]]) -> None:
    """Stop what runs, and wait until it has closed its records."""
    now = time.monotonic()
    asked, deadline = now - INSISTENCE, now + CLOSING
    while (left := [one for one in running if not one.done(force_check=True)]) and now < deadline:
        if now >= asked + INSISTENCE:  # again and again: Python drops what is raised in a destructor
            for submitted in left:
                _stop(submitted)
            asked = now
        time.sleep(LOOK)
        now = time.monotonic()


def _stop(submitted: submitit.Job[Any]) -> None:
    """By SIGHUP, which a run closes its record on; SIGTERM may be the start of a preemption."""
    if isinstance(submitted, submitit.LocalJob):
        kill(int(submitted.job_id), signal.SIGHUP)  # its own cancel() kills after one second
    else:
        subprocess.run(["scancel", "--signal=HUP", submitted.job_id], check=False)
