"""What a person sees while claims are judged."""

import sys

from dae_lab.claims import words
from dae_lab.claims.judge import Judgement
from dae_lab.claims.question import Question


def plan(question: Question, family: int) -> None:
    """How many runs it may become, and how likely they are to decide it.

    family: how many claims are judged together.
    """
    known = question.claim
    first, most = (
        sum(len(known.wanted(arm, n)) for arm in question.arms)
        for n in (question.next_look, known.seeds.last)
    )
    print(
        f"{question.name}: {first} runs for the first look, at {question.next_look} seeds; at most {most}, "
        f"for {known.seeds.last} seeds"
    )
    print(f"  {words.power(known, family)}")


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
    print(f"  {words.headline(found)}")
    if condition := words.condition(found):
        print(f"  {condition}")
    for remark in found.remarks:
        print(f"  MIND: {remark}")
    for reading in found.readings[1:]:
        print(f"  {reading.name}: {words.said(found, reading)}, {words.effect(reading)}")
    print(f"  {words.seeds(found)}")
