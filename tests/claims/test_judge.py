"""Known answers for every verdict, from real records with numbers made by hand."""

import numpy as np
import pytest
from claims import made, plain

from dae_lab.claims import judge as judging
from dae_lab.claims.beside import beside
from dae_lab.claims.statistics.decision import Verdict
from dae_lab.tracking.store import Store


@pytest.fixture
def store(compose, tmp_path):
    return Store(compose(f"tracking.dir={tmp_path}").tracking)


def recorded(store, values, collapse="none", curve=(0.2, 0.1)):
    with store.record("a run", "f" * 64, {"collapse": collapse}, afresh=True) as record:
        record.metrics(values, step=0)
        record.series([("val/mse", value, epoch) for epoch, value in enumerate(curve)])
    return store.read(record.run_id)


def runs(store, **arms):
    """Runs by arm and seed, from the test MSE of each seed."""
    return {
        arm: {seed: recorded(store, {"test/mse": value}) for seed, value in enumerate(values)}
        for arm, values in arms.items()
    }


def judge(claim, runs, n, share=1):
    return judging.judge(judging.gather(claim, runs, n), share)


LUCK = np.array([0.001, -0.002, 0.0015, 0.0, -0.0005])


@pytest.mark.parametrize(
    ("effect", "margin", "rule", "verdict"),
    [
        (0.05, 0.0, "difference", Verdict.supported),
        (-0.05, 0.0, "difference", Verdict.refuted),
        (0.05, 0.1, "difference", Verdict.equivalent),
        (-0.5, 0.1, "difference", Verdict.refuted),
        (0.0, 0.0, "difference", Verdict.inconclusive),
        (0.0, 0.1, "equivalence", Verdict.supported),
        (0.3, 0.1, "equivalence", Verdict.refuted),
        (0.1, 0.1, "equivalence", Verdict.inconclusive),
    ],
)
def test_a_verdict(store, effect, margin, rule, verdict):
    definition = {**plain()["definition"], "margin": margin, "rule": rule}
    claim = made(definition=definition, seeds={"minimum": 5, "maximum": 5, "batch": 5})
    base = np.linspace(0.1, 0.5, 5)  # seeds differ far more than arms: pairing takes that away
    found = judge(claim, runs(store, a=base + effect + LUCK, b=base), 5)
    assert found.verdict is verdict
    assert found.readings[0].effect == pytest.approx(effect, abs=1e-3)
    assert found.readings[0].interval.level == pytest.approx(0.95)


def test_the_first_look_may_spend_little(store):
    claim = made()
    found = judge(claim, runs(store, a=0.2 + LUCK, b=np.full(5, 0.1)), 5)
    assert found.level > 0.99
    assert found.decided


def test_another_reading_can_take_the_support_away(store):
    claim = made(alternatives={"other": {"effect": "b - a"}}, seeds={"minimum": 5, "maximum": 5, "batch": 5})
    found = judge(claim, runs(store, a=0.2 + LUCK, b=np.full(5, 0.1)), 5)
    assert [one.verdict for one in found.readings] == [Verdict.supported, Verdict.refuted]
    assert found.verdict is Verdict.definition_dependent


@pytest.mark.parametrize(
    ("guards", "change", "sentence"),
    [
        ({"not_collapsed": ["a"]}, {"collapse": "black"}, "arm a collapsed with seed 0"),
        ({"improved": ["a"]}, {"curve": (0.1, 0.1)}, "arm a learned nothing with seed 0"),
    ],
)
def test_a_guard_makes_it_invalid(store, guards, change, sentence):
    whole = {"improved": [], "not_collapsed": [], "reached": 0.5, **guards}
    claim = made(guards=whole, seeds={"minimum": 5, "maximum": 5, "batch": 5})
    every = runs(store, a=0.2 + LUCK, b=np.full(5, 0.1))
    assert judge(claim, every, 5).verdict is Verdict.supported
    every["a"][0] = recorded(store, {"test/mse": 0.2}, **change)
    found = judge(claim, every, 5)
    assert found.verdict is Verdict.invalid
    assert sentence in found.broken[0]


