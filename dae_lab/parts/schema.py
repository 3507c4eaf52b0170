"""Schemas: frozen dataclasses whose keys are declared with a type, a range and a description.

pydantic checks every way into a schema: a config from Hydra (``parse_schema``), the constructor, and
``dataclasses.replace``. Default values live in ``conf/``; a schema says only which values make sense.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, TypeVar, dataclass_transform, get_args

from pydantic import AfterValidator, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic.dataclasses import dataclass
from pydantic_core import PydanticCustomError

from dae_lab.errors import CONTROL, ConfigError
from dae_lab.parts.messages import describe_errors

MOST_CHANNELS = 65_536
"""Filters, units or values in a code: more is a slip of the finger, and would exhaust the memory."""
LONGEST_SIDE = 1_024
"""Pixels of a kernel, a pool or a stride: likewise."""
LONGEST_LIST = 1_000
"""Items of a list or a mapping."""
GREATEST = 2**63 - 1
"""The greatest whole number that every library takes."""
MISSING = "???"
"""What Hydra writes for a value that is still to be given."""

S = TypeVar("S", bound="Schema")


def option(description: str = "", **rules: Any) -> Any:
    """Declare a key of a schema.

    Args:
        description: what the key means, with its unit; one line, shown in conf/README.md.
        rules: the range, as pydantic names it: ``ge``, ``gt``, ``le``, ``lt``, ``max_length``, ``default``.
    """
    return Field(description=description or None, **rules)


def refuse(words: str) -> PydanticCustomError:
    """An error of one value, to be raised by a validator; ``words`` follow the key: ``must be …``."""
    return PydanticCustomError("refused", "{words}", {"words": words})


def check_folder(path: str) -> str:
    """``path``, unless it begins with a home folder that cannot be found."""
    try:
        Path(path).expanduser()
    except RuntimeError as error:
        raise refuse(f": the home folder in {path} is not known; give a full path") from error
    return path


def _text(longest: int, *, lines: bool = False) -> AfterValidator:
    def check(value: str) -> str:
        if not value.strip():
            raise refuse(f"must not be empty; got {value!r}")
        if len(value) > longest:
            raise refuse(f"must have at most {longest:,} characters; got {len(value):,}")
        if not lines and "\n" in value:
            raise refuse(f"must be one line; got {value!r}")
        return value

    return AfterValidator(check)


Channels = Annotated[int, Field(ge=1, le=MOST_CHANNELS)]
"""A number of filters, units or values of a code."""
Side = Annotated[int, Field(ge=1, le=LONGEST_SIDE)]
"""Pixels of a kernel, a pool or a stride."""
Line = Annotated[str, _text(250)]
"""Text that is not blank, in one line."""
LongLine = Annotated[str, _text(4_096)]
"""A path or an address."""
Prose = Annotated[str, _text(10_000, lines=True)]
"""Text that is not blank, in any number of lines."""
FilePath = Annotated[LongLine, AfterValidator(check_folder)]
"""A path, perhaps in a home folder."""
NAME = re.compile(r"[A-Za-z0-9_-]{1,50}")
"""Names that a person gives: they become parts of the names of params and metrics."""
Name = Annotated[str, Field(pattern=rf"^{NAME.pattern}$")]


def _refuse_in_sentences(init: Callable[..., None]) -> Callable[..., None]:
    """Have a constructor raise a ConfigError instead of pydantic's error."""

    @wraps(init)
    def checked(self: "Schema", *args: Any, **values: Any) -> None:
        try:
            init(self, *args, **values)
        except ValidationError as error:
            raise ConfigError(describe_errors(error, "")) from error

    return checked


