"""What is said of a judgement, for every verdict and both rules."""

import numpy as np
import pytest
from claims import judged, made, plain, runs, seeds

from dae_lab.claims.publishing import text as words
from dae_lab.formatting import level_percent

SPREAD = np.array([0.001, -0.002, 0.0015, 0.0, -0.0005])


@pytest.mark.parametrize(
    ("effect", "margin", "rule", "begins", "meaning"),
    [
        (0.05, 0.0, "difference", "Supported: a - b is 0.05 [", "large enough to matter"),
        (-0.05, 0.0, "difference", "Refuted: a - b is −0.05 [", "not what the claim says"),
        (0.05, 0.1, "difference", "Equivalent: a - b is 0.05 [", "too small to matter, either way"),
        (0.0, 0.0, "difference", "Inconclusive: a - b is ", "do not tell"),
        (0.0, 0.1, "equivalence", "Supported: a - b is ", "the difference is too small to matter"),
        (0.3, 0.1, "equivalence", "Refuted: a - b is 0.3 [", "the difference is large enough to matter"),
    ],
)
def test_a_verdict_in_words(store, effect, margin, rule, begins, meaning):
    definition = {**plain()["definition"], "margin": margin, "rule": rule}
    claim = made(definition=definition, seeds=seeds(5, 5, 5))
    found = judged(claim, runs(store, a=0.5 + effect + SPREAD, b=np.full(5, 0.5)), 5)
    said = words.headline(found)
    assert said.startswith(begins)
    assert "of `test/mse` at the end" in said
    assert said.endswith("over 5 seeds, at 95 %.")
    assert meaning in words.meaning(found)


def test_readings_that_are_open_are_named(store):
    """What the seeds leave open says nothing against the claim, but is not settled either."""
    once = seeds(5, 5, 5)
    claim = made(alternatives={"far": {"margin": 0.05}, "other": {"effect": "b - a"}}, seeds=once)
    found = judged(claim, runs(store, a=0.55 + SPREAD, b=np.full(5, 0.5)), 5)
    assert "another answer under other; these seeds leave open far." in words.headline(found)


@pytest.mark.parametrize(
    ("level", "text"),
    [(0.95, "95"), (0.9969, "99.69"), (0.99998527, "99.9985"), (0.8, "80"), (0.9, "90"), (1.0, "100")],
)
def test_a_level_is_told_from_certainty(level, text):
    assert level_percent(level) == text
