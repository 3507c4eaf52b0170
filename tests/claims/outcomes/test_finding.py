"""The first sentence of a page, for each kind of outcome."""

import numpy as np
import pytest
from claims import OUTCOME, judged, made, recorded, runs, seeds

from dae_lab.claims.publishing.text import first_sentence

SPREAD = np.array([0.001, -0.002, 0.0015, 0.0, -0.0005])
ONCE = {"seeds": seeds(5, 5, 5)}


def definition(effect, **outcome):
    return {
        "outcome": {**OUTCOME, **outcome},
        "effect": effect,
        "rule": "difference",
        "margin": 0.0,
        "votes": True,
    }


def said(claim, of):
    return first_sentence(judged(claim, of, 5))


def test_values_are_given_arm_by_arm(store):
    claim = made(labels={"a": "a linear output"}, **ONCE)
    found = said(claim, runs(store, a=0.55 + SPREAD, b=np.full(5, 0.5)))
    assert found == "Test MSE, mean of 5 seeds: a linear output 0.55, b 0.5."


def test_what_is_left_of_the_noise_is_a_percentage(store):
    claim = made(definition=definition("a - b", relative_to="baseline_mse/noisy"), **ONCE)
    scores = {"a": 0.02, "b": 0.0092}
    of = {
        arm: {seed: recorded(store, {"test/mse": value, "baseline_mse/noisy": 0.1}) for seed in range(5)}
        for arm, value in scores.items()
    }
    assert said(claim, of) == "Error that is left of the noise, mean of 5 seeds: a 20 %, b 9.2 %."


@pytest.mark.parametrize(
    ("stuck", "sentence"),
    [
        (5, "5 of 5 runs with MSE ended black; at least 48 % of all would (95 %)."),
        (0, "0 of 5 runs with MSE ended black; at most 52 % of all would (95 %)."),
    ],
)
def test_shares_are_counts_with_a_bound(store, stuck, sentence):
    share = definition("a - 0.5", kind="share", metric="collapse", among=["black"])
    causes = {"c": ["loss=mae"]}  # which are no part of what is claimed
    claim = made(arms={"a": ["loss=mse"]}, causes=causes, labels={"a": "MSE"}, definition=share, **ONCE)
    of = {
        seed: recorded(store, {"test/mse": 0.1}, collapse="black" if seed < stuck else "none")
        for seed in range(5)
    }
    assert said(claim, {"a": of, "c": of}) == sentence


@pytest.mark.parametrize("effect", ["a - b", "b - a"])
def test_of_times_the_slower_arm_is_named_first(store, effect):
    claim = made(definition=definition(effect, kind="time", metric="val/mse", target=0.15), **ONCE)
    slow, quick = (0.3, 0.3, 0.3, 0.1), (0.3, 0.1, 0.1, 0.1)
    of = {
        arm: {seed: recorded(store, {}, curve=curve) for seed in range(5)}
        for arm, curve in (("a", slow), ("b", quick))
    }
    found = said(claim, of)
    assert found.startswith("A needs 2 [")
    assert found.endswith("] epochs more than b.")


def test_runs_that_cannot_be_judged_say_nothing(store):
    claim = made(guards={"improved": ["a"], "not_collapsed": [], "reached": 0.5}, **ONCE)
    of = {
        arm: {seed: recorded(store, {"test/mse": 0.1}, curve=(0.1, 0.2)) for seed in range(5)} for arm in "ab"
    }
    assert said(claim, of) == ""
