"""What came of a sweep, in numbers: arms over seeds, the best run of a task, differences, failures, cost.

Nothing here prints, and nothing imports TensorFlow: a sweep that was finished before is summed up at once.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from dae_lab.metrics import shown_in
from dae_lab.sweep.arm_runs import ArmRun, arm_names, arm_runs, distinct_jobs
from dae_lab.sweep.estimate import Estimate, Points, estimate
from dae_lab.sweep.job import Job, Outcome
from dae_lab.sweep.tasks import task_names
from dae_lab.tracking.jsonable import is_finite
from dae_lab.tracking.reader import RunReader


@dataclass(frozen=True)
class Metric:
    """A column of the table.

    name, title: as in MLflow, and for people. decimals: that are shown.
    rises: whether more of it is better.
    """

    name: str
    title: str
    decimals: int
    rises: bool


@dataclass(frozen=True)
class Arm:
    """One setting over its seeds.

    task: the name of its task. members: its runs that finished, each once. asked: how many there were to be.
    estimates: by metric, over those members whose value is finite.
    """

    name: str
    task: str
    asked: int
    members: tuple[ArmRun, ...]
    estimates: dict[str, Estimate]

    @property
    def collapsed(self) -> int:
        """How many of its runs collapsed."""
        return sum(member.collapse != "none" for member in self.members)


@dataclass(frozen=True)
class Task:
    """Runs that are judged on equal test pairs, see ``dae_lab.sweep.tasks``: only these are compared.

    name: as ``noise.sigma=0.3``; empty where a sweep has one task.
    best: its best run; None where none has a finite value.
    """

    name: str
    best: ArmRun | None


@dataclass(frozen=True)
class Failure:
    """A job that failed.

    place: as ``[ 3/12] loss=mse seed=1``. log: a file. run_id: empty where no run was begun.
    """

    place: str
    reason: str
    log: str
    run_id: str


@dataclass(frozen=True)
class Cost:
    """Wall and CPU seconds.

    wall: from the command's start to its end. seconds, cpu_seconds: spent now, summed over the runs.
    reused: how many jobs were not trained again; saved_seconds, saved_cpu_seconds: what their runs once
    took; untimed: how many of them did not record that.
    """

    wall: float
    seconds: float
    cpu_seconds: float
    reused: int
    saved_seconds: float
    saved_cpu_seconds: float
    untimed: int


@dataclass(frozen=True)
class Summary:
    """What came of a sweep.

    name: the sweep's. metric: what the best run is the best in. metrics: the table's columns.
    tasks: one at least. arms: task by task, and of a task in the order in which they were asked for.
    differences: param → by a job's number its value, None where its run has no such param; only params
        that are not equal in all runs.
    counts: outcome, or ``unfinished`` → jobs.
    """

    name: str
    metric: Metric
    metrics: tuple[Metric, ...]
    tasks: tuple[Task, ...]
    arms: tuple[Arm, ...]
    differences: dict[str, dict[int, str | None]]
    failures: tuple[Failure, ...]
    counts: dict[str, int]
    cost: Cost

    @property
    def members(self) -> list[ArmRun]:
        """The runs that finished, in the order in which they were asked for."""
        return sorted((one for arm in self.arms for one in arm.members), key=lambda one: one.number)

    @property
    def complete(self) -> bool:
        """Whether every job has ended by itself."""
        return not {"stopped", "unfinished"} & set(self.counts)

    @property
    def best(self) -> ArmRun | None:
        """The best run; None where none has a finite value, and where there is none for several tasks."""
        return self.tasks[0].best if len(self.tasks) == 1 else None

    @property
    def winners(self) -> set[int]:
        """The numbers of the best run of each task."""
        return {task.best.number for task in self.tasks if task.best}

    def arms_of(self, task: Task) -> list[Arm]:
        """The arms that may be compared with each other."""
        return [arm for arm in self.arms if arm.task == task.name]

    def top(self, count: int) -> list[Arm]:
        """Of the arms with runs those ``count`` with the best mean of ``metric``, in the table's order.

        Of several tasks the best of each, then the second of each, and so on.
        """
        sign = -1 if self.metric.rises else 1
        places: dict[str, int] = {}
        for task in self.tasks:
            own = [arm for arm in self.arms_of(task) if arm.members]
            means = {arm.name: sign * arm.estimates[self.metric.name].mean for arm in own}
            ranked = sorted(means, key=lambda name: (math.isnan(means[name]), means[name]))
            places |= {name: place for place, name in enumerate(ranked)}
        chosen = sorted(places, key=places.__getitem__)[:count]
        return [arm for arm in self.arms if arm.name in chosen]

    def leaders(self, metric: Metric) -> set[str]:
        """The arms with the best mean of their task; none of a task without two arms to choose from."""
        return {name for task in self.tasks for name in self._leaders(self.arms_of(task), metric)}

    def _leaders(self, arms: Sequence[Arm], metric: Metric) -> set[str]:
        means = {arm.name: arm.estimates[metric.name].mean for arm in arms}
        means = {name: mean for name, mean in means.items() if math.isfinite(mean)}
        if len(means) < 2:
            return set()
        best = max(means.values()) if metric.rises else min(means.values())
        return {name for name, mean in means.items() if mean == best}


def summarise(
    jobs: Sequence[Job],
    outcomes: Mapping[int, Outcome],
    runs: Mapping[int, RunReader],
    metric: str,
    direction: str,
    wall: float = 0.0,
) -> Summary:
    """What came of ``jobs``.

    Args:
        jobs: all that was asked for, in order. outcomes: by number, what came of those that were begun.
        runs: by number, the records of those that finished, now or before.
        metric: ``sweep.metric``. direction: ``minimize`` or ``maximize``.
        wall: seconds the command took.
    """
    columns = {item.name: item for item in _columns()}
    # a person may want the best run by another metric, or by one of these the other way round
    columns[metric] = replace(
        columns.get(metric, Metric(metric, metric, 4, False)), rises=direction == "maximize"
    )
    tasks = task_names(jobs, metric)
    names = arm_names(jobs, tasks)
    found = arm_runs(jobs, runs, names, list(columns))
    asked = Counter(names[job.number] for job in distinct_jobs(jobs, names))
    states = (outcomes[job.number].status if job.number in outcomes else "unfinished" for job in jobs)
    task_of = {names[job.number]: tasks[job.number] for job in jobs}
    order = list(dict.fromkeys(tasks.values()))
    arms = [_arm(name, task_of[name], count, found, list(columns)) for name, count in asked.items()]
    return Summary(
        name=jobs[0].sweep,
        metric=columns[metric],
        metrics=tuple(columns.values()),
        tasks=tuple(_task(name, arms, columns[metric]) for name in order),
        arms=tuple(sorted(arms, key=lambda arm: order.index(arm.task))),
        differences=_differences({one.number: runs[one.number].params for one in found}),
        failures=_failures(jobs, outcomes),
        counts=dict(Counter(states)),
        cost=_cost(outcomes, runs, wall),
    )


def _columns() -> list[Metric]:
    shown = shown_in("headline", "summary")
    scores = [Metric(f"test/{item.name}", item.title, item.decimals, item.rises) for item in shown]
    return [*scores, Metric("test/baselines_beaten", "baselines beaten", 1, True)]


def curves(arms: Sequence[Arm], runs: Mapping[int, RunReader], metric: str) -> dict[str, list[Points]]:
    """``metric`` over the epochs, by arm, a curve a seed that has one; what is not finite is NaN."""
    every = {arm.name: [_curve(runs[one.number], metric) for one in arm.members] for arm in arms}
    return {name: [curve for curve in seeds if curve] for name, seeds in every.items()}


def _curve(run: RunReader, metric: str) -> Points:
    return [(epoch, value if is_finite(value) else math.nan) for epoch, value in run.curve(metric)]


def _arm(name: str, task: str, asked: int, found: Sequence[ArmRun], metrics: Sequence[str]) -> Arm:
    own = tuple(member for member in found if member.arm == name)
    return Arm(name, task, asked, own, {key: estimate(one.values[key] for one in own) for key in metrics})


def _task(name: str, arms: Sequence[Arm], metric: Metric) -> Task:
    return Task(name, _best([one for arm in arms if arm.task == name for one in arm.members], metric))


def _best(found: Sequence[ArmRun], metric: Metric) -> ArmRun | None:
    eligible = [member for member in found if is_finite(member.values[metric.name])]
    choose = max if metric.rises else min
    return choose(eligible, key=lambda member: member.values[metric.name]) if eligible else None


def _differences(settings: Mapping[int, Mapping[str, str]]) -> dict[str, dict[int, str | None]]:
    keys = sorted({key for one in settings.values() for key in one})
    every = {key: {number: one.get(key) for number, one in settings.items()} for key in keys}
    return {key: values for key, values in every.items() if len(set(values.values())) > 1}


def _failures(jobs: Sequence[Job], outcomes: Mapping[int, Outcome]) -> tuple[Failure, ...]:
    ended = [(job, outcomes[job.number]) for job in jobs if job.number in outcomes]
    failed = [(job, outcome) for job, outcome in ended if outcome.status == "failed"]
    return tuple(Failure(job.title(), one.reason, job.log, one.run_id) for job, one in failed)


def _cost(outcomes: Mapping[int, Outcome], runs: Mapping[int, RunReader], wall: float) -> Cost:
    reused = [number for number, outcome in outcomes.items() if outcome.status == "reused"]
    once = [runs[number].values for number in reused if number in runs]
    took, took_cpu = ([one[name] for one in once if name in one] for name in ("time/run_s", "time/cpu_s"))
    return Cost(
        wall=wall,
        seconds=sum(outcome.seconds for outcome in outcomes.values()),
        cpu_seconds=sum(outcome.cpu_seconds for outcome in outcomes.values()),
        reused=len(reused),
        saved_seconds=sum(took),
        saved_cpu_seconds=sum(took_cpu),
        untimed=len(reused) - len(took),
    )
