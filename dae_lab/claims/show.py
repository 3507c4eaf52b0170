"""What a person sees while claims are judged."""

import sys

from dae_lab.claims import words
from dae_lab.claims.judge import Judgement
from dae_lab.claims.question import Question


def look(question: Question) -> None:
    """A claim has been looked at."""
    if found := question.judgement:
        more = "" if question.settled else "; more seeds are trained"
        print(f"{question.name}, {found.n} seeds: {words.headline(found).rstrip('.')}{more}", file=sys.stderr)


def verdict(name: str, found: Judgement) -> None:
    """What became of a claim."""
    print(f"\n{found.claim.id} {name}: {found.claim.statement}")
    print(f"  {words.headline(found)}")
    for reading in found.readings[1:]:
        print(f"  {reading.name}: {reading.verdict.value}, {words.effect(reading)}")
    print(f"  {words.seeds(found)}")
