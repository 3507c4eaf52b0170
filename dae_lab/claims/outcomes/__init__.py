"""The kinds of outcome a claim can be about, one class each; see ``kind.OutcomeKind``."""

from dae_lab.claims.outcomes.correlation import Correlation
from dae_lab.claims.outcomes.kind import OutcomeKind
from dae_lab.claims.outcomes.share import Share
from dae_lab.claims.outcomes.time import Time
from dae_lab.claims.outcomes.value import Value
from dae_lab.claims.rule import Outcome

KINDS: dict[str, type[OutcomeKind]] = {
    "value": Value,
    "time": Time,
    "share": Share,
    "correlation": Correlation,
}
"""By the name that a claim's file gives under ``outcome.kind``."""


def outcome_kind(outcome: Outcome) -> OutcomeKind:
    """The kind of ``outcome``, with its options."""
    return KINDS[outcome.kind](outcome)
