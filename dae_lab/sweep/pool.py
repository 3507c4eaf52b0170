"""The runs of a sweep in processes of their own on this machine."""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, as_completed, wait
from multiprocessing.synchronize import Event

from pebble import CONSTS, ProcessExpired, ProcessPool

from dae_lab.errors import unexpected
from dae_lab.process import Terminated
from dae_lab.provenance import cores
from dae_lab.sweep.job import Job, Outcome, Outcomes, perform

CLOSING = 120.0
"""Seconds a stopped run may take to close its record before it is killed."""

INSISTENCE = 3.0
"""Seconds after which a run that has been asked to stop is asked again."""

LOOK = 0.5
"""Seconds between two looks at whether the parent lives."""


def run(jobs: Sequence[Job], workers: int) -> Outcomes:
    """Do ``jobs`` in processes that live as long as their runs let them.

    TensorFlow is imported once a process. A process that dies takes only its own run along: another
    takes its place. Closing the generator, or a signal, stops what is running, as SIGTERM would, and no
    other run is begun.

    Args:
        workers: processes at a time; each gets cores ÷ ``workers`` threads.

    Yields:
        each job and its outcome, as it ends; after a signal those that were stopped, before it is raised.
    """
    CONSTS.term_timeout = CLOSING
    context = multiprocessing.get_context("spawn")  # a fork of what holds a database's connection breaks it
    threads = max(1, cores() // workers) if workers > 1 else 0
    stopping = context.Event()
    given = os.getpid(), threads, stopping
    pool = ProcessPool(min(workers, len(jobs)), initializer=_begin, initargs=given, context=context)
    futures: dict[Future[Outcome | None], Job] = {pool.schedule(_work, args=[job]): job for job in jobs}
    left = dict(futures)
    try:
        for future in as_completed(futures):
            job = left.pop(future)
            if outcome := _outcome(future):  # None: another run was told to stop, so this was not begun
                yield job, outcome
    except (KeyboardInterrupt, Terminated):
        _stop(left, stopping)
        ended = [(job, _outcome(future)) for future, job in left.items() if future.done()]
        yield from ((job, outcome) for job, outcome in ended if outcome)
        raise
    finally:
        if left:
            _stop(left, stopping)
            pool.stop()
        else:
            pool.close()
        pool.join()


def _stop(futures: Iterable[Future[Outcome | None]], stopping: Event) -> None:
    """Have every worker close its run; again and again, since Python drops what is raised in a destructor."""
    stopping.set()
    deadline = time.monotonic() + CLOSING
    while time.monotonic() < deadline and not all(future.done() for future in futures):
        for child in multiprocessing.active_children():
            child.terminate()
        wait(futures, INSISTENCE)


def _outcome(future: Future[Outcome | None]) -> Outcome | None:
    try:
        return future.result()
    except ProcessExpired as death:
        return Outcome("failed", reason=_cause(death.exitcode))
    except Exception as error:  # it could not even be begun: its log cannot be written, say
        return Outcome("failed", reason=unexpected(error))


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


_stopping: Event
"""Set once a run of the sweep was told to stop; in a worker."""


def _begin(parent: int, threads: int, stopping: Event) -> None:
    """Set up a worker: its threads, and its end when ``parent`` dies."""
    global _stopping
    _stopping = stopping
    if threads:
        limit_threads(threads)
    threading.Thread(target=_follow, args=(parent,), daemon=True).start()


def _work(job: Job) -> Outcome | None:
    """Do ``job``, unless runs are being stopped.

    Ctrl-C reaches the worker as it reaches its parent, and may be answered here before it is there.
    """
    if _stopping.is_set():
        return None
    outcome = perform(job)
    if outcome.status == "stopped":
        _stopping.set()
    return outcome


def limit_threads(count: int) -> None:
    """Give TensorFlow and what else computes here ``count`` threads; before they are imported."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = str(count)
    for name in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
        os.environ[name] = str(count)


def _follow(parent: int) -> None:
    """End this process when ``parent`` is gone: nobody is there to be told of its runs any more."""
    while os.getppid() == parent:
        time.sleep(LOOK)
    while True:  # Python drops what is raised in a destructor
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(INSISTENCE)
