"""Which runs a sweep's arms consist of."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dae_lab.sweep.job import Job
from dae_lab.tracking.reader import RunReader


@dataclass(frozen=True)
class ArmRun:
    """A run that finished, now or before.

    number: of its job. arm, label, seed: what it was. run_id: in MLflow.
    values: the table's metrics; NaN where it recorded none.
    collapse: the label of its collapse, or ``none``.
    seconds, cpu_seconds: what it took when it was trained; NaN: not recorded.
    """

    number: int
    arm: str
    label: str
    seed: int
    run_id: str
    values: dict[str, float]
    collapse: str
    seconds: float
    cpu_seconds: float


def arm_names(jobs: Sequence[Job], tasks: Mapping[int, str]) -> dict[int, str]:
    """By a job's number its arm, such that no two different runs of one seed share an arm, and no two tasks.

    They do where a search names each batch of runs by itself, and where long names were cut: then the
    label tells them apart, or at last the number.

    Args:
        tasks: by a job's number, see ``dae_lab.sweep.tasks``.
    """
    names = {job.number: job.arm for job in jobs}
    for finer in (lambda job: job.label or job.arm, lambda job: f"run {job.number + 1}"):
        runs: dict[tuple[str, int], set[str]] = {}
        for job in jobs:
            runs.setdefault((names[job.number], job.config["seed"]), set()).add(job.fingerprint)
        shared = {name for (name, _), prints in runs.items() if len(prints) > 1}
        named: dict[str, set[str]] = {}
        for job in jobs:
            named.setdefault(names[job.number], set()).add(tasks[job.number])
        shared |= {name for name, own in named.items() if len(own) > 1}
        names |= {job.number: finer(job) for job in jobs if names[job.number] in shared}
    return names


def distinct_jobs(jobs: Sequence[Job], names: Mapping[int, str]) -> list[Job]:
    """``jobs`` without those that ask for the same run of the same arm again."""
    first: dict[tuple[str, str, int], Job] = {}
    for job in jobs:
        first.setdefault((names[job.number], job.fingerprint, job.config["seed"]), job)
    return list(first.values())


def arm_runs(
    jobs: Sequence[Job], runs: Mapping[int, RunReader], names: Mapping[int, str], metrics: Sequence[str]
) -> list[ArmRun]:
    """The runs that finished, each once an arm, however often it was asked for.

    Args:
        runs: by a job's number. names: arms by a job's number. metrics: whose values are wanted.
    """
    found: dict[tuple[str, str], ArmRun] = {}
    for job in distinct_jobs([job for job in jobs if job.number in runs], names):
        run = runs[job.number]
        member = ArmRun(
            number=job.number,
            arm=names[job.number],
            label=job.label,
            seed=job.config["seed"],
            run_id=run.run_id,
            values={name: run.values.get(name, math.nan) for name in metrics},
            collapse=run.tags.get("collapse", "none"),
            seconds=run.values.get("time/run_s", math.nan),
            cpu_seconds=run.values.get("time/cpu_s", math.nan),
        )
        found.setdefault((member.arm, member.run_id), member)
    return list(found.values())
