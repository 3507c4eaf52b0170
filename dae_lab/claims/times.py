"""How long claims take: to the next look, and to the last."""

from collections.abc import Mapping, Sequence

from dae_lab.claims import show
from dae_lab.claims.question import Question
from dae_lab.claims.runs import Key, at_length, new_runs, to_last_look, to_next_look
from dae_lab.sweep.sweep import Sweep
from dae_lab.sweep.times import TimeEstimate


def show_plan(questions: Sequence[Question], sweep: Sweep, known: Mapping[Key, int]) -> None:
    """Say how many runs the claims may take, and how long.

    Args:
        known: numbers of the jobs of the first look.
    """
    times: dict[Key, TimeEstimate | None] = {
        key: sweep.times.get(number, TimeEstimate(0.0)) for key, number in known.items()
    }
    for choose in (to_last_look, at_length):
        later = new_runs(questions, choose, times)
        times |= zip(later, sweep.estimate([*later.values()]), strict=True)
    for question in questions:
        parts = [
            [times[key] for key in dict.fromkeys(key for *_, key in choose(question))]
            for choose in (to_next_look, to_last_look, at_length)
        ]
        show.plan(question, len(questions), *parts)
    if len(questions) > 1:
        show.total([times[key] for key in known], [*times.values()])


def show_remaining(questions: Sequence[Question], sweep: Sweep, known: Mapping[Key, int]) -> None:
    """Say how long it takes to the next look at ``questions``, and to their last one at most."""
    soon, last = (new_runs(questions, choose, known) for choose in (to_next_look, to_last_look))
    later = last | new_runs(questions, at_length, known)
    if last:
        times = dict(zip(later, sweep.estimate([*later.values()]), strict=True))
        show.remaining([times[key] for key in soon], [*times.values()])
