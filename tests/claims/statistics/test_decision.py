"""Every verdict has its case, every pair of definitions its cell, and no rule is one-sided unnoticed."""

import math

import pytest

from dae_lab.claims.statistics import correlation, proportion
from dae_lab.claims.statistics.decision import Conclusion, can_be_both, combine, decide
from dae_lab.claims.statistics.interval import Interval

S, R, E, D, I, X = (  # noqa: E741
    Conclusion.supported,
    Conclusion.refuted,
    Conclusion.equivalent,
    Conclusion.definition_dependent,
    Conclusion.inconclusive,
    Conclusion.invalid,
)
INF = math.inf
LOOKS = (5, 10, 15, 20)


@pytest.mark.parametrize(
    ("low", "high", "margin", "verdict"),
    [
        (0.1, 2, 0, S),
        (-2, -0.1, 0, R),
        (0, 0, 0, R),
        (-1, 1, 0, I),
        (0, 1, 0, I),
        (-1, 0, 0, I),
        (-INF, INF, 0, I),
        (1.1, 2, 1, S),
        (0.9, 2, 1, I),
        (1, 2, 1, I),  # at the margin
        (1, 1, 1, I),
        (-0.9, 0.9, 1, E),
        (0.2, 0.9, 1, E),  # better, but not by as much as matters
        (0, 0, 1, E),
        (-1, 0.9, 1, R),
        (-5, 0.9, 1, R),
        (-5, -2, 1, R),
        (-INF, 0.5, 1, R),
        (-5, 1, 1, I),
        (-5, 5, 1, I),
        (-INF, INF, 1, I),
    ],
)
def test_a_difference(low, high, margin, verdict):
    assert decide(Interval(low, high, 0.95), margin, "difference") is verdict


@pytest.mark.parametrize(
    ("low", "high", "margin", "verdict"),
    [
        (-0.9, 0.9, 1, S),
        (0, 0, 1, S),
        (-1, 0.9, 1, I),
        (-0.9, 1, 1, I),
        (-2, 2, 1, I),
        (-INF, INF, 1, I),
        (1.1, 2, 1, R),
        (-2, -1.1, 1, R),
        (1, 2, 1, I),
        (0, 0, 0, I),
    ],
)
def test_an_equivalence(low, high, margin, verdict):
    assert decide(Interval(low, high, 0.95), margin, "equivalence") is verdict


def test_what_cannot_be_decided():
    for margin in (-1, math.nan, INF):
        with pytest.raises(ValueError, match="margin"):
            decide(Interval(0, 1, 0.95), margin, "difference")
    with pytest.raises(ValueError, match="'trend'"):
        decide(Interval(0, 1, 0.95), 0, "trend")


TABLE = {  # primary: by another that is S, R, E, D, I, X
    S: [S, D, D, D, S, S],
    R: [D, R, R, D, R, R],
    E: [D, E, E, D, E, E],
    D: [D, D, D, D, D, D],
    I: [I, I, I, I, I, I],
    X: [X, X, X, X, X, X],
}


@pytest.mark.parametrize("primary", list(TABLE))
def test_two_definitions(primary):
    assert [combine([primary, other]) for other in (S, R, E, D, I, X)] == TABLE[primary]
    assert combine([primary]) is primary


def test_more_definitions():
    assert combine([S, S, I, R]) is D
    assert combine([S, I, X, S]) is S
    assert combine([R, E, E]) is R
    assert combine([I, S, S]) is I
    assert combine(["supported", "refuted"]) is D
    with pytest.raises(ValueError, match="at least one definition"):
        combine([])
    with pytest.raises(ValueError, match="perhaps"):
        combine([S, "perhaps"])


def test_verdicts_are_their_words():
    assert [str(one) for one in Conclusion] == [
        "supported",
        "refuted",
        "equivalent",
        "definition-dependent",
        "inconclusive",
        "invalid",
    ]


def above_half(n, level):
    return [one.shifted(-0.5) for one in proportion.attainable(n, level)]


@pytest.mark.parametrize(
    ("n", "looks", "margin", "rule", "bounded", "outcomes"),
    [
        (20, LOOKS, 0, "difference", None, None),
        (20, LOOKS, 3, "difference", None, None),
        (20, LOOKS, 3, "equivalence", None, None),
        (2, [2], 0, "difference", (-1, 1), None),
        (20, LOOKS, 0.2, "difference", (0, 1), None),  # equivalent counts as refuted
        (20, LOOKS, 0, "difference", None, above_half),
        (6, [6], 0, "difference", None, above_half),
        (10, [5, 10], 0, "difference", None, proportion.paired_attainable),
        (30, [30], 0.3, "equivalence", None, proportion.paired_attainable),
        (10, [5, 10], 0, "difference", None, correlation.attainable),
    ],
)
def test_rules_that_can_go_either_way(n, looks, margin, rule, bounded, outcomes):
    assert can_be_both(n, 0.05, looks, margin, rule, bounded, outcomes) == ""


@pytest.mark.parametrize(
    ("n", "looks", "margin", "rule", "bounded", "outcomes", "why"),
    [
        (1, [1], 0, "difference", None, None, "Fewer than two seeds"),
        (20, [], 0, "difference", None, None, "Fewer than two seeds"),
        (
            20,
            LOOKS,
            1,
            "difference",
            (-1, 1),
            None,
            r"never be supported: .* of \[1, 1\], beside a margin of 1\.",
        ),
        (20, LOOKS, 1.5, "difference", (-1, 1), None, "never be supported"),
        (20, LOOKS, 0.1, "difference", (0.2, 1), None, "never be refuted"),
        (20, LOOKS, 0, "equivalence", None, None, r"never be supported: .* of \[0, 0\]"),
        (20, LOOKS, 2, "equivalence", (-1, 1), None, "never be refuted"),
        (3, [3], 0, "difference", None, above_half, r"never be supported: .* 3 seeds .* \[-0.208, 0.5\]"),
        (5, [5], 0, "difference", None, above_half, "never be supported"),
        (5, [5], 0, "difference", None, proportion.paired_attainable, "never be supported"),
        (10, [10], 0.1, "equivalence", None, proportion.paired_attainable, "never be supported"),
        (4, [4], 0, "difference", None, correlation.attainable, "never be supported"),
    ],
)
def test_rules_that_cannot(n, looks, margin, rule, bounded, outcomes, why):
    with pytest.raises(AssertionError, match=why):
        raise AssertionError(can_be_both(n, 0.05, looks, margin, rule, bounded, outcomes))


def test_wrong_looks_and_margins_are_mistakes():
    with pytest.raises(ValueError, match="Looks must rise"):
        can_be_both(5, 0.05, [3, 6], 0, "difference")
    with pytest.raises(ValueError, match="margin"):
        can_be_both(5, 0.05, [5], math.nan, "difference")
