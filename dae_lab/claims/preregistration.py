"""The rules by which claims are judged, recorded in the store before the runs they judge."""

import hashlib
import json
import logging
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from omegaconf import OmegaConf

from dae_lab.claims.judge import Verdict
from dae_lab.claims.plan import ClaimPlan, checked, trained
from dae_lab.provenance import code_fingerprint
from dae_lab.tracking.store import RunStore

log = logging.getLogger(__name__)

LONGEST_TAG = 5000
"""Letters of a tag, enough for 25 verdicts; the oldest are forgotten first, and counted."""


@dataclass(frozen=True)
class RuleEntry:
    """One rule: the claim's hash, that of what its arms train, and when it was recorded.

    As text ``<rule>/<arms>@<milliseconds since 1970>``.
    """

    rule: str
    arms: str
    stated: int

    def __str__(self) -> str:
        return f"{self.rule}/{self.arms}@{self.stated}"


@dataclass(frozen=True)
class PastVerdict:
    """How a claim was judged once: by which rule and arms, in which family, to what verdict.

    Attributes:
        rule: its hash, and that of the arms. divisor: of the error rate.
        family: how many claims were judged together. members: eight hex digits of their names.
        maximum: seeds at the last look that was planned. seeds: those that were judged.
        code: eight hex digits of the code that trained.
    """

    rule: str
    family: int
    members: str
    divisor: int
    maximum: int
    seeds: int
    verdict: str
    code: str

    def is_same_study(self, other: "PastVerdict") -> bool:
        """Whether both are looks of one study."""
        mine, its = ((one.rule, one.members, one.maximum, one.code) for one in (self, other))
        return mine == its

    def sentence(self) -> str:
        """``inconclusive after 20 of at most 20 seeds, in a family of 13``."""
        alone = "alone" if self.family == 1 else f"in a family of {self.family}"
        return f"{self.verdict} after {self.seeds} of at most {self.maximum} seeds, {alone}"


@dataclass(frozen=True)
class Registration:
    """What the store knows of a claim.

    Attributes:
        stated: when its rule was recorded, in milliseconds since 1970. rule: its hash, and that of the arms.
        changed: how it was judged by other rules; empty where it was not.
        past: how it was judged before, by this rule or others. forgotten: how often besides.
    """

    stated: int
    rule: str
    changed: str
    past: tuple[PastVerdict, ...]
    forgotten: int

    def verdict_now(self, verdict: Verdict, family: Sequence[str]) -> PastVerdict:
        """``verdict`` as it will be remembered; ``family``: the names of the claims judged together."""
        return PastVerdict(
            rule=self.rule,
            family=len(family),
            members=hashlib.sha256(" ".join(sorted(family)).encode()).hexdigest()[:8],
            divisor=verdict.divisor,
            maximum=verdict.claim.seeds.last,
            seeds=verdict.n,
            verdict=verdict.conclusion.value,
            code=code_fingerprint()[:8],
        )

    def history(self, verdict: Verdict, family: Sequence[str]) -> str:
        """How the claim was judged before, otherwise than now; empty where it was not."""
        now = self.verdict_now(verdict, family)
        others = [one for one in self.past if not one.is_same_study(now)]
        if not others:
            return ""
        before = "; ".join(dict.fromkeys(one.sentence() for one in others))
        more = f"; and {self.forgotten} earlier ones" if self.forgotten else ""
        return f"Asked again (before: {before}{more}), so that the error rates of all these studies add up"


def preregister(plan: ClaimPlan, store: RunStore) -> Registration:
    """Record the rule of ``plan``, unless it is there; warns where runs have been judged by another."""
    rule, arms = plan.claim.rule_hash(), _hash_arms(plan)
    with store.open_summary("claim", plan.name) as record:
        known = [_read_entry(text, record.started) for text in record.tags.get("rule", "").split()]
        same = [one for one in known if one.rule == rule and one.arms in ("", arms)]
        others = [one for one in known if one not in same]
        if not same:
            same = [RuleEntry(rule, arms, time.time_ns() // 1_000_000)]
            record.set_tag("rule", " ".join(map(str, [*known, *same])))
            record.log_text(OmegaConf.to_yaml(OmegaConf.create(asdict(plan.claim))), f"rules/{rule}.yaml")
        forgotten, past = _read_past(record.tags.get("judged", ""))
    changed = _describe_changes(others, same[0])
    if changed:
        log.warning("claim %s: %s", plan.name, changed)
    return Registration(same[0].stated, f"{rule}/{arms}", changed, tuple(past), forgotten)


def record_verdict(
    name: str, verdict: Verdict, registration: Registration, family: Sequence[str], store: RunStore
) -> None:
    """Remember how the claim ``name`` was judged: the last look of each study."""
    now = registration.verdict_now(verdict, family)
    kept = [one for one in registration.past if not one.is_same_study(now)]
    forgotten, entries = registration.forgotten, [asdict(one) for one in [*kept, now]]
    while len(text := json.dumps([forgotten, *entries])) > LONGEST_TAG and len(entries) > 1:
        del entries[0]
        forgotten += 1
    with store.open_summary("claim", name) as record:
        if record.tags.get("judged") != text:
            record.set_tag("judged", text)


def _read_past(text: str) -> tuple[int, list[PastVerdict]]:
    """How many verdicts are forgotten, and the others; none where the tag is damaged."""
    try:
        forgotten, *entries = json.loads(text or "[0]")
        return int(forgotten), [_read_past_verdict(one) for one in entries]
    except (ValueError, TypeError, KeyError):
        return 0, []


def _read_past_verdict(known: dict[str, Any]) -> PastVerdict:
    numbers = {name: int(known[name]) for name in ("family", "divisor", "maximum", "seeds")}
    texts = {name: str(known[name]) for name in ("rule", "members", "verdict", "code")}
    return PastVerdict(**numbers, **texts)  # type: ignore[arg-type]  # by name


def _read_entry(text: str, began: int) -> RuleEntry:
    known, _, stated = text.partition("@")
    rule, _, arms = known.partition("/")
    return RuleEntry(rule, arms, int(stated or began))


def _describe_changes(others: Sequence[RuleEntry], own: RuleEntry) -> str:
    """How a claim was judged by other rules than ``own``; empty where there are none."""
    found = []
    for one in others:
        when = "before" if one.stated < own.stated else "after"
        what = f"by the rule {one.rule}" if one.rule != own.rule else "by this rule with other arms"
        found.append(f"the claim was judged {what}, too, recorded {when} this one")
    return "; ".join(dict.fromkeys(found))


def _hash_arms(plan: ClaimPlan) -> str:
    """Twelve hex digits of what the arms train; causes decide nothing."""
    digest = hashlib.sha256()
    for arm in plan.claim.arms:
        digest.update(f"{arm} {trained(checked(plan.arms[arm]))}\n".encode())
    return digest.hexdigest()[:12]
