"""Which runs claims want: shared ones once."""

from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from dataclasses import replace

from dae_lab.claims.question import Question, checked, trained
from dae_lab.sweep.plan import Composed

Key = tuple[str, int]
"""What a run trains, see ``trained``, and its seed."""

Wanted = tuple[str, int, Key]
"""A run of a claim: arm, seed and key."""

Choose = Callable[[Question], Iterable[Wanted]]
"""Which runs of a claim are meant: ``to_next_look``, ``to_last_look``, ``at_length``."""


def to_next_look(question: Question) -> Iterator[Wanted]:
    """The runs by which ``question`` is judged next."""
    return _judged(question, question.next_look)


def to_last_look(question: Question) -> Iterator[Wanted]:
    """The runs by which ``question`` is judged at last, if nothing decides it before."""
    return _judged(question, question.claim.seeds.last)


def at_length(question: Question) -> Iterator[Wanted]:
    """The single runs at the source's length."""
    seed = question.claim.seeds.first
    for arm in question.claim.long_arms:
        yield arm, seed, (trained(checked(question.arms[arm])), seed)


def new_runs(questions: Sequence[Question], choose: Choose, known: Container[Key]) -> dict[Key, Composed]:
    """The runs of ``questions`` that are not ``known``."""
    return {
        key: _with_seed(question.arms[arm], seed)
        for question in questions
        for arm, seed, key in choose(question)
        if key not in known
    }


def _judged(question: Question, n: int) -> Iterator[Wanted]:
    """The runs of the first ``n`` seeds, seed by seed."""
    claim = question.claim
    arms = {arm: trained(checked(question.arms[arm])) for arm in claim.short_arms}
    for seed in range(claim.seeds.first, claim.seeds.first + n):
        yield from ((arm, seed, (arms[arm], seed)) for arm in arms if seed in claim.wanted(arm, n))


def _with_seed(arm: Composed, seed: int) -> Composed:
    overrides = [text for text in arm.overrides if not text.startswith("seed=")]
    config = replace(checked(arm), seed=seed)
    return replace(arm, overrides=[*overrides, f"seed={seed}"], checked=config)
