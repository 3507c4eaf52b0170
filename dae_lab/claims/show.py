"""What a person sees while claims are judged."""

import sys
from collections.abc import Sequence

from dae_lab.claims import words
from dae_lab.claims.judge import Judgement
from dae_lab.claims.question import Question
from dae_lab.claims.sentence import first_sentence
from dae_lab.sweep.show import format_total
from dae_lab.sweep.times import TimeEstimate

Times = Sequence[TimeEstimate | None]
"""How long runs take, those that have finished nothing."""


def plan(
    question: Question, family: int, first_times: Times, all_times: Times, long_times: Times = ()
) -> None:
    """How many runs it may become, how long they take, and how likely they are to decide it.

    Args:
        family: how many claims are judged together.
        first_times: of the runs for the first look. all_times: of those for the last look.
        long_times: of single runs at the source's length.
    """
    known = question.claim
    first, most = (
        sum(len(known.wanted(arm, n)) for arm in known.short_arms)
        for n in (question.next_look, known.seeds.last)
    )
    print(
        f"{question.name}: {first} runs for the first look, at {question.next_look} seeds; at most {most}, "
        f"for {known.seeds.last} seeds"
    )
    print(f"  time: {format_total(first_times)} for the first look, at most {format_total(all_times)}")
    if long_times:
        runs = "run" if len(long_times) == 1 else "runs"
        print(f"  then {len(long_times)} {runs} at the source's length: {format_total(long_times)}")
    print(f"  {words.power(known, family)}")


def total(first_times: Times, all_times: Times) -> None:
    """How long all claims take, whose runs are shared; arguments as for ``plan``."""
    print(f"all claims: {format_total(first_times)} for the first look, at most {format_total(all_times)}")


def remaining(next_times: Times, all_times: Times) -> None:
    """How long it takes to the next look, and to the last."""
    print(
        f"to the next look {format_total(next_times)}, to the last at most {format_total(all_times)}",
        file=sys.stderr,
    )


def look(question: Question) -> None:
    """A claim has been looked at."""
    if found := question.judgement:
        more = "" if question.settled else f"; provisional, on to {question.next_look} seeds"
        if question.settled and found.provisional:
            more = "; provisional: it depends on what becomes of the other claims"
        print(f"{question.name}, {found.n} seeds: {words.headline(found).rstrip('.')}{more}", file=sys.stderr)


def verdict(name: str, found: Judgement) -> None:
    """What became of a claim."""
    print(f"\n{found.claim.id} {name}: {found.claim.statement}")
    if sentence := first_sentence(found):
        print(f"  {sentence}")
    print(f"  {words.headline(found)}")
    if condition := words.condition(found):
        print(f"  {condition}")
    for remark in found.remarks:
        print(f"  MIND: {remark}")
    for reading in found.readings[1:]:
        print(f"  {reading.name}: {words.said(found, reading)}, {words.effect(reading)}")
    print(f"  {words.seeds(found)}")
