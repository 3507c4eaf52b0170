"""When runs can answer a question, and when they cannot, from real records with curves made by hand."""

import numpy as np
import pytest
from claims import OUTCOME, judged, made, plain, recorded, runs, seeds

from dae_lab.claims.evidence import gather
from dae_lab.claims.publishing import text
from dae_lab.claims.statistics.decision import Conclusion

SPREAD = (-2, 2, -1, 1, 0)
"""Epochs by which the runs of five seeds differ."""


def timed(changes=None, outcome=None, alternatives=None, maximum=5, reached=0.5):
    """A claim that ``a`` takes more epochs than ``b`` to come down to 0.1."""
    whole = {**OUTCOME, "kind": "time", "metric": "val/mse", "target": 0.1, **(outcome or {})}
    return made(
        definition={**plain()["definition"], "outcome": whole, **(changes or {})},
        seeds=seeds(5, maximum),
        alternatives=alternatives or {},
        guards={"improved": [], "not_collapsed": [], "reached": reached},
    )


def reaching(store, at, epochs=60, start=1.0, end=0.05):
    """A run that falls from ``start`` to ``end`` at the epoch ``at``."""
    return recorded(store, {}, curve=[start if epoch < at else end for epoch in range(epochs + 1)])


def arms(store, a, b, count=5):
    """Runs of two arms; ``a`` and ``b`` give the run of a seed."""
    return {"a": {seed: a(seed) for seed in range(count)}, "b": {seed: b(seed) for seed in range(count)}}


def at(store, epoch):
    return lambda seed: reaching(store, epoch + SPREAD[seed % 5])


def test_a_run_that_ended_early_makes_the_claim_invalid_instead_of_erasing_the_effect(store):
    claim = timed({"margin": 5.0})
    every = arms(store, at(store, 30), lambda seed: reaching(store, 10))
    assert judged(claim, every, 5).conclusion is Conclusion.supported
    every["a"][3] = reaching(store, 30, epochs=2)
    found = judged(claim, every, 5)
    assert found.conclusion is Conclusion.invalid
    assert "arm a's run with seed 3 ended at epoch 2" in found.broken[0]


def test_a_reading_that_nothing_reached_is_invalid_and_does_not_vote(store):
    claim = timed({"margin": 5.0}, alternatives={"deep": {"outcome": {"target": 0.001}}})
    found = judged(claim, arms(store, at(store, 30), at(store, 10)), 5)
    assert found.readings[1].conclusion is Conclusion.invalid
    assert "only 0% of the runs of arm a reached the target" in found.readings[1].problem
    assert found.conclusion is Conclusion.supported
    assert "only 0%" in text.reading_conclusion(found, found.readings[1])


class TestStalling:
    """Arm a falls to 0.10 in 30 epochs, arm b stalls at 0.95 after 3."""

    def every(self, store):
        slow = [max(0.1, 1 - 0.03 * epoch) for epoch in range(61)]
        stalled = [max(0.95, 1 - 0.02 * epoch) for epoch in range(61)]
        return arms(
            store,
            lambda seed: recorded(store, {}, curve=slow),
            lambda seed: recorded(store, {}, curve=stalled),
        )

    def test_by_shares_of_drops_that_are_not_comparable_nothing_can_be_said(self, store):
        outcome = {"share": 0.95, "target": None}
        unguarded = judged(timed(outcome={**outcome, "comparable": None}), self.every(store), 5)
        assert unguarded.conclusion is Conclusion.supported  # "b converges earlier", which the guard is for
        found = judged(timed(outcome={**outcome, "comparable": 0.25}), self.every(store), 5)
        assert found.conclusion is Conclusion.invalid
        assert "arm b ends at 0.95 and arm a at 0.1: shares of drops that are not" in found.broken[0]

    def test_to_a_common_target_the_one_that_stalls_is_not_quicker(self, store):
        outcome = {"target": "common", "tolerance": 0.01}  # 0.9595
        found = judged(timed(outcome=outcome), self.every(store), 5)
        assert found.readings[0].arms["a"].values.tolist() == [2] * 5
        assert found.readings[0].arms["b"].values.tolist() == [3] * 5
        assert found.conclusion is not Conclusion.supported

    def test_a_common_target_above_the_beginning_says_nothing(self, store):
        found = judged(timed(outcome={"target": "common", "tolerance": 0.1}), self.every(store), 5)
        assert found.conclusion is Conclusion.invalid
        assert "an arm learned too little to be compared" in found.broken[0]


