"""Holm's correction, by hand and by simulation."""

import numpy as np
import pytest

from dae_lab.claims.statistics.family import holm


def by_p(p_values, alpha=0.05):
    return {name: (lambda share, p=p: p <= alpha / share) for name, p in p_values.items()}


def rejected(p_values, alpha=0.05):
    shares = holm(by_p(p_values, alpha))
    return [name for name, p in p_values.items() if p <= alpha / shares[name]]


def test_by_hand():
    """0.005 · 4, 0.01 · 3, 0.03 · 2 > 0.05: there it ends, though 0.04 · 1 would not be too large."""
    values = {"d": 0.005, "a": 0.01, "b": 0.04, "c": 0.03}
    assert holm(by_p(values)) == {"d": 4, "a": 4, "b": 2, "c": 2}
    assert rejected(values) == ["d", "a"]
    assert rejected(values, 0.01) == []
    assert list(holm(by_p(values))) == list(values)


def test_one_and_none_and_certain_ones():
    assert holm(by_p({"a": 0.05})) == {"a": 1}
    assert holm({}) == {}
    assert rejected({"a": 1.0, "b": 0.9, "c": 0.0}) == ["c"]


def test_it_stops_at_the_first_that_is_too_large():
    assert rejected({"a": 0.03, "b": 0.03, "c": 0.04}) == []


def test_it_is_holms():
    """Against the textbook: sort, hold the k-th against α / (m - k), end at the first that is larger."""
    rng = np.random.default_rng(0)
    for row in rng.uniform(0, 0.1, (500, 5)):
        known = []
        for place, name in enumerate(np.argsort(row)):
            if row[name] > 0.05 / (5 - place):
                break
            known.append(name)
        assert rejected(dict(enumerate(row))) == sorted(known)


def test_the_error_rate_is_that_of_the_family():
    draws = np.random.default_rng(0).uniform(size=(4000, 5))
    wrong = [bool(rejected(dict(enumerate(row)), 0.1)) for row in draws]
    assert np.mean(wrong) == pytest.approx(1 - (1 - 0.1 / 5) ** 5, abs=0.015)
