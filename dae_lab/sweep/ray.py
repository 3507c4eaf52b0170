"""The runs of a sweep as tasks of a Ray cluster."""

import _thread
import os
import secrets
import signal
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, as_completed, wait
from contextlib import suppress
from functools import partial
from socket import create_connection
from types import ModuleType
from typing import Any

from dae_lab.config.server import client_variables
from dae_lab.errors import ConfigError
from dae_lab.parts.schema import Line, Schema, option
from dae_lab.process import kept_handlers
from dae_lab.provenance import cores
from dae_lab.sweep import worker
from dae_lab.sweep.job import Job, Outcome, Outcomes
from dae_lab.sweep.pool import CLOSING, INSISTENCE
from dae_lab.training.precision import Measurement, Network

LOOPBACK = "127."
OBJECTS = 100 * 2**20
"""Bytes for the objects that tasks exchange; Ray would take a third of the memory, and ours exchange none."""


class Settings(Schema):
    """What a task asks of the cluster, ``conf/hydra/launcher/ray.yaml``.

    address: null: a cluster of this process alone, on 127.0.0.1; ``auto`` or ``host:port``: an existing one.
    cpus_per_run: cores, and threads, of a run.
    gpus_per_run: GPUs of a run, or a share of one.
    memory_gb: memory in GiB that must be free where a run begins; null: it is not looked at.
    """

    address: Line | None = option()
    cpus_per_run: int = option(ge=1)
    gpus_per_run: float = option(ge=0)
    memory_gb: float | None = option(gt=0)


def run(jobs: Sequence[Job], settings: Settings) -> Outcomes:
    """Do ``jobs`` in processes of a Ray cluster; each imports TensorFlow once, and does many.

    The cluster of this process stays for the next batch of a search, and goes with the process.
    Closing the generator stops what runs, as Ctrl-C would.

    Yields:
        each job and its outcome, as it ends.

    Raises:
        ConfigError: no cluster answers, or none of its machines is large enough.
    """
    ray = _imported(settings)
    task = _remote(ray, settings, _execute_job)
    given = settings.cpus_per_run, os.getcwd(), client_variables()
    pending = {task.remote(job, *given): job for job in jobs}
    for job in jobs:
        worker.say_queued(job)
    futures = {task.future(): task for task in pending}  # ray.wait turns a signal into a SystemError
    try:
        for ended in as_completed(futures):
            yield pending.pop(futures[ended]), _outcome(ray, ended)
    finally:
        _cancel(ray, list(pending))


def measure(networks: Sequence[Network], settings: Settings) -> Measurement:
    """Measure in which precision ``networks`` train faster, as one task of the cluster.

    Raises:
        ConfigError: no cluster answers, none of its machines is large enough, or the task fails.
    """
    ray = _imported(settings)
    task = _remote(ray, settings, worker.measure).remote(list(networks), settings.cpus_per_run)
    try:
        measurement: Measurement = task.future().result()
    except ray.exceptions.RayError as error:
        raise ConfigError(
            f"training.precision=auto: the task that measures failed: {_last_line(error)}; name the "
            f"precision, training.precision=float32"
        ) from error
    except BaseException:
        _cancel(ray, [task])
        raise
    return measurement


def _remote(ray: ModuleType, settings: Settings, function: Callable[..., Any]) -> Any:
    """``function`` as a task of the cluster, which is joined or started first."""
    _connect(ray, settings)
    _check_size(ray, settings)
    return ray.remote(
        num_cpus=settings.cpus_per_run,
        num_gpus=settings.gpus_per_run,
        memory=int((settings.memory_gb or 0) * 2**30),
        max_retries=0,  # a run that fails is the user's to see
        max_calls=0,  # nor is the process given up after each run
    )(function)


