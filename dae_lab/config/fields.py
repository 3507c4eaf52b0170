"""Fields that check themselves: a schema declares a range once, and every way into it is checked.

The values live in ``conf/``; a schema says only which values make sense, so every field is
``MISSING`` until a YAML file, a command line or a caller gives it.
"""

from dataclasses import MISSING as NO_DEFAULT
from dataclasses import dataclass, field, fields
from math import isfinite
from pathlib import Path
from typing import Any

from omegaconf import MISSING

from dae_lab.errors import CONTROL, ConfigError

MOST_CHANNELS = 65536
"""Filters, units or values in a code: more is a slip of the finger, and would exhaust the memory."""
LONGEST_SIDE = 1024
"""Pixels of a kernel, a pool or a stride: likewise."""
LONGEST_LIST = 1_000
"""Items of a list or a mapping."""
GREATEST = 2**63 - 1
"""The greatest whole number that every library takes."""


def required() -> Any:
    """A field of any value its type allows."""
    return field(default=MISSING)


def target(path: str) -> Any:
    """The ``_target_`` that Hydra instantiates: a dotted path inside ``dae_lab`` or ``keras``."""
    return field(default=path)


def number(
    *,
    minimum: float | None = None,
    above: float | None = None,
    maximum: float | None = None,
    below: float | None = None,
) -> Any:
    """A number, or a list of numbers, within ``[minimum, maximum]`` or ``(above, below)``."""
    limits = {"minimum": minimum, "above": above, "maximum": maximum, "below": below}
    given = {k: v for k, v in limits.items() if v is not None}
    return field(default=MISSING, metadata={"number": True, **given})


def text(*, longest: int = 250, lines: bool = False) -> Any:
    """A string that is not blank, of at most ``longest`` characters, in one line unless ``lines``."""
    return field(default=MISSING, metadata={"longest": longest, "lines": lines})


def choice(*options: str) -> Any:
    """A word, or a list of words, out of ``options``."""
    return field(default=MISSING, metadata={"options": options})


@dataclass
class Checked:
    """A schema whose fields are checked when an instance is made.

    Raises:
        ConfigError: a field is missing, outside its range, or not one of its options.
    """

    def __post_init__(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            if value == MISSING and item.default is not NO_DEFAULT:
                raise ConfigError(f"{item.name} is missing: give it a value")
            _check_content(item.name, value)
            for one in value if isinstance(value, (list, tuple)) else [value]:
                if isinstance(one, (list, tuple, dict)) and one is not value:
                    raise ConfigError(f"{item.name} must be a list of numbers, as [32, 64]; got {value!r}")
                if one is not None:
                    _check(item.name, one, item.metadata)


def check_folder(key: str, path: str) -> None:
    """Raise a ConfigError if ``path`` begins with a home folder that cannot be found."""
    try:
        Path(path).expanduser()
    except RuntimeError as error:
        raise ConfigError(f"{key}: the home folder in {path} is not known; give a full path") from error


def _check_content(name: str, value: Any) -> None:
    """Raise a ConfigError for what no field takes: control characters, endless lists, endless numbers."""
    if isinstance(value, str) and CONTROL.search(value):
        raise ConfigError(f"{name} must not contain control characters; got {value!r}")
    if isinstance(value, int) and abs(value) > GREATEST:
        raise ConfigError(f"{name} must be at most {GREATEST:,}; got {value}")
    if isinstance(value, (list, tuple, dict)):
        if len(value) > LONGEST_LIST:
            raise ConfigError(f"{name} must have at most {LONGEST_LIST:,} items; got {len(value):,}")
        for item in value.values() if isinstance(value, dict) else value:
            _check_content(name, item)


def _check_text(name: str, value: str, rule: Any) -> None:
    if not value.strip():
        raise ConfigError(f"{name} must not be empty; got {value!r}")
    if len(value) > rule["longest"]:
        raise ConfigError(f"{name} must have at most {rule['longest']:,} characters; got {len(value):,}")
    if not rule["lines"] and "\n" in value:
        raise ConfigError(f"{name} must be one line; got {value!r}")


def _check(name: str, value: Any, rule: Any) -> None:
    if "longest" in rule:
        _check_text(name, value, rule)
    if rule.get("number") and isinstance(value, str):  # OmegaConf takes ${…} for a number to come
        raise ConfigError(f"{name} must be a number; got {value!r}")
    options = rule.get("options")
    if options and value not in options:
        raise ConfigError(f"{name} must be one of {', '.join(options)}; got {value!r}")
    if isinstance(value, float) and not isfinite(value):
        raise ConfigError(f"{name} must be a finite number; got {value!r}")
    limits = [
        ("minimum", "at least", lambda v, bound: v >= bound),
        ("above", "greater than", lambda v, bound: v > bound),
        ("maximum", "at most", lambda v, bound: v <= bound),
        ("below", "less than", lambda v, bound: v < bound),
    ]
    for kind, words, holds in limits:
        if kind in rule and not holds(value, rule[kind]):
            raise ConfigError(f"{name} must be {words} {_shown(rule[kind])}; got {value!r}")


def _shown(bound: float) -> str:
    return f"{bound:,}" if isinstance(bound, int) else f"{bound:g}"
