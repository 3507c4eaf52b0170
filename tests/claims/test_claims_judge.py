"""Known answers for every verdict, from real records with numbers made by hand."""

import numpy as np
import pytest
from claims import judged, made, plain, recorded, runs, seeds
from scipy import stats

from dae_lab.claims import judge as judging
from dae_lab.claims.evidence import Evidence, measurement
from dae_lab.claims.measurement import ArmValues
from dae_lab.claims.publishing import text
from dae_lab.claims.publishing.page import sensitivity_tests
from dae_lab.claims.statistics.decision import Conclusion
from dae_lab.errors import ConfigError


def judge(claim, runs, n, share=1):
    return judged(claim, runs, n, share)


LUCK = np.array([0.001, -0.002, 0.0015, 0.0, -0.0005])


@pytest.mark.parametrize(
    ("effect", "margin", "rule", "verdict"),
    [
        (0.05, 0.0, "difference", Conclusion.supported),
        (-0.05, 0.0, "difference", Conclusion.refuted),
        (0.05, 0.1, "difference", Conclusion.equivalent),
        (-0.5, 0.1, "difference", Conclusion.refuted),
        (0.0, 0.0, "difference", Conclusion.inconclusive),
        (0.0, 0.1, "equivalence", Conclusion.supported),
        (0.3, 0.1, "equivalence", Conclusion.refuted),
        (0.1, 0.1, "equivalence", Conclusion.inconclusive),
    ],
)
def test_a_verdict(store, effect, margin, rule, verdict):
    definition = {**plain()["definition"], "margin": margin, "rule": rule}
    claim = made(definition=definition, seeds=seeds(5, 5))
    base = np.linspace(0.1, 0.5, 5)  # seeds differ far more than arms: pairing takes that away
    found = judge(claim, runs(store, a=base + effect + LUCK, b=base), 5)
    assert found.conclusion is verdict
    assert found.readings[0].effect == pytest.approx(effect, abs=1e-3)
    assert found.readings[0].interval.level == pytest.approx(0.95)


def test_the_first_look_may_spend_little(store):
    claim = made()
    found = judge(claim, runs(store, a=0.2 + LUCK, b=np.full(5, 0.1)), 5)
    assert found.level > 0.99
    assert found.decided


def test_another_reading_can_take_the_support_away(store):
    claim = made(alternatives={"other": {"effect": "b - a"}}, seeds=seeds(5, 5))
    found = judge(claim, runs(store, a=0.2 + LUCK, b=np.full(5, 0.1)), 5)
    assert [one.conclusion for one in found.readings] == [Conclusion.supported, Conclusion.refuted]
    assert found.conclusion is Conclusion.definition_dependent


@pytest.mark.parametrize(
    ("guards", "change", "sentence"),
    [
        ({"not_collapsed": ["a"]}, {"collapse": "black"}, "arm a collapsed with seed 0"),
        ({"improved": ["a"]}, {"curve": (0.1, 0.1)}, "arm a learned nothing with seed 0"),
    ],
)
def test_a_guard_makes_it_invalid(store, guards, change, sentence):
    whole = {"improved": [], "not_collapsed": [], "reached": 0.5, **guards}
    claim = made(guards=whole, seeds=seeds(5, 5))
    every = runs(store, a=0.2 + LUCK, b=np.full(5, 0.1))
    assert judge(claim, every, 5).conclusion is Conclusion.supported
    every["a"][0] = recorded(store, {"test/mse": 0.2}, **change)
    found = judge(claim, every, 5)
    assert found.conclusion is Conclusion.invalid
    assert sentence in found.broken[0]


