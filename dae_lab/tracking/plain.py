"""Numbers as stores and JSON take them."""

import math
from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from typing import Any

import numpy as np

HUGE = 1e300
"""From here on a value stands for infinity, which MLflow keeps as 1.8e308."""


def finite(value: float) -> bool:
    """Whether ``value`` is a number that can be counted."""
    return math.isfinite(value) and abs(value) < HUGE


def plain(value: Any) -> Any:
    """``value`` as JSON takes it: dataclasses as objects, arrays as lists, what is not finite as null."""
    if is_dataclass(value) and not isinstance(value, type):
        value = asdict(value)
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return None if isinstance(value, float) and not finite(value) else value
