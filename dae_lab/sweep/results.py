"""What came of a sweep, recorded: a page, figures, numbers, and a table as the description in MLflow."""

import csv
import hashlib
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from dae_lab.report.markdown import prose
from dae_lab.sweep import text
from dae_lab.sweep.estimate import course
from dae_lab.sweep.summary import Arm, Summary, curves
from dae_lab.tracking.jsonable import is_finite, to_jsonable
from dae_lab.tracking.reader import RunReader
from dae_lab.tracking.store import RunStore

if TYPE_CHECKING:
    from PIL.Image import Image

LONGEST = 4800
"""Letters of a description, a little less than the longest tag."""

CURVES = {"val_mse": ("val/mse", "Validation MSE"), "train_loss": ("train/loss", "Training loss")}
"""Figure → the metric it shows over the epochs, and its title."""


def record_summary(
    summary: Summary, runs: Mapping[int, RunReader], given_up: str, store: RunStore
) -> RunReader:
    """Record ``summary`` as the sweep's own run in MLflow; nothing is drawn again where nothing has changed.

    Args:
        runs: by a job's number. given_up: why the sweep ended before its last run, if it did.
    """
    status = "FINISHED" if summary.complete else "KILLED"
    with store.open_summary("sweep", summary.name, runs.values(), status) as record:
        content = to_jsonable({**asdict(summary), "given_up": given_up})
        state = hashlib.sha256(json.dumps(_lasting(content)).encode()).hexdigest()[:12]
        if record.tags.get("summary") != state or not record.has_artifact("sweep.html"):
            from dae_lab.sweep.page import page  # here, because a sweep of which nothing is new needs none

            drawn = draw_figures(summary, runs)
            for name, picture in drawn.items():
                record.log_picture(picture, f"figures/{name}.png")
            record.log_text(page(summary, drawn, given_up), "sweep.html")
            record.log_text(format_csv(summary), "runs.csv")
            record.log_text(json.dumps(content, indent=1) + "\n", "summary.json")
            record.set_description(format_markdown(summary))
            record.set_tag("summary", state)  # at last: what was cut before is done again
    return record


def draw_figures(summary: Summary, runs: Mapping[int, RunReader]) -> "dict[str, Image]":
    """The figures that there is something for, by name: ``arms``, ``val_mse``, ``train_loss``."""
    from dae_lab.figures.arms import Panel, arms
    from dae_lab.figures.bands import bands

    names = text.full_names(summary)
    chosen = summary.top(text.DRAWN)
    drawn: dict[str, Image] = {}
    if not chosen:
        return drawn
    panels = [
        Panel(
            text.format_title(metric),
            [[one.values[metric.name] for one in arm.members] for arm in chosen],
            [arm.estimates[metric.name].mean for arm in chosen],
            [(item.low, item.high) for item in (arm.estimates[metric.name] for arm in chosen)],
        )
        for metric in summary.metrics
    ]
    drawn["arms"] = arms([names[arm.name] for arm in chosen], panels)
    for file, (metric, title) in CURVES.items():
        found_curves = curves(chosen, runs, metric)
        if any(found_curves.values()):
            seeds = {names[arm]: every for arm, every in found_curves.items()}
            drawn[file] = bands(seeds, {arm: course(every) for arm, every in seeds.items()}, title)
    return drawn


def format_csv(summary: Summary) -> str:
    """Every run, its task where there are several, its metrics and what differs between runs, as CSV."""
    metrics = [metric.name for metric in summary.metrics]
    task_of = {arm.name: {"task": arm.task} if len(summary.tasks) > 1 else {} for arm in summary.arms}
    head = ["number", *task_of[summary.arms[0].name], "arm", "seed", "run_id", *metrics, "collapse"]
    head += ["time/run_s", "time/cpu_s"]
    file = io.StringIO()
    rows = csv.DictWriter(file, list(dict.fromkeys([*head, *summary.differences])), lineterminator="\n")
    rows.writeheader()
    for one in summary.members:
        row = {"number": one.number + 1, "arm": one.arm, "run_id": one.run_id, "collapse": one.collapse}
        row |= {param: values.get(one.number) for param, values in summary.differences.items()}
        numbers = {**one.values, "time/run_s": one.seconds, "time/cpu_s": one.cpu_seconds}
        row |= {name: value if is_finite(value) else None for name, value in numbers.items()}
        rows.writerow({**row, "seed": one.seed, **task_of[one.arm]})
    return file.getvalue()


def format_markdown(summary: Summary) -> str:
    """The table of arms, for the description; of many arms those that fit."""
    titles = [text.format_title(metric) for metric in summary.metrics]
    lines = [
        f"{text.format_counts(summary)}. {prose(text.describe_best(summary))}.\n",
        *[f"{prose(text.describe_tasks(summary))}\n"] * (len(summary.tasks) > 1),
        f"| arm | seeds | {' | '.join(titles)} |",
    ]
    lines.append("|---" * (len(titles) + 2) + "|")
    rows = list(_rows(summary))
    after = f"\n{text.describe_intervals(summary)}"
    room = LONGEST - sum(len(line) + 1 for line in [*lines, after])
    for place, (_, row) in enumerate(rows):
        room -= len(row) + 1
        if room < 0:
            left = sum(is_arm for is_arm, _ in rows[place:])
            after = f"\nAnd {left} more arms, in sweep.html.\n{after}"
            rows = rows[:place]
            break
    return "\n".join([*lines, *(row for _, row in rows), after])


def _rows(summary: Summary) -> Iterator[tuple[bool, str]]:
    """Rows of the table of arms, and whether each is an arm's; of several tasks each has its name above."""
    for task in summary.tasks:
        if len(summary.tasks) > 1:
            yield False, f"| **{_cell(task.name)}** |{' |' * (len(summary.metrics) + 1)}"
        for arm in summary.arms_of(task):
            yield True, _row(arm, summary)


def _cell(text: str) -> str:
    return prose(text).replace("|", "\\|")


def _row(arm: Arm, summary: Summary) -> str:
    cells = [_cell(arm.name), text.format_seeds(arm)]
    for metric in summary.metrics:
        item = arm.estimates[metric.name]
        parts = (text.format_mean(item, metric.decimals), text.format_interval(item, metric.decimals))
        cells.append(" ".join(filter(None, (*parts, text.format_fewer_seeds(item, arm)))))
    return f"| {' | '.join(cells)} |"


def _lasting(content: dict[str, Any]) -> dict[str, Any]:
    """``content`` without what the same command, given again, has different: times, and what is reused."""
    left = {state: count for state, count in content["counts"].items() if state not in ("finished", "reused")}
    return {**content, "cost": None, "counts": left}
