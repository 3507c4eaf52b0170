"""Numbers and values as stores and JSON take them."""

import math
from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from typing import Any

import numpy as np

MAX_FINITE = 1e300
"""From here on a value stands for infinity, which MLflow keeps as 1.8e308."""


def is_finite(value: float) -> bool:
    """Whether ``value`` is neither NaN nor infinite, nor what MLflow keeps in the place of infinity."""
    return math.isfinite(value) and abs(value) < MAX_FINITE


def to_jsonable(value: Any) -> Any:
    """Return ``value`` as JSON takes it: dataclasses as objects, arrays as lists, not finite as null."""
    if is_dataclass(value) and not isinstance(value, type):
        value = asdict(value)
    if isinstance(value, Mapping):
        return {str(key): to_jsonable(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        return [to_jsonable(item) for item in value]
    return None if isinstance(value, float) and not is_finite(value) else value
