"""What a person sees while a sweep goes on."""

import sys
from collections.abc import Collection, Mapping
from datetime import timedelta
from urllib.parse import quote

from rich import box
from rich.table import Column, Table
from rich.text import Text

from dae_lab.printed_tables import print_table
from dae_lab.sweep import words
from dae_lab.sweep.job import Job, Outcome
from dae_lab.sweep.plan import Plan
from dae_lab.sweep.summary import Arm, Metric, Summary
from dae_lab.sweep.times import Estimate
from dae_lab.tracking.queries import tag_query
from dae_lab.tracking.reader import RunReader
from dae_lab.tracking.store import RunStore

Times = Mapping[int, Estimate | None]
"""How long jobs take, by number."""

ARMS = 24
"""Arms in the table on the terminal, at most."""


def plan(found: Plan, times: Times) -> None:
    """Every run, whether it is there already, and how long the rest will take.

    Args:
        times: of the open runs, by number; None: unknown.
    """
    for job in found.jobs:
        run = found.done.get(job.number)
        state = f"finished, {run.run_id}" if run else f"to train, {_about(times[job.number])}"
        print(f"{job.place()}: {state}")
    print(f"\n{counted(found, times)}. Nothing was trained (plan=true).")
    if known := [one for one in times.values() if one is not None]:
        print(f"Times are of runs one after the other, {_source(known)}.")


def _source(known: Collection[Estimate]) -> str:
    """How the times are known."""
    calibrated = sum(one.calibrated for one in known)
    if not calibrated:
        return "as runs of the same networks took"
    some = "" if calibrated == len(known) else "as runs of the same networks took; "
    return f"{some}calibrated: by a few training steps of each network, training and validation alone"


def begin(found: Plan, times: Times) -> None:
    """How much there is to do; ``times`` as for ``plan``."""
    print(f"sweep {found.name}: {counted(found, times)}", file=sys.stderr)


def counted(found: Plan, times: Times) -> str:
    """``12 runs: 5 finished before, 7 to train, about 0:06:00 one after the other``."""
    done, left = len(found.done), len(found.open)
    runs = "run" if len(found.jobs) == 1 else "runs"
    text = f"{len(found.jobs)} {runs}: {done} finished before, {left} to train"
    if not left:
        return text
    if found.cut:
        text += f", {found.cut} of them from a checkpoint on"
    return f"{text}; {in_all(times.values())}"


def in_all(times: Collection[Estimate | None]) -> str:
    """``about 3:20:00 (calibrated)``: of runs one after the other."""
    known = [one for one in times if one is not None]
    unknown = len(times) - len(known)
    if not known:
        return "no such run has been timed yet"
    also = f", and {unknown} of unknown length" if unknown else ""
    steps = " (calibrated)" if any(one.calibrated for one in known) else ""
    return f"about {_clock(sum(one.seconds for one in known))}{steps}{also}"


def ended(job: Job, outcome: Outcome, metric: str, value: float | None) -> None:
    """A run has ended."""
    said = outcome.reason if value is None else f"{metric} {value:.4f}"
    state = outcome.status.upper() if outcome.status == "failed" else outcome.status
    took = f" in {timedelta(seconds=round(outcome.seconds))}" if outcome.seconds else ""
    print(f"{job.place()} {state}{took}: {said}", file=sys.stderr)


def _about(time: Estimate | None) -> str:
    return "time unknown" if time is None else f"about {_clock(time.seconds)}"


def _clock(seconds: float) -> timedelta:
    return timedelta(seconds=round(seconds))


def summary(found: Summary, given_up: str) -> None:
    """What came of a sweep: how many runs ended how, the arms, the best run, failures, time."""
    print(f"\nsweep {found.name}: {words.counts(found)}")
    if found.members:
        _arms(found)
        print("\n".join(filter(None, [words.tasks(found), words.best(found)])))
    if found.differences:
        print(f"differed: {', '.join(_first(list(found.differences), 6))}")
    for failure in found.failures:
        print(f"  FAILED  {failure.place}: {failure.reason}\n          log: {failure.log}")
    if given_up:
        print(f"given up: {given_up}")
    print("\n".join(filter(None, [words.spent(found), words.saved(found)])))
    if not found.complete:
        print("the same command goes on with what is left")


def _arms(found: Summary) -> None:
    """The table of arms, over seeds; of very many the best."""
    shown = found.top(ARMS) if len(found.arms) > ARMS else found.arms
    columns = {"seeds": [Text(words.seeds(arm)) for arm in shown]}
    for metric in found.metrics:
        columns[words.title(metric)] = [_cell(found, arm, metric) for arm in shown]
    if any(arm.collapsed for arm in shown):
        columns["collapsed"] = [Text(str(arm.collapsed)) for arm in shown]
    table = Table(Column("arm", overflow="fold"), box=box.SIMPLE_HEAD, padding=0)
    for title, cells in columns.items():
        pieces = [*title.split(" "), *(line for cell in cells for line in cell.plain.split("\n"))]
        table.add_column(title, justify="right", width=max(map(len, pieces)))  # titles break between words
    names = words.short(found)
    several, task = len(found.tasks) > 1, None
    for arm, *cells in zip(shown, *columns.values(), strict=True):
        if several and arm.task != task:
            task = arm.task
            table.add_section()
            table.add_row(Text(task, "italic"))
        table.add_row(Text(names[arm.name]), *cells)
    print_table(table)
    if words.numbered(found):
        print("\n".join(words.called(found)[arm.name] for arm in shown))
    if len(shown) < len(found.arms):
        among = " of their tasks" if several else ""
        print(f"… the best {len(shown)} of {len(found.arms)} arms{among}; all of them are on the page")
    print(f"Means over seeds. {words.intervals(found)}")


def _cell(found: Summary, arm: Arm, metric: Metric) -> Text:
    item = arm.estimates[metric.name]
    mean = (words.mean(item, metric.decimals), "bold" if arm.name in found.leaders(metric) else "")
    below = (words.reach(item, metric.decimals), words.fewer(item, arm))
    return Text.assemble(mean, *(f"\n{line}" for line in below if line))


def _first(names: list[str], most: int) -> list[str]:
    return names if len(names) <= most else [*names[:most], f"and {len(names) - most} more"]


def places(found: Summary, record: RunReader, store: RunStore) -> None:
    """Where the page is, how to open the UI, and on which address the sweep's runs are compared."""
    links = store.ui_links(record)
    print(f"page:          {record.locate_artifact('sweep.html')}")
    if links.command:
        print(f"open the UI:   {links.command}")
    print(f"this sweep:    {links.run}")
    if found.members:
        charts = store.ui_links(store.read(found.members[0].run_id)).charts
        wanted = quote(tag_query("sweep", found.name))
        print(f"its runs:      {charts}&searchFilter={wanted}")
