"""Looks by alpha spending, against published tables and simulation; fixed designs, against published ones."""

import math

import numpy as np
import pytest
from scipy.special import ndtri, stdtrit

from dae_lab.claims.statistics.decision import Conclusion, decide
from dae_lab.claims.statistics.paired import mean_interval
from dae_lab.claims.statistics.sequential import fixed_design, fixed_equivalence, nominal, spent

LOOKS = (5, 10, 15, 20)


def bounds(levels):
    """The z at which a look at such a level ends a study."""
    return [-float(ndtri(level / 2)) for level in levels]


def excluded(levels, looks, studies):
    """At which look each study's t passes its level, the number of looks where none does."""
    passed = []
    for n, level in zip(looks, levels, strict=True):
        seen = studies[:, :n]
        t = seen.mean(axis=1) / seen.std(axis=1, ddof=1) * math.sqrt(n)
        passed.append(np.abs(t) > -stdtrit(n - 1, level / 2))
    return np.argmax([*passed, np.ones(len(studies), bool)], axis=0)


@pytest.mark.parametrize(
    "published",
    [
        [2.963, 1.969],
        [3.710, 2.511, 1.993],
        [4.333, 2.963, 2.359, 2.014],
        [4.877, 3.357, 2.680, 2.290, 2.031],
    ],
)
@pytest.mark.parametrize("each", [1, 5])
def test_published_bounds_of_known_variance(published, each):
    """O'Brien and Fleming's kind of spending, 5 % two-sided, equally spaced looks (Lan & DeMets 1983)."""
    looks = [each * (place + 1) for place in range(len(published))]
    assert bounds(nominal(looks, looks[-1], 0.05, "z")) == pytest.approx(published, abs=7e-4)


def test_of_many_seeds_t_is_z():
    looks = [20, 40, 60]
    assert bounds(nominal(looks, 60, 0.05)) == pytest.approx(bounds(nominal(looks, 60, 0.05, "z")), abs=0.02)


def test_of_few_seeds_t_is_left_less():
    known, estimated = nominal(LOOKS, 20, 0.05, "z"), nominal(LOOKS, 20, 0.05)
    assert estimated[0] == pytest.approx(known[0]) == pytest.approx(spent(0.25, 0.05))
    assert estimated[-1] < known[-1] - 0.001


def test_one_look_is_an_ordinary_test():
    assert nominal([8], 8, 0.05) == nominal([8], 8, 0.05, "z") == [pytest.approx(0.05)]
    assert nominal([10], 20, 0.05) == [pytest.approx(spent(0.5, 0.05))]  # the rest stays unspent


def test_levels_lie_between_what_is_new_and_all_that_is_allotted():
    for looks in (LOOKS, (2, 3, 4), (3, 4, 19), range(2, 13)):
        levels = nominal(looks, 20, 0.05)
        allotted = [spent(n / 20, 0.05) for n in looks]
        assert (np.array(levels) <= allotted).all()
        assert (np.array(levels) >= np.diff(allotted, prepend=0) - 1e-15).all()
        assert sorted(levels) == levels


def test_levels_that_vanish():
    levels = nominal([2, 3, 40], 40, 1e-4)
    assert levels[0] < 1e-60
    assert levels[-1] == pytest.approx(1e-4, rel=1e-3)
    assert nominal([1, 60], 60, 1e-4, "z")[0] < 1e-150


@pytest.mark.parametrize("looks", [(5, 10), (3, 5, 7, 10), (2, 3, 4, 5, 6)])
def test_the_false_positive_rate_is_alpha(looks):
    """At each look, and so of all: 200,000 studies of t statistics."""
    studies = np.random.default_rng(len(looks)).normal(size=(200_000, looks[-1]))
    at = excluded(nominal(looks, looks[-1], 0.05), looks, studies)
    rates = np.bincount(at, minlength=len(looks) + 1)[:-1] / len(studies)
    new = np.diff([spent(n / looks[-1], 0.05) for n in looks], prepend=0)
    assert (np.abs(rates - new) < 4 * np.sqrt(new / len(studies)) + 1e-5).all()
    assert rates.sum() == pytest.approx(0.05, abs=0.002)


def test_what_are_no_looks():
    for looks, maximum in [([], 5), ([1, 2], 5), ([3, 3], 5), ([4, 3], 5), ([3, 6], 5), ([2, math.nan], 5)]:
        with pytest.raises(ValueError, match="Looks must rise"):
            nominal(looks, maximum, 0.05)
    for alpha in (0, 1, -0.1, math.nan):
        with pytest.raises(ValueError, match="error rate"):
            nominal([2, 3], 3, alpha)


