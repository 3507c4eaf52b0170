"""Effects: arithmetic over arms, and nothing else."""

import numpy as np
import pytest

from dae_lab.claims.expression import parse
from dae_lab.errors import ConfigError

ARMS = ("a", "b", "c")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a - b", [-1.0, 3.0]),
        ("-a + 2 * b", [3.0, -3.0]),
        ("a / b - 1", [-0.5, np.inf]),
        ("abs(a - b) - abs(b - c)", [-2.0, 1.0]),
        ("max(a, b, c) - min(a, c)", [4.0, 1.0]),
        ("0.5 - a", [-0.5, -2.5]),
        ("max(a, 2) - min(b, 1, c)", [1.0, 3.0]),
        ("trend(a, b, c)", [1.0, -0.5]),  # ranks 1 2 3, and 3 1 2
        ("-trend(c, a, a)", [np.sqrt(3) / 2, np.sqrt(3) / -2]),  # ranks 3 1.5 1.5, and 1 2.5 2.5
    ],
)
def test_it_is_computed_seed_by_seed(text, expected):
    values = {"a": [1.0, 3.0], "b": [2.0, 0.0], "c": [5.0, 2.0]}
    np.testing.assert_allclose(parse(text, ARMS)(values), expected)


def test_nothing_known_makes_nothing_known():
    assert np.isnan(parse("a - b", ARMS)({"a": [np.nan], "b": [1.0]})).all()


def test_it_knows_its_arms_in_order():
    assert parse("b - abs(a - b)", ARMS).arms == ("b", "a")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a - d", "speaks of d; the arms are a, b, c"),
        ("1 - 2", "speaks of no arm"),
        ("a -", "cannot be read"),
        ("a ** b", "holds 'a ** b'"),
        ("__import__('os')", "holds"),
        ("a.real", "holds 'a.real'"),
        ("abs()", "holds 'abs()'"),
        ("abs(a, b)", "holds 'abs(a, b)'"),
        ("max(a)", "holds 'max(a)'"),
        ("trend(a)", "holds 'trend(a)'"),
        ("2 * trend(a, b)", "a trend stands alone"),
        ("trend(a, b) - c", "a trend stands alone"),
        ("a * 1e300", "numbers go up to 1e+09"),
        (" + ".join("a" * 500), "letters are too many"),
        ("a if b else c", "holds"),
        ("True - a", "holds 'True'"),
        ("'x' - a", "holds"),
    ],
)
def test_anything_else_is_refused(text, message):
    with pytest.raises(ConfigError, match=r"effect") as caught:
        parse(text, ARMS)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("text", "sides"),
    [
        ("a - b", ("a", "b")),
        ("a - 0.5", ("a", 0.5)),
        ("1 - a", (1.0, "a")),
        ("a", ("a", 0.0)),
        ("-a", (0.0, "a")),
        ("a + b", None),
        ("2 * a - b", None),
    ],
)
def test_what_an_effect_of_shares_may_be(text, sides):
    assert parse(text, ARMS).sides() == sides


@pytest.mark.parametrize(
    ("text", "step", "resolution"),
    [
        ("a - b", 1.0, 1.0),
        ("a - b", 0.0, 0.0),
        ("(a + b - c - c) / 4", 1.0, 0.5),
        ("3 - 2 * a", 1.0, 2.0),
        ("a / b", 1.0, 0.5),  # at a = 1, b = 2: one more of a is a half more
        ("-trend(a, b)", 0.0, 2.0),
        ("trend(a, b, c) - 0.5", 0.0, 1.0),
    ],
)
def test_effects_come_in_the_steps_that_their_arms_do(text, step, resolution):
    values = {name: np.full(3, value) for name, value in zip(ARMS, (1.0, 2.0, 3.0), strict=True)}
    assert parse(text, ARMS).resolution(values, step) == pytest.approx(resolution)


def test_it_leaves_the_values_alone():
    values = {"a": np.array([-1.0, 2.0]), "b": np.array([3.0, 4.0])}
    parse("abs(a) - max(a, b)", ARMS)(values)
    np.testing.assert_array_equal(values["a"], [-1.0, 2.0])
