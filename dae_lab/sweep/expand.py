"""Which runs the values on a command line stand for, counted before they are listed."""

import math
from collections.abc import Sequence
from fractions import Fraction
from itertools import product

from hydra.core.override_parser.types import ChoiceSweep, Override, RangeSweep

from dae_lab.errors import ConfigError

MOST_RUNS = 10_000
"""Runs of one sweep."""


def expand(overrides: Sequence[Override]) -> list[list[str]]:
    """The overrides of each run: all combinations of the values given; of a key given twice the last counts.

    Raises:
        ConfigError: there is no run, there are more than ``MOST_RUNS``, or a value is an interval.
    """
    check_number_of_runs(overrides)
    values: dict[str, list[str]] = {}
    for override in overrides:
        key = override.get_key_element()
        if override.is_delete():
            values[key] = [str(override.input_line)]
        elif not override.is_sweep_override():
            values[key] = [f"{key}={override.get_value_element_as_str()}"]
        elif override.is_discrete_sweep():
            values[key] = [f"{key}={value}" for value in override.sweep_string_iterator()]
        else:
            raise ConfigError(
                f"{override.input_line}: an interval cannot be listed; give values, as {key}=1,2 or "
                f"{key}=range(1,10), or search over it with hydra/sweeper=optuna"
            )
    return [list(run) for run in product(*values.values())]


def check_number_of_runs(overrides: Sequence[Override]) -> None:
    """Raise a ConfigError if all combinations of these are no run, or more than ``MOST_RUNS``."""
    given = [(override.get_key_element(), count_values(override)) for override in overrides]
    counts = dict(given)
    runs = max(math.prod(counts.values()), *(count for _, count in given), 1)
    if runs > MOST_RUNS:
        sizes = " × ".join(f"{count:,} of {key}" for key, count in given if count > 1)
        raise ConfigError(f"a sweep has at most {MOST_RUNS:,} runs; these would be {runs:,}: {sizes}")


def count_values(override: Override) -> int:
    """How many values an override gives its key; 1 for an interval.

    Raises:
        ConfigError: none, or those of a range without end.
    """
    values = override.value()
    if isinstance(values, RangeSweep):
        count = _count_range(override, values)
    elif isinstance(values, ChoiceSweep):
        count = len(values.list)
    elif override.is_discrete_sweep():  # glob(…), the options of a group
        count = len(list(override.sweep_string_iterator()))
    else:
        return 1
    if not count:
        raise ConfigError(f"{override.input_line}: this gives no value to {override.get_key_element()}")
    return count


def _count_range(override: Override, values: RangeSweep) -> int:
    ends = values.start, values.stop, values.step
    if not all(end is not None and math.isfinite(end) for end in ends) or values.step == 0:
        raise ConfigError(f"{override.input_line}: range takes finite numbers, and a step other than 0")
    start, stop, step = (Fraction(end or 0) for end in ends)
    return max(0, math.ceil((stop - start) / step))
