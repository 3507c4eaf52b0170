"""What is said of a sweep, the same on the terminal, on its page and in MLflow."""

import math
from datetime import timedelta

from dae_lab.report import text as report_text
from dae_lab.sweep.arm_runs import ArmRun
from dae_lab.sweep.estimate import Estimate
from dae_lab.sweep.summary import Arm, Metric, Summary
from dae_lab.tracking.jsonable import is_finite

DRAWN = 12
"""Arms in one figure, at most: of more none could be told from another."""

SHORT = 30
"""Letters of a name that figures have room for."""

NAMED = 6
"""Tasks that are named in a sentence, at most."""

NONE = "–"
"""Stands where there is no number."""


def format_number(value: float, decimals: int = 4) -> str:
    """A number as the report of a run writes it; a dash for what is not finite."""
    return report_text.number(value, decimals) if is_finite(value) else NONE


def format_mean(estimate: Estimate, decimals: int = 4) -> str:
    """The mean, with as many decimals as show the first digit of the interval's half, and these at least."""
    return format_number(estimate.mean, _digits(estimate, decimals))


def format_interval(estimate: Estimate, decimals: int = 4) -> str:
    """The interval's ends, ``[0.0138, 0.0142]``; empty where there is none."""
    if not is_finite(estimate.low):
        return ""
    digits = _digits(estimate, decimals)
    return f"[{format_number(estimate.low, digits)}, {format_number(estimate.high, digits)}]"


def format_half_width(estimate: Estimate, decimals: int = 4) -> str:
    """Half of the interval, ``±0.0002``; empty where there is none."""
    return (
        f"±{estimate.high - estimate.mean:.{_digits(estimate, decimals)}f}" if is_finite(estimate.low) else ""
    )


def _digits(estimate: Estimate, least: int) -> int:
    half = estimate.high - estimate.mean
    return max(least, min(7, -math.floor(math.log10(half)))) if half > 0 else least


def format_fewer_seeds(estimate: Estimate, arm: Arm) -> str:
    """``n=2`` where not all of an arm's runs have a finite value; empty where they have."""
    return f"n={estimate.n}" if estimate.n < len(arm.members) else ""


def format_title(metric: Metric) -> str:
    """A metric's title, with an arrow to the better."""
    return f"{metric.title}\u00a0{'↑' if metric.rises else '↓'}"


def format_seeds(arm: Arm) -> str:
    """How many seeds an arm has, ``5``; ``3 of 5`` where not all have finished."""
    have = len(arm.members)
    return f"{have} of {arm.asked}" if have < arm.asked else f"{have}"


def has_numbered_arms(summary: Summary) -> bool:
    """Whether arms go by numbers, as a name is too long."""
    return any(len(arm.name) > SHORT for arm in summary.arms)


def short_names(summary: Summary) -> dict[str, str]:
    """Arm → its name, or its number where they go by numbers."""
    places = {arm.name: str(place) for place, arm in enumerate(summary.arms, 1)}
    return places if has_numbered_arms(summary) else {name: name for name in places}


def full_names(summary: Summary) -> dict[str, str]:
    """Arm → its name, after its number where arms go by numbers: it can be cut and stays distinct."""
    return {
        name: name if name == brief else f"{brief}: {name}" for name, brief in short_names(summary).items()
    }


def format_counts(summary: Summary) -> str:
    """``10 finished, 2 failed``."""
    return ", ".join(f"{count} {state}" for state, count in summary.counts.items())


def describe_best(summary: Summary) -> str:
    """The best run, or that of each task, a sentence without its end."""
    if not summary.winners:
        return f"No run has finished with a value of {summary.metric.name}"
    kind = f"{'Highest' if summary.metric.rises else 'Lowest'} {summary.metric.name}"
    if summary.best:
        return f"{kind}: {_run(summary, summary.best)}"
    each = [f"{task.name}: {_run(summary, task.best)}" for task in summary.tasks[:NAMED]]
    return f"{kind} of each task: {'; '.join(each)}" + _more(summary)


def _run(summary: Summary, run: ArmRun | None) -> str:
    """``0.0124, loss=bce, seed 0``."""
    if run is None:
        return "no run has finished with a value"
    value = format_number(run.values[summary.metric.name], summary.metric.decimals)
    return f"{value}, {run.arm}, seed {run.seed}"


def _more(summary: Summary) -> str:
    left = len(summary.tasks) - NAMED
    return f"; and {left} more task{'s' * (left > 1)}" if left > 0 else ""


def describe_tasks(summary: Summary) -> str:
    """That runs of several tasks are not compared, and which tasks; empty where there is one."""
    if len(summary.tasks) == 1:
        return ""
    names = "; ".join(task.name for task in summary.tasks[:NAMED])
    return (
        f"These runs have {len(summary.tasks)} tasks: {names}{_more(summary)}. Other test images, or other "
        f"noise on them, make other errors, so runs and arms are compared within a task only."
    )


def describe_intervals(summary: Summary) -> str:
    """What the intervals of the table are, one sentence."""
    if all(item.n < 2 for arm in summary.arms for item in arm.estimates.values()):
        return "One seed an arm gives no interval: how much of a difference is the seed’s luck is not known."
    return "Intervals: 95 %, Student’s t over the seeds; they tell the luck of the seed, not of the images."


def describe_values(summary: Summary, param: str, most: int = 6) -> str:
    """The values a param has and in how many runs, ``bce: 5, mse: 5``."""
    every = list(summary.differences[param].values())
    kinds = list(dict.fromkeys(every))
    told = [f"{'not there' if kind is None else kind}: {every.count(kind)}" for kind in kinds[:most]]
    return ", ".join(told) + (f", and {len(kinds) - most} more values" if len(kinds) > most else "")


def describe_drawn_arms(summary: Summary) -> str:
    """That not all arms are in a figure, if so."""
    have = sum(bool(arm.members) for arm in summary.arms)
    if have <= DRAWN:
        return ""
    among = " of their task" if len(summary.tasks) > 1 else ""
    return f"Shown: the {DRAWN} of {have} arms with the best mean {summary.metric.name}{among}."


def format_duration(seconds: float) -> str:
    """``0:01:30``; a dash where it is not known."""
    return str(timedelta(seconds=round(seconds))) if is_finite(seconds) else NONE


def describe_cost(summary: Summary) -> str:
    """What the sweep took now."""
    cost = summary.cost
    return (
        f"Spent now: {format_duration(cost.seconds)} and {cost.cpu_seconds:,.0f} CPU seconds, summed over "
        f"the runs; the command took {format_duration(cost.wall)}."
    )


def describe_savings(summary: Summary) -> str:
    """What was saved by not training again; empty where nothing was."""
    cost = summary.cost
    if not cost.reused:
        return ""
    unknown = f"; of {cost.untimed} of them that is not known" if cost.untimed else ""
    runs = "the run reused" if cost.reused == 1 else f"the {cost.reused} runs reused"
    return (
        f"Saved by reuse: {format_duration(cost.saved_seconds)} and {cost.saved_cpu_seconds:,.0f} CPU "
        f"seconds, which {runs} once took{unknown}."
    )
