"""What the options of a group are called: by their files in ``conf/``."""

import re
from dataclasses import asdict
from functools import cache
from typing import Any

import yaml

from dae_lab.paths import conf_folder


def option_name(group: str, part: Any) -> str:
    """The option of ``group`` that ``part`` is, or is most like: ``unet``, ``salt_and_pepper``.

    Several options may be of one class, as ``encoder=conv`` and ``encoder=unet``: then the one with the most
    values in common. Of a class that no option has, its own name.
    """
    given = asdict(part)
    alike = {
        name: sum(given.get(key) != value for key, value in content.items())
        for name, content in _options(group).items()
        if content.get("_target_") == given["_target_"]
    }
    return min(alike, key=lambda name: alike[name]) if alike else _snake_case(type(part).__name__)


@cache
def _options(group: str) -> dict[str, dict[str, Any]]:
    """The values of each option of ``group``, by its name, as they stand in its file."""
    files = sorted((conf_folder() / group).glob("*.yaml"))
    return {file.stem: yaml.safe_load(file.read_text(encoding="utf-8")) or {} for file in files}


def _snake_case(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
