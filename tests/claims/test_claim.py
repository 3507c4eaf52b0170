"""A claim that makes no sense is refused, naming the key."""

import pytest
from claims import made, plain, seeds

from dae_lab.claims.claim import load_claim
from dae_lab.errors import ConfigError


def test_an_alternative_says_only_what_it_changes():
    found = made(alternatives={"area": {"outcome": {"metric": "convergence/area"}, "margin": 0.1}})
    area = found.alternatives["area"]
    assert (area.outcome.metric, area.outcome.kind, area.effect, area.margin) == (
        "convergence/area",
        "value",
        "a - b",
        0.1,
    )
    assert list(found.readings) == ["definition", "area"]


def test_it_is_looked_at_after_the_minimum_and_every_batch():
    assert made(seeds=seeds(5, 12, 3)).seeds.looks() == [5, 8, 11, 12]
    assert made(seeds=seeds(5, 5, 3)).seeds.looks() == [5]


def test_the_rule_has_a_hash_that_words_do_not_change():
    first = made().rule_hash()
    assert made(statement="said otherwise", source="somebody", id="Y").rule_hash() == first
    assert made(error=0.01).rule_hash() != first
    assert made(arms={"a": ["loss=mae"], "b": ["loss=bce"]}).rule_hash() != first


def test_no_arm_may_collapse_unless_the_claim_says_so():
    guards = {"improved": [], "not_collapsed": None, "reached": 0.5}
    assert made(guards=guards).guards.not_collapsed == ["a", "b"]
    assert made(guards={**guards, "not_collapsed": []}).guards.not_collapsed == []


DEFINITION = plain()["definition"]


def definition(**changes):
    outcome = {**DEFINITION["outcome"], **changes.pop("outcome", {})}
    return {**DEFINITION, "outcome": outcome, **changes}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"definition": definition(effect="a - x")}, "claim.definition.effect: 'a - x' speaks of x"),
        ({"arms": {"a": [], "b": [], "c": []}}, "claim.arms: no effect speaks of c"),
        ({"seeds": seeds(9, 5, 5)}, "claim.seeds.minimum must be at most maximum"),
        ({"error": 0.7}, "claim.error must be less than 0.5"),
        ({"definition": definition(rule="equivalence")}, "rule=equivalence needs a margin above 0"),
        ({"definition": definition(rule="better")}, "rule must be one of difference, equivalence"),
        ({"definition": definition(outcome={"kind": "time"})}, "kind=time needs either share"),
        ({"definition": definition(outcome={"kind": "share"})}, "kind=share needs among"),
        (
            {"definition": definition(outcome={"kind": "share", "among": ["black"]}, effect="a * b")},
            "with kind=share it may be 'arm - arm', 'arm - number'",
        ),
        ({"definition": definition(outcome={"kind": "correlation"})}, "kind=correlation needs relative_to"),
        (
            {"definition": definition(outcome={"kind": "correlation", "relative_to": "val/mse"})},
            "with kind=correlation it may be 'arm - number'",
        ),
        (
            {"guards": {"improved": ["z"], "not_collapsed": [], "reached": 0.5}},
            "guards.improved: there is no",
        ),
        ({"alternatives": {"other": {"marign": 1}}}, "claim.alternatives.other.marign: there is no such key"),
        ({"arms": {"a b": [], "b": []}}, "claim.arms: "),
        ({"arms": {"a": [], "b": ["seed=3"]}}, "arms: seed=3 makes no arm"),
        ({"causes": {"c": ["tracking.dir=elsewhere"]}}, "arms: tracking.dir=elsewhere makes no arm"),
        ({"arms": {"a": ["tracking={dir: elsewhere}"], "b": []}}, "makes no arm"),
        ({"arms": {"a": ["+noise@tracking.dir=blur"], "b": []}}, "makes no arm"),
        ({"arms": {"a": ["tracking=other"], "b": []}}, "makes no arm"),
        ({"arms": {"a": ["~tracking"], "b": []}}, "makes no arm"),
        ({"arms": {"a": ["hydra.launcher.workers=2"], "b": []}}, "makes no arm"),
        ({"base": ["+noise@hydra.callbacks.x=blur"]}, "makes no arm"),
        ({"base": ["sweep={metric: x}"]}, "makes no arm"),
        ({"arms": ["a"]}, "claim.arms must map names to values"),
        ({"causes": 3}, "claim.causes must map names to values"),
        ({"definition": [1]}, "claim.definition must map names to values"),
        ({"alternatives": "x"}, "claim.alternatives must map names to values"),
        ({"statement": "\x1b[31mred"}, "claim.statement must not contain control characters"),
        ({"arms": {"a": ["name=\x07"], "b": []}}, "claim.arms must not contain control characters"),
        ({"id": "a\nb"}, "claim.id must be one line"),
        ({"causes": {"a": ["loss=mae"]}}, "causes: a is an arm already"),
        ({"alternatives": {"definition": {"margin": 1}}}, "alternatives: definition is the reading that"),
        ({"alternatives": {"other": 3}}, "claim.alternatives.other must say what it changes"),
        ({"seeds": seeds(1, 5, 1)}, "claim.seeds.minimum must be at least 2"),
        ({"seeds": seeds(2, 10**9, 1)}, "claim.seeds.maximum must be at most 500"),
        ({"seeds": seeds(2, 200, 1)}, "199 looks are too many"),
        ({"definition": definition(margin=1e308)}, "margin must be at most"),
        ({"statment": "x"}, "claim.statment: there is no such key; did you mean statement?"),
    ],
)
def test_it_is_refused(changes, message):
    with pytest.raises(ConfigError) as caught:
        load_claim(plain(**changes))
    assert message in str(caught.value)
