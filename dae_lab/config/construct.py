"""From a schema to the object its ``_target_`` names."""

from typing import Any

from hydra.errors import InstantiationException
from hydra.utils import instantiate

from dae_lab.config.validate import ALLOWED_TARGETS
from dae_lab.errors import ConfigError, UserError


def construct(schema: Any, **more: Any) -> Any:
    """What ``schema`` (a dataclass or mapping with ``_target_``) describes; lists and dicts stay plain.

    Raises:
        ConfigError: the target lies outside ``dae_lab`` and ``keras``.
        UserError: whatever the target itself refuses, in its own words.
    """
    target = schema["_target_"] if isinstance(schema, dict) else schema._target_
    if not target.startswith(ALLOWED_TARGETS):
        raise ConfigError(f"_target_ must lie in dae_lab or keras; got {target!r}")
    try:
        return instantiate(schema, _convert_="object", **more)
    except InstantiationException as error:
        if isinstance(error.__cause__, UserError):
            raise error.__cause__ from None
        raise
