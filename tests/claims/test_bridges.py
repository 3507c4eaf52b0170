"""Single runs at the source's length, beside a claim at a smaller scale."""

import pytest
from claims import made, recorded, runs, seeds

from dae_lab.claims.bridges import evaluate_bridges
from dae_lab.errors import ConfigError

BRIDGE = {"length": "200 epochs", "change": ["training.epochs=200"], "arms": ["a"], "effect": "a - b"}
ONCE = {"seeds": seeds(5, 5, 5)}
HERE = {"a": [0.5, 0.51, 0.49, 0.52, 0.48], "b": [0.4] * 5}


def long(store, value, arm="a_full"):
    return {arm: {0: recorded(store, {"test/mse": value})}}


@pytest.mark.parametrize(("value", "holds"), [(0.6, True), (0.3, False)])
def test_direction_and_size_are_compared(store, value, holds):
    """Arms without a long run count with that of the same seed."""
    claim = made(bridges={"full": BRIDGE}, **ONCE)
    assert claim.long_arms == {"a_full": ["loss=mse", "training.epochs=200"]}
    assert list(claim.wanted("a_full", 5)) == [0]
    [found] = evaluate_bridges(claim, runs(store, **HERE), long(store, value), 5)
    assert found.holds is holds
    assert (found.long, found.short, found.mean) == pytest.approx((value - 0.4, 0.1, 0.1))
    assert found.interval.low < 0.1 < found.interval.high


def test_an_effect_without_a_sign_cannot_hold(store):
    claim = made(bridges={"full": BRIDGE}, **ONCE)
    here = runs(store, a=[0.5, 0.3, 0.45, 0.35, 0.41], b=[0.4] * 5)
    [found] = evaluate_bridges(claim, here, long(store, 0.6), 5)
    assert found.holds is None


def test_a_long_run_that_collapsed_is_not_compared(store):
    claim = made(bridges={"full": BRIDGE}, **ONCE)
    collapsed = {"a_full": {0: recorded(store, {"test/mse": 0.6}, collapse="black")}}
    [found] = evaluate_bridges(claim, runs(store, **HERE), collapsed, 5)
    assert found.collapsed == ("a",)
    assert found.holds is None


def test_a_bridge_without_its_runs_says_nothing(store):
    claim = made(bridges={"full": BRIDGE}, **ONCE)
    assert evaluate_bridges(claim, runs(store, **HERE), {"a_full": {}}, 5) == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"arms": ["c"]}, "bridges.full.arms: there is no arm c"),
        ({"effect": "a - c"}, "bridges.full.effect"),
        ({"effect": "a -"}, "bridges.full.effect"),
        ({"effect": "b"}, "bridges.full: the effect does not speak of a"),
    ],
)
def test_a_bridge_that_makes_no_sense_is_named(changes, said):
    with pytest.raises(ConfigError, match=said):
        made(bridges={"full": {**BRIDGE, **changes}}, **ONCE)


def test_one_run_has_no_share():
    definition = {
        **made().definition.__dict__,
        "outcome": {**made().definition.outcome.__dict__, "kind": "share", "metric": "collapse"},
    }
    definition["outcome"]["among"] = ["black"]
    with pytest.raises(ConfigError, match="one run has no share to compare"):
        made(bridges={"full": BRIDGE}, definition=definition, **ONCE)


def test_a_bridge_changes_no_rule():
    """It decides nothing, so that a claim judged before keeps its verdict."""
    assert made(bridges={"full": BRIDGE}).rule_hash() == made().rule_hash()
