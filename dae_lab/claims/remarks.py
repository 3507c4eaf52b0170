"""What a reader of a verdict has to know beside it: rules that were changed, runs that were not as stated."""

from collections.abc import Mapping

from dae_lab.claims.outcome import Runs
from dae_lab.claims.question import Question
from dae_lab.tracking.recorded import Recorded

WHERE = ("tracking.", "sweep.", "plan=", "claim=", "claim.notebook=", "data.cache=", "data.download=")
"""Overrides that say where, not what."""


def remarks(question: Question, runs: Runs) -> tuple[str, ...]:
    """Sentences without their full stops; none where there is nothing to mind."""
    every = [run for of in runs.values() for run in of.values()]
    early = sum(run.began < question.stated for run in every)
    found = [question.changed]
    if early:
        found.append(f"{early} of the {len(every)} runs had begun before this rule was recorded")
    if own := " ".join(given(question)):
        found.append(f"it was asked otherwise than its file says, with {own}")
    if question.claim.definition.outcome.metric != "collapse":
        found += [_collapsed(arm, runs[arm]) for arm in question.claim.arms]
    return tuple(filter(None, found))


def given(question: Question) -> list[str]:
    """The overrides of the command line that change what is asked, or trained."""
    return [text for text in question.overrides if not text.lstrip("+~").startswith(WHERE)]


def _collapsed(arm: str, of: Mapping[int, Recorded]) -> str:
    stuck = [run for run in of.values() if run.tags.get("collapse", "none") != "none"]
    return f"{len(stuck)} of {len(of)} runs of arm {arm} collapsed" if stuck else ""
