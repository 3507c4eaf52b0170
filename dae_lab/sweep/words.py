"""What is said of a sweep, the same on the terminal, on its page and in MLflow."""

import math
from datetime import timedelta

from dae_lab.report import text as report_text
from dae_lab.sweep.estimate import Estimate
from dae_lab.sweep.members import Member
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


def number(value: float, decimals: int = 4) -> str:
    """A number as the report of a run writes it; a dash for what is not finite."""
    return report_text.number(value, decimals) if is_finite(value) else NONE


def mean(found: Estimate, decimals: int = 4) -> str:
    """The mean, with as many decimals as show the first digit of the interval's half, and these at least."""
    return number(found.mean, _digits(found, decimals))


def bounds(found: Estimate, decimals: int = 4) -> str:
    """The interval's ends, ``[0.0138, 0.0142]``; empty where there is none."""
    if not is_finite(found.low):
        return ""
    return f"[{number(found.low, _digits(found, decimals))}, {number(found.high, _digits(found, decimals))}]"


def reach(found: Estimate, decimals: int = 4) -> str:
    """Half of the interval, ``±0.0002``; empty where there is none."""
    return f"±{found.high - found.mean:.{_digits(found, decimals)}f}" if is_finite(found.low) else ""


def _digits(found: Estimate, least: int) -> int:
    half = found.high - found.mean
    return max(least, min(7, -math.floor(math.log10(half)))) if half > 0 else least


def fewer(found: Estimate, arm: Arm) -> str:
    """``n=2`` where not all of an arm's runs have a finite value; empty where they have."""
    return f"n={found.n}" if found.n < len(arm.members) else ""


def title(metric: Metric) -> str:
    """A metric's title, with an arrow to the better."""
    return f"{metric.title}\u00a0{'↑' if metric.rises else '↓'}"


def seeds(arm: Arm) -> str:
    """How many seeds an arm has, ``5``; ``3 of 5`` where not all have finished."""
    have = len(arm.members)
    return f"{have} of {arm.asked}" if have < arm.asked else f"{have}"


def numbered(found: Summary) -> bool:
    """Whether arms go by numbers, as a name is too long."""
    return any(len(arm.name) > SHORT for arm in found.arms)


def short(found: Summary) -> dict[str, str]:
    """Arm → its name, or its number where they go by numbers."""
    places = {arm.name: str(place) for place, arm in enumerate(found.arms, 1)}
    return places if numbered(found) else {name: name for name in places}


def called(found: Summary) -> dict[str, str]:
    """Arm → its name, after its number where they go by numbers: it can be cut and is still told apart."""
    return {name: name if name == brief else f"{brief}: {name}" for name, brief in short(found).items()}


def counts(found: Summary) -> str:
    """``10 finished, 2 failed``."""
    return ", ".join(f"{count} {state}" for state, count in found.counts.items())


def best(found: Summary) -> str:
    """The best run, or that of each task, a sentence without its end."""
    if not found.winners:
        return f"No run has finished with a value of {found.metric.name}"
    kind = f"{'Highest' if found.metric.rises else 'Lowest'} {found.metric.name}"
    if found.best:
        return f"{kind}: {_run(found, found.best)}"
    each = [f"{task.name}: {_run(found, task.best)}" for task in found.tasks[:NAMED]]
    return f"{kind} of each task: {'; '.join(each)}" + _more(found)


def _run(found: Summary, run: Member | None) -> str:
    """``0.0124, loss=bce, seed 0``."""
    if run is None:
        return "no run has finished with a value"
    return f"{number(run.values[found.metric.name], found.metric.decimals)}, {run.arm}, seed {run.seed}"


def _more(found: Summary) -> str:
    left = len(found.tasks) - NAMED
    return f"; and {left} more task{'s' * (left > 1)}" if left > 0 else ""


def tasks(found: Summary) -> str:
    """That runs of several tasks are not compared, and which tasks; empty where there is one."""
    if len(found.tasks) == 1:
        return ""
    names = "; ".join(task.name for task in found.tasks[:NAMED])
    return (
        f"These runs have {len(found.tasks)} tasks: {names}{_more(found)}. Other test images, or other noise "
        f"on them, make other errors, so runs and arms are compared within a task only."
    )


def intervals(found: Summary) -> str:
    """What the intervals of the table are, one sentence."""
    if all(item.n < 2 for arm in found.arms for item in arm.estimates.values()):
        return "One seed an arm gives no interval: how much of a difference is the seed’s luck is not known."
    return "Intervals: 95 %, Student’s t over the seeds; they tell the luck of the seed, not of the images."


def values(found: Summary, param: str, most: int = 6) -> str:
    """The values a param has and in how many runs, ``bce: 5, mse: 5``."""
    every = list(found.differences[param].values())
    kinds = list(dict.fromkeys(every))
    told = [f"{'not there' if kind is None else kind}: {every.count(kind)}" for kind in kinds[:most]]
    return ", ".join(told) + (f", and {len(kinds) - most} more values" if len(kinds) > most else "")


def most_drawn(found: Summary) -> str:
    """That not all arms are in a figure, if so."""
    have = sum(bool(arm.members) for arm in found.arms)
    if have <= DRAWN:
        return ""
    among = " of their task" if len(found.tasks) > 1 else ""
    return f"Shown: the {DRAWN} of {have} arms with the best mean {found.metric.name}{among}."


def duration(seconds: float) -> str:
    """``0:01:30``; a dash where it is not known."""
    return str(timedelta(seconds=round(seconds))) if is_finite(seconds) else NONE


def spent(found: Summary) -> str:
    """What the sweep took now."""
    cost = found.cost
    return (
        f"Spent now: {duration(cost.seconds)} and {cost.cpu_seconds:,.0f} CPU seconds, summed over the runs; "
        f"the command took {duration(cost.wall)}."
    )


def saved(found: Summary) -> str:
    """What was saved by not training again; empty where nothing was."""
    cost = found.cost
    if not cost.reused:
        return ""
    unknown = f"; of {cost.untimed} of them that is not known" if cost.untimed else ""
    runs = "the run reused" if cost.reused == 1 else f"the {cost.reused} runs reused"
    return (
        f"Saved by reuse: {duration(cost.saved_seconds)} and {cost.saved_cpu_seconds:,.0f} CPU seconds, "
        f"which {runs} once took{unknown}."
    )
