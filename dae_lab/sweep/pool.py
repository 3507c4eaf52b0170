"""The runs of a sweep in processes of their own on this machine."""

import math
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future, as_completed, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager
from typing import Any, TypeVar

from pebble import CONSTS, ProcessExpired, ProcessPool

from dae_lab.errors import TrainingError, describe_error
from dae_lab.process import STOP_SIGNALS, Terminated, blocked_signals, send_signal_to_self, show_warnings
from dae_lab.sweep.job import Job, Outcome, Outcomes, execute_job

T = TypeVar("T")

CLOSING = 120.0
"""Seconds a stopped run may take to close its record before it is killed."""

INSISTENCE = 3.0
"""Seconds after which a run that has been asked to stop is asked again."""

LOOK = 0.5
"""Seconds between two looks at whether the parent lives."""


class WorkerPool:
    """Processes that do runs, batch after batch: TensorFlow is imported once in each.

    A process that dies takes only its own run along: another takes its place.

    Args:
        size: processes at a time.
        threads: that each may compute with; 0: as many as there are cores.
    """

    def __init__(self, size: int, threads: int) -> None:
        CONSTS.term_timeout = CLOSING
        context = multiprocessing.get_context("spawn")  # a fork breaks what holds a database's connection
        self.size = size
        self._stopping = context.RawValue("b", False)  # without a lock, which a killed process might hold
        given = os.getpid(), threads, self._stopping
        self._processes = ProcessPool(size, initializer=_begin, initargs=given, context=context)
        self._deadline = math.inf

    @property
    def usable(self) -> bool:
        """Whether it takes another batch: not after a stop, nor when a process has died between two."""
        return not self._stopping.value and bool(self._processes.active)

    def run(self, jobs: Sequence[Job]) -> Outcomes:
        """Do ``jobs``. Closing the generator, or a signal, stops what is running, as SIGTERM would.

        Yields:
            each job and its outcome, as it ends; after a signal those that were stopped, before it is raised.
        """
        left: dict[Future[Outcome | None], Job] = {}
        try:
            with self._processes_deaf():
                for job in jobs:
                    left[self._processes.schedule(_work, args=[job])] = job
            for future in as_completed(list(left)):
                job = left.pop(future)
                if outcome := self._outcome(future):
                    yield job, outcome
        except (KeyboardInterrupt, Terminated) as signalled:
            self._stop(left)
            ended = [(job, self._outcome(future)) for future, job in left.items() if future.done()]
            try:
                yield from ((job, outcome) for job, outcome in ended if outcome)
            finally:
                raise signalled
        finally:
            self._stop(left)

    def call(self, function: Callable[..., T], *arguments: Any) -> T:
        """What ``function`` returns in one of the processes.

        Raises:
            Exception: what ``function`` raises there. KeyboardInterrupt, Terminated: it was stopped.
            TrainingError: the process died.
        """
        with self._processes_deaf():
            future: Future[T] = self._processes.schedule(function, args=arguments)
        try:
            return future.result()
        except (KeyboardInterrupt, Terminated):
            self._stop([future])
            raise
        except (ProcessExpired, BrokenProcessPool) as error:
            raise TrainingError(f"a worker cannot compute: {_reason(error)}") from error

    @staticmethod
    def _processes_deaf() -> AbstractContextManager[None]:
        """A block that starts processes: a terminal's signals are for the parent, which stops them."""
        return blocked_signals(*(number for number in STOP_SIGNALS if number != signal.SIGTERM))

    def _stop(self, futures: Collection[Future[Any]]) -> None:
        """Have each run close its record; told again and again, as Python drops what destructors raise."""
        if futures and not self._stopping.value:
            self._stopping.value = True
            self._deadline = time.monotonic() + CLOSING
        while time.monotonic() < self._deadline and not all(future.done() for future in futures):
            children = multiprocessing.active_children()
            if not children:  # none of them had begun
                return
            for child in children:
                child.terminate()
            wait(futures, INSISTENCE)

    def _outcome(self, future: Future[Outcome | None]) -> Outcome | None:
        """What came of a run; None: it was not begun, as runs are being stopped."""
        error = future.exception()
        if error is None:
            return future.result()
        if not self._stopping.value:
            return Outcome("failed", reason=_reason(error))
        ran = isinstance(error, ProcessExpired | Terminated)  # the latter while it was ending
        return Outcome("stopped", reason="stopped from outside") if ran else None

    def close(self) -> None:
        """End the processes."""
        if self.usable:
            self._processes.close()
        else:
            CONSTS.term_timeout = INSISTENCE  # who had a run to close has been given the time for it
            self._processes.stop()
        self._processes.join()


def _reason(error: BaseException) -> str:
    """Why a run came to nothing that could not say it itself."""
    if isinstance(error, ProcessExpired):
        return _cause(error.exitcode)
    if isinstance(error, BrokenProcessPool):
        return "its process died before it began"
    return describe_error(error)  # it could not even be begun: its log cannot be written, say


def _cause(code: int | None) -> str:
    """Why a process with this exit code died.

    >>> _cause(-9)
    'its process was killed by SIGKILL, as the system does when memory runs out'
    """
    if code is not None and code < 0:
        name = signal.Signals(-code).name
        hint = ", as the system does when memory runs out" if name == "SIGKILL" else ""
        return f"its process was killed by {name}{hint}"
    return f"its process ended with exit code {code} in the middle of the run"


_stopping: Any
"""Set once runs are being stopped; in a worker."""


def _begin(parent: int, threads: int, stopping: Any) -> None:
    """Set up a worker: its threads, and its end when ``parent`` dies."""
    global _stopping
    _stopping = stopping
    show_warnings()
    if threads:
        limit_threads(threads)
    threading.Thread(target=_follow, args=(parent,), daemon=True).start()


def _work(job: Job) -> Outcome | None:
    """Do ``job``, unless runs are being stopped: having closed one, a process would take up the next."""
    return None if _stopping.value else execute_job(job)


def limit_threads(count: int) -> None:
    """Give TensorFlow and what else computes here ``count`` threads; before they are imported."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = str(count)
    for name in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
        os.environ[name] = str(count)


def _follow(parent: int) -> None:
    """End this process when ``parent`` is gone: nobody is there to be told of its runs any more."""
    starter = multiprocessing.parent_process()
    while os.getppid() == parent and (starter is None or starter.is_alive()):  # Windows keeps the number
        time.sleep(LOOK)
    while True:  # Python drops what is raised in a destructor
        send_signal_to_self(signal.SIGTERM)
        time.sleep(INSISTENCE)
