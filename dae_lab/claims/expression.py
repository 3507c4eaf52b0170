"""Effects: what is computed of the arms' values, as ``abs(mse - bce) / bce``."""

import ast
import math
import operator
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

import numpy as np
import scipy

from dae_lab.claims.statistics.interval import Interval
from dae_lab.errors import ConfigError

LONGEST = 500
"""Letters of an effect, at most."""
GREATEST = 1e9
"""The largest number in an effect; anything beyond is a mistake, and would overflow."""

OPERATORS: dict[type, Callable[..., Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: np.divide,
    ast.USub: operator.neg,
}
FUNCTIONS: dict[str, Callable[..., Any]] = {
    "abs": lambda value: np.abs(value),
    "log": lambda value: np.log(value),
    "max": lambda *values: np.maximum.reduce(np.broadcast_arrays(*values)),
    "min": lambda *values: np.minimum.reduce(np.broadcast_arrays(*values)),
    "trend": lambda *values: _trend(*values),
}


def _trend(*values: np.ndarray) -> np.ndarray:
    """Spearman's rank correlation of the arms' values with the arms' order, for each seed: in [-1, 1].

    1: every arm is above the one before it; 0 where all are equal.
    """
    ranks = scipy.stats.rankdata(np.broadcast_arrays(*values), axis=0)
    ranks = ranks - ranks.mean(axis=0)
    order = np.arange(len(values)) - (len(values) - 1) / 2
    spread = np.sqrt(np.square(ranks).sum(axis=0) * np.square(order).sum())
    return np.tensordot(order, ranks, 1) / np.where(spread, spread, 1)


@dataclass(frozen=True)
class Effect:
    """A parsed effect.

    text: as it was written. arms: those it is about, in order of appearance.
    """

    text: str
    arms: tuple[str, ...]
    tree: ast.expr

    def __call__(self, values: Mapping[str, Any]) -> Any:
        """The effect of ``values``, one number or one array over seeds for each arm; NaN spreads.

        >>> float(parse("mse / bce - 1", ["mse", "bce"])({"mse": 3.0, "bce": 2.0}))
        0.5
        """
        with np.errstate(all="ignore"):
            return _value(self.tree, values)

    def sides(self) -> tuple[str | float, str | float] | None:
        """The two sides of ``one - other``, arms or numbers, at least one an arm; None where it is not that.

        ``arm`` alone is ``arm - 0``, and ``-arm`` is ``0 - arm``.

        >>> parse("stuck - 0.5", ["stuck"]).sides()
        ('stuck', 0.5)
        """
        match self.tree:
            case ast.BinOp(left=ast.Name() | ast.Constant(), op=ast.Sub(), right=ast.Name() | ast.Constant()):
                return _side(self.tree.left), _side(self.tree.right)
            case ast.Name(id=arm):
                return arm, 0.0
            case ast.UnaryOp(op=ast.USub(), operand=ast.Name(id=arm)):
                return 0.0, arm
        return None

    def from_arm_interval(self, interval: Interval) -> Interval:
        """The interval of the effect, from that of its only arm; of the kinds ``arm - number`` and back."""
        match self.sides():
            case (str(), float(number)):
                return interval.shifted(-number)
            case (float(number), str()):
                return interval.mirrored(number)
        raise ValueError(f"{self.text} is not one arm and a number")

    def to_arm_interval(self, interval: Interval) -> Interval:
        """The interval of the only arm, from that of the effect: the inverse of ``from_arm_interval``."""
        match self.sides():
            case (str(), float(number)):
                return interval.shifted(number)
            case (float(number), str()):
                return interval.mirrored(number)
        raise ValueError(f"{self.text} is not one arm and a number")

    def resolution(self, values: Mapping[str, np.ndarray], step: float) -> float:
        """In what steps the effect comes where each arm's value comes in steps of ``step``; 0: continuous.

        What it changes by when one arm does by one step, on average over the seeds of ``values``; of a
        ``trend`` of k arms 2 / (k - 1), whatever the values.

        >>> parse("(a - b) / 2", ["a", "b"]).resolution({"a": np.ones(2), "b": np.ones(2)}, 1.0)
        0.5
        """
        ranked = [node for node in ast.walk(self.tree) if _is_trend(node)]
        if ranked:
            return max(2 / (len(node.args) - 1) for node in ranked)
        if not step:
            return 0.0
        moved = [self({**values, arm: np.asarray(values[arm]) + step}) - self(values) for arm in self.arms]
        changes = [float(np.abs(change).mean()) for change in moved]
        return max((change for change in changes if math.isfinite(change)), default=step)

    @property
    def in_units(self) -> bool:
        """Whether the effect is measured in what the arms' values are measured in, as epochs."""
        return all(map(_keeps_units, ast.walk(self.tree)))

    def bounds(self, low: float, high: float) -> tuple[float, float]:
        """Between what the effect lies where the arms' values lie in [``low``, ``high``], or wider.

        Interval arithmetic (Moore, "Interval Analysis", 1966): it takes an arm that is named twice for two.

        >>> parse("abs(a - b) + 1", ["a", "b"]).bounds(0.0, 2.0)
        (1.0, 3.0)
        """
        found = _bounds(self.tree, (low, high))
        return float(found[0]), float(found[1])


def _is_trend(node: ast.AST) -> TypeGuard[ast.Call]:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "trend"


def _keeps_units(node: ast.AST) -> bool:
    match node:
        case ast.BinOp(op=ast.Div()):
            return not _speaks_of_arms(node.right)
        case ast.BinOp(op=ast.Mult()):
            return not (_speaks_of_arms(node.left) and _speaks_of_arms(node.right))
    return not (isinstance(node, ast.Call) and _name(node) in ("trend", "log"))


def _name(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else ""


def _speaks_of_arms(node: ast.expr) -> bool:
    return any(isinstance(part, ast.Name) and part.id not in FUNCTIONS for part in ast.walk(node))


def _side(node: ast.expr) -> str | float:
    return node.id if isinstance(node, ast.Name) else float(node.value)  # type: ignore[attr-defined]


def parse(text: str, arms: Collection[str]) -> Effect:
    """The effect that ``text`` describes: arms, numbers, + - * / and abs, log, max, min, trend.

    Raises:
        ConfigError: it is none, or speaks of no arm, or of one that is not there.
    """
    if len(text) > LONGEST:
        raise ConfigError(f"effect: {len(text)} letters are too many; {LONGEST} are allowed")
    try:
        tree = ast.parse(text, mode="eval").body
    except SyntaxError as error:
        raise ConfigError(f"effect: {text!r} cannot be read: {error.msg}; write it as 'mse - bce'") from error
    found: dict[str, None] = {}
    _check(tree, text, found)
    unknown = [name for name in found if name not in arms]
    if unknown:
        raise ConfigError(f"effect: {text!r} speaks of {', '.join(unknown)}; the arms are {', '.join(arms)}")
    if any(map(_is_trend, ast.walk(tree))) and not _is_shifted_trend(tree):
        raise ConfigError(f"effect: {text!r}: a trend stands alone, or with a sign or a number added")
    if not found:
        raise ConfigError(f"effect: {text!r} speaks of no arm; the arms are {', '.join(arms)}")
    return Effect(text, tuple(found), tree)


def _is_shifted_trend(node: ast.expr) -> bool:
    match node:
        case ast.UnaryOp(operand=inner):
            return _is_shifted_trend(inner)
        case ast.BinOp(left=inner, op=ast.Add() | ast.Sub(), right=ast.Constant()):
            return _is_shifted_trend(inner)
        case ast.BinOp(left=ast.Constant(), op=ast.Add() | ast.Sub(), right=inner):
            return _is_shifted_trend(inner)
    return _is_trend(node)


def _suits(name: str, given: Sequence[ast.expr]) -> bool:
    return len(given) == 1 if name in ("abs", "log") else len(given) >= 2


def _check(node: ast.expr, text: str, names: dict[str, None]) -> None:
    """Collect the ``names`` below ``node``; raise a ConfigError for what is no part of an effect."""
    match node:
        case ast.Name():
            names[node.id] = None
        case ast.Constant(value=int(number) | float(number)) if not isinstance(number, bool):
            if abs(number) > GREATEST:
                raise ConfigError(f"effect: {text!r}: numbers go up to {GREATEST:g}")
        case ast.BinOp() if type(node.op) in OPERATORS:
            _check(node.left, text, names)
            _check(node.right, text, names)
        case ast.UnaryOp(op=ast.USub()):
            _check(node.operand, text, names)
        case ast.Call(func=ast.Name(id=name), keywords=[]) if name in FUNCTIONS and _suits(name, node.args):
            for argument in node.args:
                _check(argument, text, names)
        case _:
            raise ConfigError(
                f"effect: {text!r} holds {ast.unparse(node)!r}; it may hold arms, numbers, + - * / and "
                "abs and log of one value, and max, min and trend of several"
            )


def _value(node: ast.expr, values: Mapping[str, Any]) -> Any:
    match node:
        case ast.Name():
            return np.asarray(values[node.id], float)
        case ast.Constant():
            return np.float64(node.value)  # type: ignore[arg-type]
        case ast.BinOp():
            return OPERATORS[type(node.op)](_value(node.left, values), _value(node.right, values))
        case ast.UnaryOp():
            return -_value(node.operand, values)
        case ast.Call(func=ast.Name(id=name)):
            return FUNCTIONS[name](*(_value(item, values) for item in node.args))
    raise AssertionError(ast.dump(node))


_Bounds = tuple[float, float]


def _bounds(node: ast.expr, arm: _Bounds) -> _Bounds:
    match node:
        case ast.Name():
            return arm
        case ast.Constant():
            return (float(node.value), float(node.value))  # type: ignore[arg-type]
        case ast.UnaryOp():
            low, high = _bounds(node.operand, arm)
            return -high, -low
        case ast.BinOp():
            return _corners(OPERATORS[type(node.op)], _bounds(node.left, arm), _bounds(node.right, arm))
        case ast.Call(func=ast.Name(id=name)):
            parts = [_bounds(item, arm) for item in node.args]
            if name == "trend":
                return -1.0, 1.0
            if name == "abs":
                low, high = parts[0]
                return (0.0 if low <= 0 <= high else min(abs(low), abs(high))), max(abs(low), abs(high))
            if name == "log":
                with np.errstate(all="ignore"):
                    ends = [float(np.log(end)) if end > 0 else -math.inf for end in parts[0]]
                return ends[0], ends[1]
            of = FUNCTIONS[name]
            return of(*(low for low, _ in parts)), of(*(high for _, high in parts))
    raise AssertionError(ast.dump(node))


def _corners(operation: Callable[..., Any], left: _Bounds, right: _Bounds) -> _Bounds:
    """The least and greatest that ``operation`` makes of the ends; everything where that is not known."""
    if operation is np.divide and right[0] <= 0 <= right[1]:
        zero_only_at_an_end = right[0] == 0 < right[1] and left[0] >= 0
        return (0.0, math.inf) if zero_only_at_an_end else (-math.inf, math.inf)
    with np.errstate(all="ignore"):
        found = [float(operation(one, other)) for one in left for other in right]
    return (-math.inf, math.inf) if any(map(math.isnan, found)) else (min(found), max(found))