def test_times_are_censored_at_the_end_and_too_many_make_it_invalid(store):
    outcome = {**plain()["definition"]["outcome"], "kind": "time", "metric": "val/mse", "target": 0.05}
    definition = {**plain()["definition"], "outcome": outcome}
    claim = made(definition=definition, seeds={"minimum": 5, "maximum": 5, "batch": 5})
    slow, fast = (0.2, 0.1, 0.08, 0.04), (0.2, 0.04, 0.03, 0.02)
    every = {
        "a": {seed: recorded(store, {}, curve=slow) for seed in range(5)},
        "b": {seed: recorded(store, {}, curve=fast) for seed in range(5)},
    }
    found = judge(claim, every, 5)
    assert found.readings[0].effects.tolist() == [2.0] * 5
    assert found.verdict is Verdict.supported
    for seed in range(3):
        every["a"][seed] = recorded(store, {}, curve=slow[:3])
    found = judge(claim, every, 5)
    assert found.readings[0].arms["a"].values.tolist() == [2, 2, 2, 3, 3]
    assert found.verdict is Verdict.invalid
    assert "only 40% of the runs of arm a reached the target" in found.broken


def test_shares_are_judged_exactly(store):
    outcome = {**plain()["definition"]["outcome"], "kind": "share", "metric": "collapse", "among": ["black"]}
    claim = made(
        definition={**plain()["definition"], "outcome": outcome, "effect": "a - 0.5"},
        arms={"a": []},
        seeds={"minimum": 10, "maximum": 10, "batch": 5},
    )
    every = {"a": {seed: recorded(store, {}, collapse="black") for seed in range(10)}}
    found = judge(claim, every, 10)
    assert found.verdict is Verdict.supported
    assert found.readings[0].interval.low == pytest.approx(0.025 ** (1 / 10) - 0.5)  # Clopper and Pearson's


def test_a_run_that_could_not_say_makes_it_invalid(store):
    every = {
        arm: {seed: recorded(store, {} if seed == 3 else {"test/mse": 0.1}) for seed in range(5)}
        for arm in "ab"
    }
    found = judge(made(), every, 5)
    assert found.verdict is Verdict.invalid
    assert found.broken == ("arm a has no test/mse with seed 3", "arm b has no test/mse with seed 3")


def test_a_correlation_over_seeds(store):
    outcome = {"kind": "correlation", "metric": "test/mse", "relative_to": "test/ssim"}
    definition = {**plain()["definition"], "effect": "-a"}
    definition["outcome"] = {**definition["outcome"], **outcome}
    claim = made(arms={"a": []}, definition=definition, seeds={"minimum": 10, "maximum": 10, "batch": 5})
    errors = np.linspace(0.1, 0.2, 10)
    every = {
        "a": {
            seed: recorded(store, {"test/mse": value, "test/ssim": 1 - value**2})
            for seed, value in enumerate(errors)
        }
    }
    found = judge(claim, every, 10)
    assert found.readings[0].effect == pytest.approx(1.0)
    assert found.verdict is Verdict.supported
    tests = beside(found.readings[0], claim.effects()["definition"].sides())
    assert tests["permutation p"] < 0.01
    assert found.needed is None


def test_what_is_said_beside(store):
    claim = made(seeds={"minimum": 5, "maximum": 5, "batch": 5})
    found = judge(claim, runs(store, a=0.2 + LUCK, b=np.full(5, 0.1)), 5)
    tests = beside(found.readings[0], ("a", "b"))
    assert tests["sign-flip p"] == tests["Wilcoxon p"] == 2 / 2**5
    assert tests["P(effect > 0)"] == 1.0
    assert tests["its interval"].low == pytest.approx(0.025 ** (1 / 5))
    assert tests["bootstrap"].low < 0.1 < tests["bootstrap"].high
    assert found.needed == 2


def test_a_family_takes_its_share_of_the_error(store):
    claim = made(seeds={"minimum": 5, "maximum": 5, "batch": 5})
    every = runs(store, a=0.1 + 0.02 * np.array([1.0, 0.2, 1.5, 0.9, 1.4]), b=np.full(5, 0.1))
    alone, among = judge(claim, every, 5), judge(claim, every, 5, share=10)
    assert alone.verdict is Verdict.supported
    assert among.verdict is Verdict.inconclusive
    assert among.level == pytest.approx(0.995)
