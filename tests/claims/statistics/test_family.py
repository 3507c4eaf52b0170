"""Holm's correction, by hand and by simulation."""

import numpy as np
import pytest

from dae_lab.claims.statistics.family import adjusted, holm

P = {"d": 0.005, "a": 0.01, "b": 0.04, "c": 0.03}
"""0.005 · 4, 0.01 · 3, 0.03 · 2; 0.04 · 1 is less than the one before."""


def test_by_hand():
    assert adjusted(P) == pytest.approx({"d": 0.02, "a": 0.03, "b": 0.06, "c": 0.06})
    assert list(adjusted(P)) == list(P)
    assert holm(P, 0.05) == {"d": True, "a": True, "b": False, "c": False}
    assert holm(P, 0.01) == dict.fromkeys(P, False)


def test_one_and_none_and_certain_ones():
    assert holm({"a": 0.05}, 0.05) == {"a": True}
    assert holm({}, 0.05) == adjusted({}) == {}
    assert adjusted({"a": 1.0, "b": 0.9, "c": 0.0}) == {"a": 1.0, "b": 1.0, "c": 0.0}


def test_it_stops_at_the_first_that_is_too_large():
    assert holm({"a": 0.03, "b": 0.03, "c": 0.04}, 0.05) == dict.fromkeys("abc", False)


def test_the_error_rate_is_that_of_the_family():
    draws = np.random.default_rng(0).uniform(size=(4000, 5))
    wrong = [any(holm(dict(enumerate(row)), 0.1).values()) for row in draws]
    assert np.mean(wrong) == pytest.approx(1 - (1 - 0.1 / 5) ** 5, abs=0.015)


def test_what_is_no_probability():
    for wrong in (float("nan"), -0.1, 1.1):
        with pytest.raises(ValueError, match="no probability: b"):
            holm({"a": 0.1, "b": wrong}, 0.05)
    for alpha in (0, 1, float("nan")):
        with pytest.raises(ValueError, match="error rate"):
            holm(P, alpha)
