"""The rules by which claims were judged, recorded in the store before the runs they judge."""

import hashlib
import logging
import time
from dataclasses import dataclass

from omegaconf import OmegaConf

from dae_lab.claims.question import Question, checked, trained
from dae_lab.tracking.store import Store

log = logging.getLogger(__name__)


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


def _entry(text: str, began: int) -> Entry:
    known, _, stated = text.partition("@")
    rule, _, arms = known.partition("/")
    return Entry(rule, arms, int(stated or began))


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
            record.text(OmegaConf.to_yaml(OmegaConf.structured(question.claim)), f"rules/{rule}.yaml")
    question.stated = same[0].stated
    if others:
        question.changed = _told(others, same[0])
        log.warning("claim %s: %s", question.name, question.changed)


def _told(others: list[Entry], own: Entry) -> str:
    told = []
    for one in others:
        when = "before" if one.stated < own.stated else "after"
        what = f"by the rule {one.rule}" if one.rule != own.rule else "by this rule with other arms"
        told.append(f"the claim was judged {what}, too, recorded {when} this one")
    return "; ".join(dict.fromkeys(told))


def _arms(question: Question) -> str:
    """Twelve hex digits of what the arms train; causes decide nothing."""
    digest = hashlib.sha256()
    for arm in question.claim.arms:
        digest.update(f"{arm} {trained(checked(question.arms[arm]))}\n".encode())
    return digest.hexdigest()[:12]
