"""How long claims take: to the next look, and to the last."""

from collections.abc import Callable, Container, Iterable, Mapping, Sequence

from dae_lab.claims.plan import ClaimPlan, PlannedRun, RunKey
from dae_lab.claims.publishing import terminal
from dae_lab.sweep.compose import Composed
from dae_lab.sweep.sweep import Sweep
from dae_lab.sweep.times import TimeEstimate

Choose = Callable[[ClaimPlan], Iterable[PlannedRun]]
"""Which runs of a claim are meant."""


def new_runs(plans: Sequence[ClaimPlan], choose: Choose, known: Container[RunKey]) -> dict[RunKey, Composed]:
    """The runs of ``plans`` that are not ``known``; those that claims share once."""
    return {run.key: plan.compose(run) for plan in plans for run in choose(plan) if run.key not in known}


def to_first_look(plan: ClaimPlan) -> Iterable[PlannedRun]:
    """The runs by which ``plan`` is judged first."""
    return plan.runs(plan.claim.seeds.looks()[0])


def to_last_look(plan: ClaimPlan) -> Iterable[PlannedRun]:
    """The runs by which ``plan`` is judged at last, if nothing decides it before."""
    return plan.runs(plan.claim.seeds.last)


def show_plans(plans: Sequence[ClaimPlan], sweep: Sweep, known: Mapping[RunKey, int]) -> None:
    """Say how many runs the claims may take, and how long.

    Args:
        known: numbers of the jobs of the first look.
    """
    times: dict[RunKey, TimeEstimate | None] = {
        key: sweep.times.get(number, TimeEstimate(0.0)) for key, number in known.items()
    }
    for choose in (to_last_look, ClaimPlan.long_runs):
        later = new_runs(plans, choose, times)
        times |= zip(later, sweep.estimate([*later.values()]), strict=True)
    for plan in plans:
        parts = [
            [times[key] for key in dict.fromkeys(run.key for run in choose(plan))]
            for choose in (to_first_look, to_last_look, ClaimPlan.long_runs)
        ]
        terminal.show_plan(plan, len(plans), *parts)
    if len(plans) > 1:
        terminal.show_total([times[key] for key in known], [*times.values()])


def show_remaining(
    plans: Sequence[ClaimPlan], next_look: Choose, sweep: Sweep, known: Mapping[RunKey, int]
) -> None:
    """Say how long it takes to the next look at ``plans``, and to their last one at most."""
    soon, last = (new_runs(plans, choose, known) for choose in (next_look, to_last_look))
    later = last | new_runs(plans, ClaimPlan.long_runs, known)
    if last:
        times = dict(zip(later, sweep.estimate([*later.values()]), strict=True))
        terminal.show_remaining([times[key] for key in soon], [*times.values()])
