"""pydantic's errors in sentences for people: the key, what would be right, what was given."""

import re
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from dae_lab.parts.suggestions import elsewhere, unknown_key

SENTENCES = {
    "int": "must be a whole number",
    "float": "must be a number",
    "bool": "must be true or false",
    "string_type": "must be text",
    "list_type": "must be a list, as [32, 64]",
    "dict_type": "must map names to values, as {{a: 1}}",
    "dataclass_type": "must be a group of keys",
    "finite_number": "must be a finite number",
    "greater_than_equal": "must be at least {ge}",
    "greater_than": "must be greater than {gt}",
    "less_than_equal": "must be at most {le}",
    "less_than": "must be less than {lt}",
    "literal_error": "must be one of {expected}",
}
"""By the kind of an error, or what it begins with, what follows the key."""


def describe_errors(error: ValidationError, path: str) -> str:
    """One sentence on the first error, or on an unknown key, as a wrong name explains what is missing.

    Args:
        error: raised while a mapping, or the arguments of a constructor, were checked.
        path: the key at which the mapping stands; empty for the root of the config.
    """
    every = error.errors(include_url=False)
    return _sentence(next((item for item in every if item["type"] == "unknown_key"), every[0]), path)


def _sentence(error: Mapping[str, Any], path: str) -> str:
    kind, place, given = error["type"], list(error["loc"]), error["input"]
    limits: Mapping[str, Any] = error.get("ctx", {})
    if place and place[-1] == "[key]":
        return f"{_join(path, place[:-2])}: names take letters, digits, _ and -, up to 50; got {str(given)!r}"
    key = _join(path, place)
    if kind == "unknown_key":
        return unknown_key(key, limits["key"], limits["known"])
    if kind == "unexpected_keyword_argument":
        return f"{key}: there is no such key"
    if kind == "missing":
        parent, _, name = key.rpartition(".")
        return f"{key} is missing: give it a value{elsewhere(parent, name)}"
    if kind == "refused":
        return f"{key}{'' if limits['words'].startswith((':', '.')) else ' '}{limits['words']}"
    if kind == "value_error":
        return _of_group(key, str(limits["error"]), given)
    if given is None:
        return f"{key} must have a value; null is not allowed"
    words = next((words for begin, words in SENTENCES.items() if kind.startswith(begin)), "")
    shown = {name: _limit(value) for name, value in limits.items()}
    return f"{key} {words.format(**shown) or error['msg']}; got {given!r}"


def _of_group(path: str, message: str, given: Any) -> str:
    """What a check of several keys says: it begins with a key of the group, or stands for itself."""
    first = re.match(r"\w+", message)
    values = given if isinstance(given, Mapping) else getattr(given, "kwargs", None) or {}
    if not path or message.startswith(path):
        return message
    return f"{path}.{message}" if first and first[0] in values else f"{path}: {message}"


def _join(path: str, place: list[Any]) -> str:
    """``encoder`` and ``["filters", 1]`` → ``encoder.filters[1]``."""
    for name in place:
        path += f"[{name}]" if isinstance(name, int) else f".{name}" if path else str(name)
    return path


def _limit(value: Any) -> str:
    """A limit as it is shown: 65,536, 0.5, 1e+09; the words of a choice without quotes."""
    if isinstance(value, str):
        return ", ".join(re.findall(r"'([^']*)'", value)) or value
    if isinstance(value, float):
        return f"{int(value):,}" if value.is_integer() and abs(value) < 1e9 else f"{value:g}"
    return f"{value:,}" if isinstance(value, int) else str(value)
