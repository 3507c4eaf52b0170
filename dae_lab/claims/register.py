"""The rules by which claims were judged, recorded in the store before the runs they judge."""

import hashlib
import json
import logging
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from omegaconf import OmegaConf

from dae_lab.claims.judge import Judgement
from dae_lab.claims.question import Asked, Question, checked, trained
from dae_lab.provenance import code_fingerprint
from dae_lab.tracking.store import Store

log = logging.getLogger(__name__)

LONGEST_TAG = 5000
"""Letters of a tag, enough for 25 judgements; the oldest are forgotten first, and counted."""


@dataclass(frozen=True)
class Entry:
    """One rule: the claim's hash, that of what its arms train, and when it was recorded.

    As text ``<rule>/<arms>@<milliseconds since 1970>``.
    """

    rule: str
    arms: str
    stated: int

    def __str__(self) -> str:
        return f"{self.rule}/{self.arms}@{self.stated}"


def state(question: Question, store: Store) -> None:
    """Record the rule of ``question``, and see whether runs have been judged by another."""
    rule, arms = question.claim.rule_hash(), _arms(question)
    with store.summary_record("claim", question.name) as record:
        known = [_entry(text, record.began) for text in record.tags.get("rule", "").split()]
        same = [one for one in known if one.rule == rule and one.arms in ("", arms)]
        others = [one for one in known if one not in same]
        if not same:
            same = [Entry(rule, arms, time.time_ns() // 1_000_000)]
            record.tag("rule", " ".join(map(str, [*known, *same])))
            record.text(OmegaConf.to_yaml(OmegaConf.create(asdict(question.claim))), f"rules/{rule}.yaml")
        question.forgotten, question.asked = _asked(record.tags.get("judged", ""))
    question.stated, question.rule = same[0].stated, f"{rule}/{arms}"
    if others:
        question.changed = _changes(others, same[0])
        log.warning("claim %s: %s", question.name, question.changed)


def record_judgement(question: Question, found: Judgement, family: Sequence[str], store: Store) -> None:
    """Remember how ``question`` was judged: the last look of each study."""
    now = asked_now(question, found, family)
    kept = [one for one in question.asked if not one.is_same_study(now)]
    forgotten, entries = question.forgotten, [asdict(one) for one in [*kept, now]]
    while len(text := json.dumps([forgotten, *entries])) > LONGEST_TAG and len(entries) > 1:
        del entries[0]
        forgotten += 1
    with store.summary_record("claim", question.name) as record:
        if record.tags.get("judged") != text:
            record.tag("judged", text)


def asked_now(question: Question, found: Judgement, family: Sequence[str]) -> Asked:
    """How ``question`` is judged by this command."""
    members = hashlib.sha256(" ".join(sorted(family)).encode()).hexdigest()[:8]
    return Asked(
        rule=question.rule,
        family=len(family),
        members=members,
        divisor=found.share,
        maximum=question.claim.seeds.last,
        seeds=found.n,
        verdict=found.verdict.value,
        code=code_fingerprint()[:8],
    )


def history(question: Question, found: Judgement, family: Sequence[str]) -> str:
    """How the claim was judged before, otherwise than now; empty where it was not."""
    now = asked_now(question, found, family)
    others = [one for one in question.asked if not one.is_same_study(now)]
    if not others:
        return ""
    before = "; ".join(dict.fromkeys(one.sentence() for one in others))
    more = f"; and {question.forgotten} earlier ones" if question.forgotten else ""
    return f"Asked again (before: {before}{more}), so that the error rates of all these studies add up"


def _asked(text: str) -> tuple[int, list[Asked]]:
    """How many judgements are forgotten, and the others; none where the tag is damaged."""
    try:
        forgotten, *entries = json.loads(text or "[0]")
        return int(forgotten), [_one_asked(one) for one in entries]
    except (ValueError, TypeError, KeyError):
        return 0, []


def _one_asked(known: dict[str, Any]) -> Asked:
    numbers = {name: int(known[name]) for name in ("family", "divisor", "maximum", "seeds")}
    words = {name: str(known[name]) for name in ("rule", "members", "verdict", "code")}
    return Asked(**numbers, **words)  # type: ignore[arg-type]  # by name


def _entry(text: str, began: int) -> Entry:
    known, _, stated = text.partition("@")
    rule, _, arms = known.partition("/")
    return Entry(rule, arms, int(stated or began))


def _changes(others: list[Entry], own: Entry) -> str:
    found = []
    for one in others:
        when = "before" if one.stated < own.stated else "after"
        what = f"by the rule {one.rule}" if one.rule != own.rule else "by this rule with other arms"
        found.append(f"the claim was judged {what}, too, recorded {when} this one")
    return "; ".join(dict.fromkeys(found))


def _arms(question: Question) -> str:
    """Twelve hex digits of what the arms train; causes decide nothing."""
    digest = hashlib.sha256()
    for arm in question.claim.arms:
        digest.update(f"{arm} {trained(checked(question.arms[arm]))}\n".encode())
    return digest.hexdigest()[:12]