def _execute_job(job: Job, threads: int, folder: str, variables: dict[str, str]) -> Outcome:
    """Do one run in a process of Ray's, which keeps its own answer to signals.

    Args:
        variables: for the environment, which is that of the cluster and not of the command.
    """
    os.environ.update(variables)
    with suppress(OSError):  # so that relative paths mean what they mean to the user, where that folder is
        os.chdir(folder)
    over = threading.Event()
    before = signal.signal(signal.SIGINT, partial(_insist, over))
    try:
        return worker.execute_job(job, threads)
    finally:
        over.set()
        signal.signal(signal.SIGINT, before)


def _insist(over: threading.Event, number: int, frame: Any) -> None:
    """Answer ``ray.cancel``, which comes once, and again: Python drops what is raised in a destructor."""

    def again() -> None:
        if not over.wait(INSISTENCE):
            _thread.interrupt_main()

    threading.Thread(target=again, daemon=True).start()
    raise KeyboardInterrupt


def _imported(settings: Settings) -> ModuleType:
    """Ray, told before its import what it reads then."""
    for name in ("PYTHONOPTIMIZE", "PYTHONWARNINGS"):
        os.environ.pop(name, None)  # Ray's own processes need their docstrings, and warn of their libraries
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # a run tells nobody of itself
    if settings.address is None:
        os.environ.setdefault("RAY_AUTH_MODE", "token")  # on this machine, and to this user, alone
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    if (settings.address or LOOPBACK).startswith((LOOPBACK, "localhost")):
        os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"  # has Ray take 127.0.0.1 at its word
    import ray

    return ray


def _connect(ray: ModuleType, settings: Settings) -> None:
    if ray.is_initialized():
        return
    own: dict[str, Any] = {"num_cpus": cores(), "include_dashboard": False, "object_store_memory": OBJECTS}
    try:
        if ":" in (settings.address or ""):  # Ray itself would try for minutes
            host, _, port = str(settings.address).rpartition(":")
            create_connection((host, int(port)), timeout=5).close()
        with kept_handlers():  # Ray puts its own in the place of ours
            ray.init(
                settings.address or "local",
                log_to_driver=False,
                logging_level="error",
                **({} if settings.address else own),
            )
    except (OSError, RuntimeError, ValueError) as error:
        raise ConfigError(
            f"hydra.launcher.address: the Ray cluster at {settings.address} cannot be used: "
            f"{' '.join(str(error).split())}"
        ) from error


def _check_size(ray: ModuleType, settings: Settings) -> None:
    """Raise a ConfigError where no machine could ever take a run: Ray would wait for one for ever."""
    machines = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    wanted = {
        "cpus_per_run": ("CPU", settings.cpus_per_run),
        "gpus_per_run": ("GPU", settings.gpus_per_run),
        "memory_gb": ("memory", (settings.memory_gb or 0) * 2**30),
    }
    for key, (resource, amount) in wanted.items():
        most = max((machine.get(resource, 0) for machine in machines), default=0)
        if amount > most:
            unit = 2**30 if resource == "memory" else 1
            raise ConfigError(
                f"hydra.launcher.{key}: no machine of the cluster has as much; the most is {most / unit:g}"
            )


def _outcome(ray: ModuleType, ended: Future[Outcome]) -> Outcome:
    """What came of a task that has ended."""
    errors = ray.exceptions
    try:
        return ended.result()
    except errors.OutOfMemoryError:
        reason = "Ray ended it because its machine ran out of memory"
    except errors.WorkerCrashedError:
        reason = "its process died in the middle of the run, as happens when memory runs out"
    except errors.NodeDiedError:
        reason = "its machine was lost"
    except errors.RayError as error:  # it could not even be begun there
        reason = f"{type(error).__name__}: {_last_line(error)}"
    return Outcome("failed", reason=reason)


def _last_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [""])[-1]


def _cancel(ray: ModuleType, pending: Sequence[Any]) -> None:
    """Stop what runs, and wait until it has closed its records."""
    for task in pending:
        ray.cancel(task)
    wait([task.future() for task in pending], timeout=CLOSING)
