"""From the plain mapping that Hydra composes to schemas, by their ``_target_``."""

import re
from dataclasses import fields, is_dataclass
from typing import Any, get_args, get_origin, get_type_hints

from omegaconf import MISSING, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from dae_lab.config import data, decoder, encoder, latent, loss, noise, optimizer
from dae_lab.config.hints import elsewhere, first_line, unknown_key
from dae_lab.errors import ConfigError

GROUPS = (data, noise, encoder, latent, decoder, loss, optimizer)

NAME = re.compile(r"[A-Za-z0-9_-]{1,50}")
"""Names that users give: they become parts of the names of params and metrics."""

SCHEMAS: dict[str, type] = {schema._target_: schema for group in GROUPS for schema in group.SCHEMAS.values()}
"""What may be built: everything else is refused as a ``_target_``."""


_known: dict[tuple[type, str, str], Any] = {}
"""Groups of this process's configs, by schema, key and content: many arms of a sweep share
them, so nobody changes a config in place."""


def typed(plain: Any, schema: type, path: str) -> Any:
    """``plain``, a mapping, as an instance of ``schema``, or of the child of it that ``_target_`` names.

    Args:
        plain: what YAML and the command line gave, interpolations resolved.
        schema: a dataclass derived from ``Checked``.
        path: the key at which ``plain`` stands, for messages.

    Raises:
        ConfigError: a key that is unknown or missing, a value of the wrong type or outside its range,
            a ``_target_`` that is not of this kind. Names the full key.
    """
    if not isinstance(plain, dict):
        raise ConfigError(f"{path or 'the config'} must be a group of keys; got {plain!r}")
    schema = _named(plain, schema, path)
    known = [item.name for item in fields(schema)]
    kinds = get_type_hints(schema)
    simple, children = {}, {}
    for key, value in plain.items():
        full = f"{path}.{key}" if path else str(key)
        if key not in known:
            raise ConfigError(unknown_key(path, str(key), known))
        if value == MISSING:
            raise ConfigError(f"{full} is missing: give it a value")
        if kinds[key] is bool and not isinstance(value, bool):
            raise ConfigError(f"{full} must be true or false; got {value!r}")
        if _holds_schemas(kinds[key]):
            children[key] = _child(value, kinds[key], full)
        else:
            simple[key] = value
    for name in known:
        if name not in plain and not name.startswith("_"):
            full = f"{path}.{name}" if path else name
            raise ConfigError(f"{full} is missing: give it a value{elsewhere(path, name)}")
    try:
        converted = OmegaConf.to_container(OmegaConf.merge(OmegaConf.structured(schema), simple))
        return schema(**{**converted, **children})  # type: ignore[dict-item]
    except OmegaConfBaseException as error:
        raise ConfigError(first_line(error, path, simple)) from error
    except ConfigError as error:
        raise ConfigError(f"{path}.{error}" if path else str(error)) from error


def _named(plain: dict[Any, Any], schema: type, path: str) -> type:
    """The schema that ``_target_`` names, which must be ``schema`` or a child of it."""
    target = plain.get("_target_")
    if target is None:
        return schema
    found = SCHEMAS.get(target) if isinstance(target, str) else None
    if found is None or not issubclass(found, schema):
        options = ", ".join(name for name, child in SCHEMAS.items() if issubclass(child, schema))
        raise ConfigError(f"{path}._target_ must be one of {options}; got {target!r}")
    return found


def _child(value: Any, kind: Any, path: str) -> Any:
    """``value`` as the schema ``kind``, or as a mapping from names to schemas."""
    if get_origin(kind) is not dict:
        key = (kind, path, repr(value))
        if key not in _known:
            _known[key] = typed(value, kind, path)
        return _known[key]
    if not isinstance(value, dict):
        raise ConfigError(f"{path} must map names to options; got {value!r}")
    for name in value:
        if not NAME.fullmatch(str(name)):
            raise ConfigError(f"{path}: names take letters, digits, _ and -, up to 50; got {str(name)!r}")
    return {str(name): typed(item, get_args(kind)[1], f"{path}.{name}") for name, item in value.items()}


def _holds_schemas(kind: Any) -> bool:
    """Whether a field of type ``kind`` holds a schema, or a mapping from names to schemas."""
    if get_origin(kind) is dict:
        return is_dataclass(get_args(kind)[1])
    return is_dataclass(kind)
