"""One run in a process that an engine of others has started: SLURM's or Ray's."""

import sys
from collections.abc import Sequence

from threadpoolctl import threadpool_limits

from dae_lab.process import show_warnings
from dae_lab.sweep import job, pool
from dae_lab.training.precision import Measurement, Network, measure_networks


def execute_job(one: job.Job, threads: int, *stops: int) -> job.Outcome:
    """Do one run with ``threads`` threads, in a process that has not imported TensorFlow yet.

    Args:
        stops: signals that close the run; none: those of ``dae_lab.process.StopSignals.catch``.
    """
    show_warnings()
    pool.limit_threads(threads)
    threadpool_limits(threads)  # NumPy is there already: submitit and Ray import it
    return job.execute_job(one, *stops)


def say_queued(one: job.Job) -> None:
    """Tell the user that ``one`` waits for its turn, which may come much later."""
    print(f"{one.title()} is queued; its log will be {one.log}", file=sys.stderr)


def measure(networks: Sequence[Network], threads: int) -> Measurement:
    """Measure in which precision ``networks`` train faster, in a process without TensorFlow so far."""
    pool.limit_threads(threads)
    threadpool_limits(threads)
    return measure_networks(networks)