def test_times_are_censored_at_the_end_and_too_many_make_it_invalid(store):
    outcome = {**plain()["definition"]["outcome"], "kind": "time", "metric": "val/mse", "target": 0.05}
    definition = {**plain()["definition"], "outcome": outcome}
    claim = made(definition=definition, seeds=seeds(5, 5))
    slow, fast = (0.2, 0.1, 0.08, 0.04), (0.2, 0.04, 0.03, 0.02)
    every = {
        "a": {seed: recorded(store, {}, curve=slow) for seed in range(5)},
        "b": {seed: recorded(store, {}, curve=fast) for seed in range(5)},
    }
    found = judge(claim, every, 5)
    assert found.readings[0].measured.effects.tolist() == [2.0] * 5
    assert found.conclusion is Conclusion.supported
    for seed in range(3):
        every["a"][seed] = recorded(store, {}, curve=slow[:3])
    found = judge(claim, every, 5)
    assert found.readings[0].arms["a"].values.tolist() == [2, 2, 2, 2, 2]  # beyond 2 not all are known
    assert found.conclusion is Conclusion.invalid
    assert "only 40% of the runs of arm a reached the target" in found.broken


def test_shares_are_judged_exactly(store):
    outcome = {**plain()["definition"]["outcome"], "kind": "share", "metric": "collapse", "among": ["black"]}
    claim = made(
        definition={**plain()["definition"], "outcome": outcome, "effect": "a - 0.5"},
        arms={"a": []},
        seeds=seeds(10, 10),
    )
    every = {"a": {seed: recorded(store, {}, collapse="black") for seed in range(10)}}
    found = judge(claim, every, 10)
    assert found.conclusion is Conclusion.supported
    assert found.readings[0].interval.low == pytest.approx(0.025 ** (1 / 10) - 0.5)  # Clopper and Pearson's


def test_a_run_that_could_not_say_makes_it_invalid(store):
    every = {
        arm: {seed: recorded(store, {} if seed == 3 else {"test/mse": 0.1}) for seed in range(5)}
        for arm in "ab"
    }
    found = judge(made(), every, 5)
    assert found.conclusion is Conclusion.invalid
    assert found.broken == ("arm a has no test/mse with seed 3", "arm b has no test/mse with seed 3")


def test_a_correlation_over_seeds(store):
    outcome = {"kind": "correlation", "metric": "test/mse", "relative_to": "test/ssim"}
    definition = {**plain()["definition"], "effect": "-a"}
    definition["outcome"] = {**definition["outcome"], **outcome}
    claim = made(arms={"a": []}, definition=definition, seeds=seeds(10, 10))
    errors = np.linspace(0.1, 0.2, 10)
    every = {
        "a": {
            seed: recorded(store, {"test/mse": value, "test/ssim": 1 - value**2})
            for seed, value in enumerate(errors)
        }
    }
    found = judge(claim, every, 10)
    assert found.readings[0].effect == pytest.approx(1.0)
    assert found.conclusion is Conclusion.supported
    tests = sensitivity_tests(found, "definition")
    assert tests["permutation p"] < 0.01
    assert found.fixed_design is None


def test_what_is_said_beside(store):
    claim = made(seeds=seeds(5, 5))
    found = judge(claim, runs(store, a=0.2 + LUCK, b=np.full(5, 0.1)), 5)
    tests = sensitivity_tests(found, "definition")
    assert tests["sign-flip p"] == tests["Wilcoxon p"] == 2 / 2**5
    assert tests["P(effect > 0)"] == 1.0
    assert tests["its interval"].low == pytest.approx(0.025 ** (1 / 5))
    assert tests["bootstrap"].low < 0.1 < tests["bootstrap"].high
    assert found.fixed_design.seeds == 2


def test_a_family_takes_its_share_of_the_error(store):
    claim = made(seeds=seeds(5, 5))
    every = runs(store, a=0.1 + 0.02 * np.array([1.0, 0.4, 1.6, 0.9, 1.2]), b=np.full(5, 0.1))
    alone, among = judge(claim, every, 5), judge(claim, every, 5, share=10)
    assert alone.conclusion is Conclusion.supported
    assert among.conclusion is Conclusion.inconclusive
    assert among.level == pytest.approx(0.995)