@dataclass_transform(
    frozen_default=True, kw_only_default=True, eq_default=False, field_specifiers=(option, Field)
)
@dataclass(frozen=True, eq=False)
class Schema:
    """The base of everything in a config that has keys. A subclass declares them with ``option``.

    A subclass is a frozen dataclass without a decorator of its own. Checks of several keys together are
    written in ``__post_init__``, which raises a ValueError that begins with the key.

    Raises:
        ConfigError: a key is missing or unknown, or a value has the wrong type or is outside its range.
    """

    def __init_subclass__(cls, **more: Any) -> None:
        super().__init_subclass__(**more)
        rules = ConfigDict(
            extra="forbid", allow_inf_nan=False, coerce_numbers_to_str=True, arbitrary_types_allowed=True
        )
        dataclass(cls, frozen=True, eq=False, kw_only=True, config=rules)
        cls.__init__ = _refuse_in_sentences(cls.__init__)  # type: ignore[method-assign]

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and _values(self) == _values(other)

    def __hash__(self) -> int:
        return hash(repr(self))

    def __getstate__(self) -> dict[str, Any]:
        return _values(self)  # without what a cached_property keeps, as a compiled graph

    @model_validator(mode="before")
    @classmethod
    def _check_keys(cls, plain: Any) -> Any:
        if not isinstance(plain, Mapping):
            return plain
        known = [item.name for item in fields(cls)]
        for key in plain:
            if key not in known:
                raise PydanticCustomError("unknown_key", "unknown key", {"key": str(key), "known": known})
        return plain

    @field_validator("*", mode="before")
    @classmethod
    def _check_value(cls, value: Any, info: Any) -> Any:
        kind = cls.__pydantic_fields__[info.field_name].annotation  # type: ignore[attr-defined]
        if value == MISSING:
            raise refuse("is missing: give it a value")
        if kind is bool and not isinstance(value, bool):
            raise refuse(f"must be true or false; got {value!r}")
        if not holds_schemas(kind):
            _check_content(value, any(part in (bool, Any) for part in _kinds(kind)))
        return value


def _values(schema: Schema) -> dict[str, Any]:
    return {item.name: getattr(schema, item.name) for item in fields(schema)}


def _kinds(kind: Any) -> Iterable[Any]:
    """The types in an annotation: ``list[int] | None`` has list[int], int and None."""
    yield kind
    for part in get_args(kind):
        yield from _kinds(part)


def holds_schemas(kind: Any) -> bool:
    """Whether a key of type ``kind`` holds a schema, or a mapping from names to schemas."""
    return any(isinstance(part, type) and issubclass(part, Schema) for part in _kinds(kind))


def _check_content(value: Any, takes_bool: bool) -> None:
    """Refuse what no key takes: control characters, endless lists, endless numbers, true for a number."""
    if isinstance(value, str) and CONTROL.search(value):
        raise refuse(f"must not contain control characters; got {value!r}")
    if isinstance(value, bool):
        if not takes_bool:
            raise refuse(f"must be text or a number; got {value!r}")
    elif isinstance(value, int) and abs(value) > GREATEST:
        raise refuse(f"must be at most {GREATEST:,}; got {value}")
    if isinstance(value, (list, tuple, Mapping)):
        if len(value) > LONGEST_LIST:
            raise refuse(f"must have at most {LONGEST_LIST:,} items; got {len(value):,}")
        for item in value.values() if isinstance(value, Mapping) else value:
            _check_content(item, takes_bool)


def parse_schema(plain: Any, schema: type[S], path: str = "", trust: Iterable[str] = ()) -> S:
    """``plain``, a mapping, as an instance of ``schema``, or of the part that its ``_target_`` names.

    Args:
        plain: what YAML and the command line gave, interpolations resolved.
        path: the key at which ``plain`` stands, for messages.
        trust: packages whose parts may be imported, besides those of dae_lab.

    Raises:
        ConfigError: a key that is unknown or missing, a value of the wrong type or outside its range,
            a ``_target_`` that is not of this kind. Names the full key.
    """
    try:
        parsed: S = schema.__pydantic_validator__.validate_python(  # type: ignore[attr-defined]
            plain, context=tuple(trust)
        )
    except ValidationError as error:
        raise ConfigError(describe_errors(error, path)) from error
    return parsed
