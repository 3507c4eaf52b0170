"""What a person sees on the terminal while claims are judged."""

import sys
from collections.abc import Sequence

from dae_lab.claims.judge import Verdict
from dae_lab.claims.plan import ClaimPlan
from dae_lab.claims.publishing import text
from dae_lab.sweep.show import format_total
from dae_lab.sweep.times import TimeEstimate


def show_plan(
    plan: ClaimPlan,
    family: int,
    first: Sequence[TimeEstimate | None],
    every: Sequence[TimeEstimate | None],
    long: Sequence[TimeEstimate | None] = (),
) -> None:
    """How many runs a claim may take, how long they take, and how likely they are to decide it.

    Args:
        family: how many claims are judged together.
        first: times of the runs for the first look. every: of those for the last look.
        long: of single runs at the source's length.
    """
    claim = plan.claim
    looks = (claim.seeds.looks()[0], claim.seeds.last)
    soon, most = (sum(len(claim.wanted(arm, n)) for arm in claim.short_arms) for n in looks)
    print(
        f"{plan.name}: {soon} runs for the first look, at {looks[0]} seeds; at most {most}, "
        f"for {looks[1]} seeds"
    )
    print(f"  time: {format_total(first)} for the first look, at most {format_total(every)}")
    if long:
        runs = "run" if len(long) == 1 else "runs"
        print(f"  then {len(long)} {runs} at the source's length: {format_total(long)}")
    print(f"  {text.power(claim, family)}")


def show_total(first: Sequence[TimeEstimate | None], every: Sequence[TimeEstimate | None]) -> None:
    """How long all claims take, whose runs are shared; arguments as for ``show_plan``."""
    print(f"all claims: {format_total(first)} for the first look, at most {format_total(every)}")


def show_remaining(soon: Sequence[TimeEstimate | None], every: Sequence[TimeEstimate | None]) -> None:
    """How long it takes to the next look, and to the last."""
    print(
        f"to the next look {format_total(soon)}, to the last at most {format_total(every)}", file=sys.stderr
    )


def show_look(name: str, verdict: Verdict) -> None:
    """The verdict after a look, and whether the study goes on."""
    more = ""
    if not verdict.settled:
        more = f"; provisional, on to {verdict.claim.seeds.next_look(verdict.n)} seeds"
    elif verdict.provisional:
        more = "; provisional: it depends on what becomes of the other claims"
    print(f"{name}, {verdict.n} seeds: {text.headline(verdict).rstrip('.')}{more}", file=sys.stderr)


def show_verdict(name: str, verdict: Verdict) -> None:
    """The verdict on a claim, with all its readings."""
    print(f"\n{verdict.claim.id} {name}: {verdict.claim.statement}")
    if sentence := text.first_sentence(verdict):
        print(f"  {sentence}")
    print(f"  {text.headline(verdict)}")
    if condition := text.condition(verdict):
        print(f"  {condition}")
    for caveat in verdict.caveats:
        print(f"  MIND: {caveat}")
    for reading in verdict.readings[1:]:
        print(f"  {reading.name}: {text.reading_conclusion(verdict, reading)}, {text.effect(reading)}")
    print(f"  {text.seeds(verdict)}")
