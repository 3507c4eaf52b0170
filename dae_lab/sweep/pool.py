"""The runs of a sweep in processes of their own on this machine."""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future, as_completed

from pebble import CONSTS, ProcessExpired, ProcessPool

from dae_lab.errors import unexpected
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
    takes its place. Closing the generator stops what is running, as SIGTERM would.

    Args:
        workers: processes at a time; each gets cores ÷ ``workers`` threads.

    Yields:
        each job and its outcome, as it ends.
    """
    CONSTS.term_timeout = CLOSING
    context = multiprocessing.get_context("spawn")  # a fork of what holds a database's connection breaks it
    threads = max(1, cores() // workers) if workers > 1 else 0
    pool = ProcessPool(
        min(workers, len(jobs)), initializer=_begin, initargs=(os.getpid(), threads), context=context
    )
    futures: dict[Future[Outcome], Job] = {pool.schedule(perform, args=[job]): job for job in jobs}
    ended = False
    try:
        for future in as_completed(futures):
            yield futures[future], _outcome(future)
        ended = True
    finally:
        pool.close() if ended else _stop(pool)
        pool.join()


def _stop(pool: ProcessPool) -> None:
    """Have every worker close its run; again and again, since Python drops what is raised in a destructor."""
    pool.stop()
    deadline = time.monotonic() + CLOSING
    while (children := multiprocessing.active_children()) and time.monotonic() < deadline:
        for child in children:
            child.terminate()
        for child in children:
            child.join(INSISTENCE / len(children))


def _outcome(future: Future[Outcome]) -> Outcome:
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


def _begin(parent: int, threads: int) -> None:
    """Set up a worker: its threads, and its end when ``parent`` dies."""
    if threads:
        limit_threads(threads)
    threading.Thread(target=_follow, args=(parent,), daemon=True).start()


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
