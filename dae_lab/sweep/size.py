"""How many runs a sweep asks for, counted before they are listed."""

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, Override, RangeSweep
from omegaconf import DictConfig, OmegaConf

from dae_lab.errors import ConfigError

MOST_RUNS = 10_000
"""Runs of one sweep."""


def check_number_of_runs(config: DictConfig, loader: ConfigLoader) -> None:
    """Raise a ConfigError if a sweep over all combinations has no run, or more than ``MOST_RUNS``.

    Args:
        config: the command's, with the overrides that Hydra's own sweeper will combine.
        loader: of the config files, for ``glob(…)``.
    """
    sweeper = config.hydra.sweeper
    if not str(sweeper._target_).endswith(f".{BasicSweeper.__name__}"):
        return
    params = [f"{key}={value}" for key, value in (sweeper.params or {}).items()]
    given: Any = OmegaConf.to_container(config.hydra.overrides.task, resolve=False)
    need_few_runs(OverridesParser.create(config_loader=loader).parse_overrides([*params, *given]))


def need_few_runs(overrides: Sequence[Override]) -> None:
    """Raise a ConfigError if all combinations of these are no run, or more than ``MOST_RUNS``."""
    given = [(one.get_key_element(), count_values(one)) for one in overrides]
    counts = dict(given)  # of a key that is given twice the last counts, but Hydra lists the values of both
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