def timed(**changes):
    outcome = {**plain()["definition"]["outcome"], "kind": "time", "metric": "val/mse", "target": 0.1}
    return made(definition={**plain()["definition"], "outcome": outcome, **changes}, seeds=seeds(5, 5))


def reaching(store, epoch, epochs):
    """A run of so many epochs that is at 0.1 from ``epoch`` on."""
    return recorded(store, {}, curve=[0.2 if number < epoch else 0.1 for number in range(epochs + 1)])


def test_a_short_run_that_did_not_get_there_is_no_fast_one(store):
    """Both need 8 epochs; two runs of arm a ended after 2, so nothing is known of any beyond 2."""
    every = {
        "a": {seed: reaching(store, 8, 2 if seed < 2 else 20) for seed in range(5)},
        "b": {seed: reaching(store, 8, 20) for seed in range(5)},
    }
    found = judge(timed(effect="b - a"), every, 5)
    assert found.readings[0].effect == 0.0
    assert found.conclusion is not Conclusion.supported


def test_times_that_were_reached_are_compared_as_they_are(store):
    every = {
        "a": {seed: reaching(store, 8 + seed % 2, 20) for seed in range(5)},
        "b": {seed: reaching(store, 3, 20) for seed in range(5)},
    }
    found = judge(timed(effect="a - b", margin=2.0), every, 5)
    assert found.readings[0].effect == pytest.approx(5.4)
    assert found.conclusion is Conclusion.supported


def test_a_ratio_of_times_comes_in_the_steps_that_an_epoch_makes_of_it(store):
    every = {arm: {seed: reaching(store, at, 20) for seed in range(5)} for arm, at in (("a", 12), ("b", 8))}
    found = judge(timed(effect="a / b - 1"), every, 5)
    interval = found.readings[0].interval
    step = 12 / 8 - 12 / 9  # one epoch more of b
    reach = stats.t.ppf((1 + found.level) / 2, 4) * step / np.sqrt(6 * 5)
    assert (interval.low, interval.high) == pytest.approx((0.5 - reach, 0.5 + reach))
    apart = judge(timed(effect="a - b"), every, 5).readings[0].interval
    assert 4 - apart.low == pytest.approx(2.776 / np.sqrt(30), rel=1e-3)  # t of 4 degrees, rounding's s


@pytest.mark.parametrize(
    ("effect", "margin", "rule", "needed"),
    [
        (0.05, 0.0, "difference", (2, "supported")),
        (-0.05, 0.0, "difference", (2, "refuted")),  # that it is not above 0 takes as many
        (0.0, 0.1, "difference", (2, "equivalent")),  # and so does that it is too small to matter
        (0.3, 0.1, "equivalence", (2, "refuted")),
        (-0.3, 0.1, "equivalence", (2, "refuted")),
        (0.0, 0.1, "equivalence", (2, "supported")),
        (0.1, 0.1, "difference", None),
    ],
)
def test_what_a_fixed_design_would_have_needed_is_known_of_every_answer(store, effect, margin, rule, needed):
    definition = {**plain()["definition"], "margin": margin, "rule": rule}
    claim = made(definition=definition, seeds=seeds(5, 5))
    noise = np.array([1.0, -1.0, 0.0, 0.5, -0.5]) * 1e-4
    found = judge(claim, runs(store, a=0.5 + effect + noise, b=np.full(5, 0.5)), 5)
    assert (found.fixed_design and (found.fixed_design.seeds, found.fixed_design.conclusion.value)) == needed


@pytest.mark.parametrize("rule", ["equivalence", "either"])
def test_a_fixed_design_is_the_same_on_both_sides(store, rule):
    definition = {**plain()["definition"], "margin": 0.02, "rule": rule}
    claim = made(definition=definition, seeds=seeds(5, 5))
    noise = np.array([1.0, -1.0, 0.0, 0.5, -0.5]) * 0.03
    needed = [
        judge(claim, runs(store, a=0.5 + effect + noise, b=np.full(5, 0.5)), 5).fixed_design
        for effect in (0.05, -0.05)
    ]
    assert needed[0] == needed[1]
    assert needed[0].seeds > 2