@pytest.mark.parametrize(
    ("size", "power", "n"), [(0.2, 0.8, 199), (0.5, 0.8, 34), (0.5, 0.9, 44), (0.8, 0.8, 15), (1, 0.8, 10)]
)
def test_published_fixed_designs(size, power, n):
    """As the usual programs for the power of a paired t test give them, at 5 % two-sided."""
    assert fixed_design(size * 3, 3, 0.05, power) == n
    assert fixed_design(size * 3 + 1, 3, 0.05, power, margin=1) == n


def test_fixed_designs_at_the_edges():
    assert fixed_design(0.0, 1.0, 0.05) is fixed_design(0.5, 1.0, 0.05, margin=0.5) is None
    assert fixed_design(-1.0, 1.0, 0.05) is None
    assert fixed_design(1.0, 0.0, 0.05) == fixed_design(1e6, 1.0, 0.05) == 2
    assert fixed_design(1e-4, 1.0, 0.05) == pytest.approx(2.8016**2 * 1e8, rel=1e-3)
    for wrong in [(math.nan, 1, 0.05), (1, math.nan, 0.05), (1, -1, 0.05), (1, 1, 1), (1, 1, 0.05, 1)]:
        with pytest.raises(ValueError, match="No design"):
            fixed_design(*wrong)


@pytest.mark.parametrize("effect", [0.0, 0.4])
def test_a_fixed_equivalence_has_its_power(effect):
    """By simulation; one seed less has too little of it, and the approximation gives at most two too many."""
    n = fixed_equivalence(effect, 1.0, 0.05, 1.0)
    rng = np.random.default_rng(0)
    found = []
    for seeds in (n - 3, n):
        studies = rng.normal(effect, 1.0, (20_000, seeds))
        reach = -stdtrit(seeds - 1, 0.025) * studies.std(axis=1, ddof=1) / math.sqrt(seeds)
        found.append(np.mean(np.abs(studies.mean(axis=1)) + reach < 1.0))
    assert found[0] < 0.8 < found[1] + 0.01


def test_fixed_equivalences_at_the_edges():
    assert fixed_equivalence(1.0, 1.0, 0.05, 1.0) is None
    assert fixed_equivalence(0.5, 0.0, 0.05, 1.0) == 2
    with pytest.raises(ValueError, match="No design"):
        fixed_equivalence(0.0, math.nan, 0.05, 1.0)


def told(differences):
    """The verdict of a study that stops when it has one, and the seeds it took."""
    for n, level in zip(LOOKS, nominal(LOOKS, LOOKS[-1], 0.05), strict=True):
        verdict = decide(mean_interval(differences[:n], 1 - level), 0.0, "difference")
        if verdict is not Conclusion.inconclusive:
            break
    return verdict, n


@pytest.mark.long
def test_10000_studies_judged_as_claims_are(capsys):
    """With looks at 5, 10, 15 and 20: the false-positive rate, power, and seeds used."""
    rng = np.random.default_rng(0)
    rates = {}
    for effect in (0, 0.5, 1, 2):
        verdicts, seeds = zip(*map(told, rng.normal(effect, 1, (10_000, 20))), strict=True)
        rates[effect] = [verdicts.count(each) / 10_000 for each in (Conclusion.supported, Conclusion.refuted)]
        with capsys.disabled():
            print(
                f"\neffect of {effect} standard deviations: supported {rates[effect][0]:.4f}, "
                f"refuted {rates[effect][1]:.4f}, {np.mean(seeds):.1f} seeds on average; "
                f"a fixed design for power 0.8 needs {fixed_design(effect, 1, 0.05)}"
            )
    assert sum(rates[0]) <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / 10_000)
    assert [rates[effect][0] for effect in (0.5, 1, 2)] == pytest.approx([0.548, 0.986, 1], abs=0.015)


@pytest.mark.long
def test_the_false_positive_rate_of_a_million_studies(capsys):
    rng, wrong = np.random.default_rng(1), 0
    for _ in range(10):
        at = excluded(nominal(LOOKS, 20, 0.05), LOOKS, rng.normal(size=(100_000, 20)))
        wrong += int((at < len(LOOKS)).sum())
    with capsys.disabled():
        print(f"\nfalse positives: {wrong / 1e6:.5f}")
    assert wrong / 1e6 == pytest.approx(0.05, abs=0.0007)
