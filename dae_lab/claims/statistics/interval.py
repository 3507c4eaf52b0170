"""An interval, and the checks that all of these statistics share."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike


@dataclass(frozen=True)
class Interval:
    """A confidence interval [low, high] at ``level``, in (0, 1]; its ends may be infinite, never NaN.

    >>> Interval(0.2, 0.6, 0.95).shifted(-0.5)
    Interval(low=-0.3, high=0.09999999999999998, level=0.95)
    """

    low: float
    high: float
    level: float

    def __post_init__(self) -> None:
        if not self.low <= self.high:
            raise ValueError(f"No interval goes from {self.low} to {self.high}.")
        error_rate(self.level)

    def shifted(self, by: float) -> "Interval":
        """The interval of the effect plus ``by``: of a proportion above one half, shifted by -0.5."""
        return Interval(self.low + by, self.high + by, self.level)

    def mirrored(self, at: float) -> "Interval":
        """The interval of ``at`` minus the effect."""
        return Interval(at - self.high, at - self.low, self.level)


def whole(level: float) -> Interval:
    """What is known of an effect from too few seeds: (-∞, ∞)."""
    return Interval(-math.inf, math.inf, level)


def error_rate(level: float) -> float:
    """1 - level. Raises ValueError unless level is in (0, 1]; 1 is what 1 - 1e-17 rounds to."""
    if not 0 < level <= 1:
        raise ValueError(f"A level must be above 0 and at most 1, not {level}.")
    return 1 - level


def finite(values: ArrayLike) -> np.ndarray:
    """``values`` as float64 (n,). Raises ValueError where one is NaN or infinite, or the shape another."""
    array = np.asarray(values, np.float64)
    if array.ndim != 1:
        raise ValueError(f"Expected one number a seed, not an array of shape {array.shape}.")
    if not np.isfinite(array).all():
        raise ValueError(f"Not all of these are finite numbers: {array.tolist()}.")
    return array


def paired(first: ArrayLike, second: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Both as float64 (n,). Raises ValueError where they are not finite or not equally many."""
    left, right = finite(first), finite(second)
    if len(left) != len(right):
        raise ValueError(f"{len(left)} values cannot be paired with {len(right)}.")
    return left, right


def constant(values: np.ndarray) -> bool:
    """Whether no value (n,) differs from another."""
    return len(values) == 0 or bool(np.ptp(values) == 0)
