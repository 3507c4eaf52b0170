"""Config files as people write them: what Hydra would misread is read as it is meant, or named."""

import codecs
from dataclasses import fields
from pathlib import Path
from typing import Any

from hydra.plugins.config_source import ConfigResult
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from dae_lab.config.run import Config
from dae_lab.errors import ConfigError
from dae_lab.parts.suggestions import first_line

HEADER = "# @package _global_"

PRESETS = ("experiment", "debug")
"""Groups whose files change keys of the whole config, which has no key of the group's name."""


def head_behind_mark(file: Path) -> str:
    """The first lines of a file that begins with a byte order mark, as Notepad writes it; empty without one.

    Hydra reads the file, but overlooks a header behind the mark.
    """
    with file.open("rb") as content:
        if content.read(3) != codecs.BOM_UTF8:
            return ""
        return content.read(512).decode(errors="ignore")


def check_preset(loaded: ConfigResult, config_path: str, file: Path) -> None:
    """Raise a ConfigError for a file that Hydra would misread.

    Args:
        config_path: its group and name, as ``experiment/mine``.
        file: for messages.
    """
    _need_header(loaded, config_path, file)
    _need_names(loaded.config, file)


def misread(error: OmegaConfBaseException) -> str:
    """What is wrong with a file that OmegaConf refuses."""
    if "Incompatible key type" in str(error):
        return "a key must be a name or a number, not null or a list"
    return first_line(error)


def _need_header(loaded: ConfigResult, config_path: str, file: Path) -> None:
    """Raise a ConfigError for a preset without its header: Hydra would put it all below ``experiment``."""
    group, _, _ = config_path.rpartition("/")
    if group not in PRESETS or loaded.header.get("package") is not None:
        return
    content = loaded.config
    keys = set(content) - {"defaults"} if OmegaConf.is_dict(content) else set()
    if not keys or keys & {item.name for item in fields(Config)}:
        raise ConfigError(f"{file}: a preset begins with the line '{HEADER}', above all comments; add it")


def _need_names(config: Any, file: Path) -> None:
    """Raise a ConfigError for ``{'override /noise ': x}``, whose last blank ends the name of the group."""
    defaults: Any = config.get("defaults") if OmegaConf.is_dict(config) else None
    for item in defaults if OmegaConf.is_list(defaults) else []:
        for key in item if OmegaConf.is_dict(item) else []:
            words = str(key).split(" ")
            if "" in words or words[-1] in ("override", "optional"):
                raise ConfigError(
                    f"{file}: defaults: {key!r} names no group; write override, one blank and the group, as "
                    f"in [{{override /noise: gaussian}}, _self_]"
                )
