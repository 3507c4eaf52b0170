"""What a person sees while a sweep goes on."""

import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta

from dae_lab.sweep.job import Job, Outcome
from dae_lab.sweep.plan import Plan


def plan(found: Plan) -> None:
    """Every run, whether it is there already, and how long the rest will take."""
    for job in found.jobs:
        run = found.done.get(job.number)
        state = f"finished, {run.run_id}" if run else f"to train, {_about(found.seconds.get(job.number))}"
        print(f"{job.place()}: {state}")
    print(f"\n{counted(found)}. Nothing was trained (plan=true).")


def begin(found: Plan, first: int) -> None:
    """How much there is to do."""
    print(f"sweep {found.name}: {counted(found)}", file=sys.stderr)


def counted(found: Plan) -> str:
    """``12 runs: 5 finished before, 7 to train, about 0:06:00 one after the other``."""
    done, left = len(found.done), len(found.open)
    text = f"{len(found.jobs)} runs: {done} finished before, {left} to train"
    if not left:
        return text
    total, unknown = sum(found.seconds.values()), left - len(found.seconds)
    if unknown == left:
        return f"{text}; no such run has been timed yet"
    also = f", and {unknown} of unknown length" if unknown else ""
    return f"{text}, {_about(total)} one after the other{also}"


def ended(job: Job, outcome: Outcome, metric: str, value: float | None) -> None:
    """A run has ended."""
    said = outcome.reason if value is None else f"{metric} {value:.4f}"
    state = outcome.status.upper() if outcome.status == "failed" else outcome.status
    took = f" in {timedelta(seconds=round(outcome.seconds))}" if outcome.seconds else ""
    print(f"{job.place()} {state}{took}: {said}", file=sys.stderr)


def _about(seconds: float | None) -> str:
    return "time unknown" if seconds is None else f"about {timedelta(seconds=round(seconds))}"


def summary(jobs: Sequence[Job], outcomes: Mapping[int, Outcome], given_up: str) -> None:
    """What came of a sweep: how many runs ended how, and every failure with its reason and log."""
    counts = Counter(outcomes[job.number].status if job.number in outcomes else "not begun" for job in jobs)
    print(f"\nsweep {jobs[0].sweep}: " + ", ".join(f"{number} {state}" for state, number in counts.items()))
    for job in jobs:
        outcome = outcomes.get(job.number)
        if outcome and outcome.status == "failed":
            print(f"  FAILED  {job.place()}: {outcome.reason}\n          log: {job.log}")
    if given_up:
        print(f"given up: {given_up}")
    if counts["stopped"] or counts["not begun"]:
        print("the same command goes on with what is left")