def test_a_common_target_is_made_of_the_worse_arm_of_each_seed(store):
    def falling(end):
        return recorded(store, {}, curve=[max(end, 1 - 0.01 * epoch) for epoch in range(101)])

    every = {"a": {0: falling(0.5), 1: falling(0.3)}, "b": {0: falling(0.4), 1: falling(0.2)}}
    claim = timed(outcome={"target": "common", "tolerance": 0.1})
    found = gather(made(**{**vars_of(claim), "seeds": seeds(2, 2)}), every, 2).readings["definition"].arms
    assert found["a"].values.tolist() == found["b"].values.tolist() == [45, 67]  # 0.55 and 0.33


def vars_of(claim):
    """The plain mapping of a claim."""
    from dataclasses import asdict

    return asdict(claim)


def test_where_a_drop_begins_is_chosen(store):
    """An untrained model far off makes a training look quick: from epoch 1 on it does not."""
    curve = [10.0, *(1 - 0.009 * epoch for epoch in range(1, 101))]
    every = {arm: {seed: recorded(store, {}, curve=curve) for seed in range(5)} for arm in "ab"}
    times = {
        begin: gather(timed(outcome={"share": 0.95, "target": None, "from_epoch": begin}), every, 5)
        for begin in (0, 1)
    }
    values = {begin: found.readings["definition"].arms["a"].values[0] for begin, found in times.items()}
    assert values == {0: 45, 1: 96}


def test_a_share_that_must_be_reached_is_judged_at_the_last_look(store):
    """2 of 5 runs of an arm reach the target, of which one half must: at 10 seeds 7 have."""
    claim = timed({"margin": 5.0}, maximum=10)
    late = {0, 1, 2}
    every = arms(
        store,
        lambda seed: reaching(store, 100) if seed in late else at(store, 40)(seed),
        at(store, 10),
        count=10,
    )
    first = judged(claim, few(every, 5), 5)
    assert first.conclusion is Conclusion.inconclusive
    assert not first.settled
    assert "only 40% of the runs of arm a reached the target" in first.waiting[0]
    last = judged(claim, every, 10)
    assert last.conclusion is Conclusion.supported
    never = arms(store, lambda seed: reaching(store, 100), at(store, 10), count=10)
    assert judged(claim, never, 10).conclusion is Conclusion.invalid


def few(every, n):
    return {arm: {seed: run for seed, run in of.items() if seed < n} for arm, of in every.items()}


def test_a_share_that_is_excluded_ends_a_study_early(store):
    claim = timed(maximum=20)
    every = arms(store, lambda seed: reaching(store, 100), at(store, 10), count=15)
    assert not judged(claim, few(every, 5), 5).settled
    found = judged(claim, every, 15)
    assert found.settled
    assert found.conclusion is Conclusion.invalid


def test_collapse_is_a_condition_that_is_said_and_the_unconditional_reading_stands_beside(store):
    """Better on most seeds, collapsed on some: given no collapse supported, on average refuted."""
    claim = made(
        guards={"improved": [], "not_collapsed": ["a"], "reached": 0.5},
        definition={**plain()["definition"], "effect": "b - a"},
        seeds=seeds(10, 10),
    )
    rng = np.random.default_rng(0)
    every = runs(store, a=0.1 + 0.002 * rng.normal(size=10), b=0.12 + 0.002 * rng.normal(size=10))
    found = judged(claim, every, 10)
    assert found.conclusion is Conclusion.supported
    assert "none of 10 runs of a collapsed, so that up to 31% of all runs" in text.condition(found)
    for seed in (3, 5, 7, 8, 9):
        every["a"][seed] = recorded(store, {"test/mse": 0.9 + seed / 100}, collapse="black")
    found = judged(claim, every, 10)
    assert found.conclusion is Conclusion.invalid
    assert found.unconditional is Conclusion.refuted
    assert found.readings[0].effect < 0
    assert f"With collapsed runs counted: {found.unconditional.value}" in text.headline(found)