def test_a_reading_without_a_vote_changes_nothing(store):
    every = runs(store, a=0.2 + LUCK, b=np.full(5, 0.1))
    asked = {"other": {"effect": "b - a"}, "more": {"effect": "b - a", "votes": False}}
    claim = made(alternatives={"more": asked["more"]}, seeds=seeds(5, 5))
    found = judge(claim, every, 5)
    assert [one.conclusion for one in found.readings] == [Conclusion.supported, Conclusion.refuted]
    assert found.conclusion is Conclusion.supported
    assert judge(made(alternatives=asked, seeds=seeds(5, 5)), every, 5).readings[1].divisor == 1
    with pytest.raises(ConfigError, match=r"definition\.votes"):
        made(definition={**plain()["definition"], "votes": False})


def test_a_cause_that_failed_takes_nothing_away(store):
    claim = made(causes={"c": ["loss=mae"]}, seeds=seeds(5, 5))
    every = runs(store, a=0.2 + LUCK, b=np.full(5, 0.1), c=[])
    found = judge(claim, every, 5)
    assert found.conclusion is Conclusion.supported
    assert len(found.readings[0].arms["c"].values) == 0


def test_an_effect_that_is_no_number_says_so(store):
    definition = {**plain()["definition"], "effect": "a / b"}
    claim = made(definition=definition, seeds=seeds(5, 5))
    found = judge(claim, runs(store, a=np.full(5, 0.2), b=np.zeros(5)), 5)
    assert found.broken == ("a / b is no number, for these values of its arms",)
    assert text.headline(found).startswith("Invalid: a / b is no number")


def test_infinity_as_the_store_keeps_it_is_no_number(store):
    every = runs(store, a=[0.2, 0.2, float("inf"), 0.2, 0.2], b=np.full(5, 0.1))
    assert judge(made(), every, 5).broken == ("arm a has no test/mse with seed 2",)


def readings(effects, n, maximum=20, margin=0.0, secondary=(), **more):
    """A claim and its evidence, whose readings have these effects on seeds, beside an arm of zeros."""
    arms = {f"a{place}": np.asarray(values, float) for place, values in enumerate([effects, *secondary])}
    claim = made(
        definition={**plain()["definition"], "effect": "a0 - b", "margin": margin},
        alternatives={f"other{place}": {"effect": f"a{place} - b"} for place in range(1, len(arms))},
        arms={name: [f"name={name}"] for name in [*arms, "b"]},
        seeds=seeds(5, maximum, **more),
    )
    arms["b"] = np.zeros(len(effects))
    measured = {name: ArmValues(values, np.ones(len(values), bool), values) for name, values in arms.items()}
    known = {
        name: measurement(claim, name, n, measured, effect(arms)) for name, effect in claim.effects.items()
    }
    return claim, Evidence(n, known)


WIDE = np.array([-1.5, -0.9, -0.6, -0.3, -0.1, 0.1, 0.3, 0.6, 0.9, 1.5])
"""Ten deviations of a symmetric sample."""


def test_a_study_goes_on_until_every_reading_is_decided():
    """The deciding one is, another one, which may contradict, is not yet."""
    evidence = readings(10 + WIDE, 10, secondary=[-0.5 + WIDE])
    found = judging.judge(*evidence)
    assert found.conclusion is Conclusion.supported
    assert not found.settled
    assert "leave open other1" in text.headline(found)
    closed = judging.judge(*readings(10 + WIDE, 10, secondary=[-5 + WIDE]))
    assert closed.conclusion is Conclusion.definition_dependent
    assert closed.settled


def test_secondary_readings_share_the_error_of_contradicting():
    """One that contradicts alone, at the level of one reading, does not as one of five without an effect."""
    against = -0.75 + WIDE
    one = judging.judge(*readings(10 + WIDE, 10, 10, secondary=[against]))
    assert one.conclusion is Conclusion.definition_dependent
    five = judging.judge(*readings(10 + WIDE, 10, 10, secondary=[against, *[WIDE + n / 9 for n in range(4)]]))
    assert five.conclusion is Conclusion.supported
    assert five.readings[1].divisor == 5
    assert five.readings[0].divisor == 1


