"""How a claim was asked and judged, as far as its runs do not say it."""

from dataclasses import replace

from dae_lab.claims.caveats import caveats
from dae_lab.claims.evidence import Evidence
from dae_lab.claims.judge import Verdict
from dae_lab.claims.publishing.runs_file import LATEST
from dae_lab.parts.schema import Schema, option


class Circumstances(Schema):
    """How a claim was asked and judged; kept in ``rule.yaml`` under ``judged``.

    Attributes:
        claim: its name. seeds: those judged. divisor: of its error rate.
        stated: when the rule was recorded, in milliseconds since 1970.
        changed: how it was judged by other rules. history: how it was judged before, otherwise.
        overrides: those of the command line that change what is asked. command: what asks it again.
        cut_short: the study was stopped before its next look. missing: why it could not be judged at all.
        provisional: other claims that were judged with it may change its verdict.
    """

    claim: str
    seeds: int
    divisor: int = option(ge=1, le=1000, default=1)
    stated: int = option(ge=0, le=LATEST, default=0)
    changed: str = ""
    history: str = ""
    overrides: list[str] = option(default_factory=list)
    command: str = ""
    cut_short: bool = False
    missing: list[str] = option(default_factory=list)
    provisional: bool = False


def with_caveats(verdict: Verdict, evidence: Evidence, circumstances: Circumstances) -> Verdict:
    """``verdict`` with its caveats and its history."""
    found = caveats(verdict, evidence, circumstances.stated, circumstances.changed, circumstances.overrides)
    return replace(verdict, caveats=found, history=circumstances.history)
