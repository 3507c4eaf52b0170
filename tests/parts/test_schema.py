"""A schema's keys are checked however it is made; what is wrong is said after the key."""

import pickle
from dataclasses import asdict, fields, replace
from typing import Annotated, Any, Literal

import pytest

from dae_lab.errors import ConfigError
from dae_lab.parts.schema import Line, Name, Schema, option, parse_schema


class Inner(Schema):
    """A group of keys in another."""

    rate: float = option("a share", gt=0, lt=1)
    note: Line | None = option("a remark")


class Outer(Schema):
    """Keys of every kind."""

    count: int = option("a number", ge=1)
    flag: bool = option("a switch")
    mode: Literal["a", "b"] = option("a choice")
    sides: list[Annotated[int, option(ge=1)]] = option("a list")
    weights: dict[Name, float] = option("numbers by name")
    anything: dict[str, Any] = option("values of any type")
    inner: Inner = option("a group")

    def __post_init__(self) -> None:
        if self.count < len(self.sides):
            raise ValueError("count is less than there are sides")


GOOD: dict[str, Any] = {
    "count": 2,
    "flag": True,
    "mode": "a",
    "sides": [1, 2],
    "weights": {"x": 1},
    "anything": {"y": True},
    "inner": {"rate": 0.5, "note": None},
}


def refusal(**changes: Any) -> str:
    with pytest.raises(ConfigError) as refused:
        parse_schema({**GOOD, **changes}, Outer, "here")
    return str(refused.value)


def test_values_get_their_types():
    parsed = parse_schema({**GOOD, "count": "3"}, Outer)
    assert (parsed.count, parsed.weights, parsed.inner) == (3, {"x": 1.0}, Inner(rate=0.5, note=None))
    assert type(parsed.weights["x"]) is float


@pytest.mark.parametrize(
    ("changes", "start"),
    [
        ({"cuont": 1}, "here.cuont: there is no such key; did you mean count?"),
        ({"inner": {"rate": 0.5}}, "here.inner.note is missing"),
        ({"inner": {"rate": 0.5, "note": None, "nte": 1}}, "here.inner.nte: there is no such key"),
        ({"inner": 3}, "here.inner must be a group of keys"),
        ({"inner": {"rate": 1, "note": None}}, "here.inner.rate must be less than 1; got 1"),
        ({"inner": {"rate": float("nan"), "note": None}}, "here.inner.rate must be a finite number; got nan"),
        ({"inner": {"rate": 0.5, "note": "a\nb"}}, "here.inner.note must be one line"),
        ({"count": "???"}, "here.count is missing"),
        ({"count": True}, "here.count must be text or a number; got True"),
        ({"count": None}, "here.count must have a value; null is not allowed"),
        ({"count": 2**63}, "here.count must be at most 9,223,372,036,854,775,807"),
        ({"count": 1}, "here.count is less than there are sides"),
        ({"flag": 1}, "here.flag must be true or false; got 1"),
        ({"mode": "c"}, "here.mode must be one of a, b; got 'c'"),
        ({"sides": [1, 0]}, "here.sides[1] must be at least 1; got 0"),
        ({"sides": [1, float("inf")]}, "here.sides[1] must be a finite number; got inf"),
        ({"weights": {"a b": 1}}, "here.weights: names take letters, digits, _ and -"),
        ({"weights": {"a": "b"}}, "here.weights.a must be a number; got 'b'"),
        ({"weights": 3}, "here.weights must map names to values"),
        ({"anything": {"a": "\x1b"}}, "here.anything must not contain control characters"),
    ],
)
def test_what_is_wrong_is_said_after_the_key(changes, start):
    assert refusal(**changes).startswith(start)


def test_a_constructor_and_replace_check_too():
    inner = Inner(rate=0.5, note="x")
    for make in (lambda: replace(inner, rate=2), lambda: Inner(rate=2, note="x")):
        with pytest.raises(ConfigError, match=r"^rate must be less than 1; got 2$"):
            make()
    with pytest.raises(ConfigError, match="nte: there is no such key"):
        Inner(rate=0.5, note=None, nte=1)
    with pytest.raises(ConfigError, match="note is missing"):
        Inner(rate=0.5)


def test_a_schema_is_a_frozen_value_and_a_dataclass():
    one, other = (parse_schema(GOOD, Outer) for _ in range(2))
    assert one == other
    assert hash(one) == hash(other)
    assert one != replace(one, count=5)
    assert asdict(one) == {**GOOD, "weights": {"x": 1.0}}
    assert [item.name for item in fields(one)] == list(GOOD)
    assert pickle.loads(pickle.dumps(one)) == one
    with pytest.raises(AttributeError):
        one.count = 3
