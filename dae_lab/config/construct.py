"""From a schema to the object its ``_target_`` names."""

from typing import Any

from hydra.errors import InstantiationException
from hydra.utils import instantiate

from dae_lab.errors import UserError


def construct(schema: Any, **more: Any) -> Any:
    """What a validated ``schema`` (or its fields as a mapping) describes; lists and dicts stay plain.

    Raises:
        UserError: whatever the target itself refuses, in its own words.
    """
    try:
        return instantiate(schema, _convert_="object", **more)
    except InstantiationException as error:
        if isinstance(error.__cause__, UserError):
            raise error.__cause__ from None
        if isinstance(error.__cause__, MemoryError):
            raise UserError(f"there is not enough memory: {error.__cause__}") from error
        raise