def test_a_verdict_that_a_smaller_family_would_change_is_provisional():
    evidence = readings(10 + WIDE, 10, 10, secondary=[-0.75 + WIDE])
    among, alone = judging.judge(*evidence, 10), judging.judge(*evidence)
    assert (among.conclusion, alone.conclusion) == (Conclusion.supported, Conclusion.definition_dependent)
    assert among.provisional
    assert not alone.provisional  # nothing else is judged with it
    assert judging.judge(*evidence, 1, family=10).provisional  # one that is decided may be invalid later


def test_nothing_is_supported_by_fewer_seeds_than_the_claim_says():
    effects = 10 + WIDE[:5]
    assert judging.judge(*readings(effects, 5, support=5)).conclusion is Conclusion.supported
    assert judging.judge(*readings(effects, 5, support=10)).conclusion is Conclusion.inconclusive
    assert judging.judge(*readings(-effects, 5, support=10)).conclusion is Conclusion.refuted


def test_a_study_that_promises_nothing_is_stopped():
    """An effect on the margin: the chance that ten more seeds decide it is small."""
    hopeless = judging.judge(*readings(0.6 + WIDE, 10, 12, margin=0.6, futility=0.05))
    assert hopeless.conclusion is Conclusion.inconclusive
    assert hopeless.readings[0].chance < 0.05
    assert hopeless.settled
    assert "Stopped: the chance that 12 seeds decide it is" in text.headline(hopeless)
    assert not judging.judge(*readings(0.6 + WIDE, 10, 12, margin=0.6, futility=0)).settled
    hopeful = judging.judge(*readings(0.65 + WIDE, 10, 20, futility=0.05))
    assert hopeful.readings[0].chance > 0.5
    assert not hopeful.settled


def test_beyond_the_maximum_intervals_hold_at_any_time():
    evidence = readings(np.tile(0.9 + WIDE, 3), 30, 20, beyond="e-process", limit=40)
    found = judging.judge(*evidence)
    assert found.level == pytest.approx(1 - 0.05 * 0.2)
    assert found.conclusion is Conclusion.supported
    assert found.readings[0].chance is None
    twice = np.tile(0.9 + WIDE, 2)
    kept = judging.judge(*readings(twice, 20, 20, beyond="e-process", limit=40))
    assert kept.level > judging.judge(*readings(twice, 20, 20)).level  # a part of the error is for later


@pytest.mark.parametrize("support", [2, 10])
def test_the_last_look_alone_says_what_was_found(support):
    """Five seeds that agree, then two failures: what was narrow at first is not what is reported."""
    effects = np.array([1, 1.02, 0.98, 1.01, 0.99, 1, 1.01, -9, 0.99, -8])
    found = judging.judge(*readings(effects, 10, 10, support=support))
    interval = found.readings[0].interval
    assert found.conclusion is Conclusion.inconclusive
    assert interval.low < found.readings[0].effect < interval.high


@pytest.mark.parametrize("seed", range(20))
def test_a_smaller_error_rate_decides_no_more(seed):
    """What Holm's correction presupposes, whatever the looks before have shown."""
    rng = np.random.default_rng(seed)
    effects = rng.normal(rng.normal(0, 1.5), 1, 15) + np.repeat(rng.normal(0, 2, 3), 5)
    claim, evidence = readings(effects, 15, 20)
    verdicts = [judging.judge(claim, evidence, share).conclusion for share in (1, 2, 5, 13)]
    decided = [verdict is not Conclusion.inconclusive for verdict in verdicts]
    assert decided == sorted(decided, reverse=True)
    assert len({verdict for verdict in verdicts if verdict is not Conclusion.inconclusive}) <= 1