def test_a_study_that_a_collapse_has_made_invalid_goes_on_until_all_runs_decide_without_the_guard(store):
    claim = made(guards={"improved": [], "not_collapsed": ["a"], "reached": 0.5}, seeds=seeds(5, 10))
    values = np.linspace(0.1, 0.11, 5)
    every = runs(store, a=values + np.array([0.4, 0, 0, 0.001, -0.001]), b=values)
    every["a"][0] = recorded(store, {"test/mse": 0.9}, collapse="black")
    found = judged(claim, every, 5)
    assert found.conclusion is Conclusion.invalid
    assert not found.settled


@pytest.mark.parametrize(("n", "most"), [(5, "52%"), (10, "31%")])
def test_what_no_collapse_in_n_runs_allows(store, n, most):
    claim = made(guards={"improved": [], "not_collapsed": ["a"], "reached": 0.5}, seeds=seeds(n, n))
    values = np.linspace(0.1, 0.11, n)
    found = judged(claim, runs(store, a=values + 0.1, b=values), n)
    assert f"up to {most} of all runs" in text.condition(found)


@pytest.mark.parametrize("outcome", [{"target": "common"}, {"share": 0.9, "target": None}])
def test_a_short_run_is_named_where_targets_are_made_of_ends(store, outcome):
    """Its end would be its seed's target, or its own drop a small one: reached at once."""
    claim = timed(outcome=outcome)
    every = arms(store, at(store, 30), at(store, 10))
    assert judged(claim, every, 5).conclusion is Conclusion.supported
    every["a"][3] = recorded(store, {}, curve=[1.0, 0.9])
    found = judged(claim, every, 5)
    assert found.conclusion is Conclusion.invalid
    assert "arm a's run with seed 3 ended at epoch 1, another one with that seed at 60" in found.broken[0]


def test_an_end_that_is_not_known_is_not_comparable(store):
    claim = timed(outcome={"share": 0.95, "target": None, "comparable": 0.25})
    slow = [max(0.1, 1 - 0.03 * epoch) for epoch in range(61)]
    every = arms(
        store,
        lambda seed: recorded(store, {}, curve=[*slow[:-1], np.nan] if seed == 2 else slow),
        lambda seed: recorded(store, {}, curve=[max(0.95, 1 - 0.02 * epoch) for epoch in range(61)]),
    )
    found = judged(claim, every, 5)
    assert found.conclusion is Conclusion.invalid
    assert "arm a does not end at values above 0" in found.broken[0]


def test_nothing_reached_is_no_equality_whatever_share_must(store):
    every = arms(store, lambda seed: reaching(store, 100), lambda seed: reaching(store, 100))
    found = judged(timed({"margin": 5.0}, reached=0.0), every, 5)
    assert found.conclusion is Conclusion.invalid


def test_an_arm_of_another_reading_takes_nothing_from_the_one_that_decides(store):
    claim = made(
        arms={"a": ["name=a"], "b": ["name=b"], "c": ["name=c"]},
        alternatives={"third": {"effect": "c - b"}},
        seeds=seeds(5, 5),
    )
    values = np.linspace(0.1, 0.11, 5)
    every = runs(store, a=values + 0.1, b=values, c=values)
    every["c"][2] = recorded(store, {})
    found = judged(claim, every, 5)
    assert found.conclusion is Conclusion.supported
    assert found.readings[1].conclusion is Conclusion.invalid
    assert "arm c has no test/mse with seed 2" in found.readings[1].problem


def test_an_arm_that_collapsed_to_where_it_began_is_collapsed_not_unlearned(store):
    """A linear output begins near black: a run that ends black has then not improved either."""
    claim = made(guards={"improved": ["a"], "not_collapsed": ["a"], "reached": 0.5}, seeds=seeds(5, 10))
    every = runs(store, a=np.linspace(0.2, 0.21, 5), b=np.full(5, 0.1))
    every["a"][0] = recorded(store, {"test/mse": 0.9}, collapse="black", curve=(0.112, 0.1125))
    found = judged(claim, every, 5)
    assert found.broken == ("arm a collapsed with seed 0",)
    assert found.unconditional is not None
    assert not found.settled
