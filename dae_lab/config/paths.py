"""Where things are, and what Hydra is told of this machine: the YAML files, the store of runs."""

import re
import sys
from pathlib import Path

from omegaconf import OmegaConf

from dae_lab.config.server import default_experiment, default_server
from dae_lab.environment import unset_blank
from dae_lab.errors import ConfigError

PACKAGE = Path(__file__).resolve().parents[1]

_NOT_UTF8 = re.compile("[\ud800-\udfff]")
"""How Python keeps the bytes of a file's name that are not UTF-8; no store and no page can take them."""


def as_text(path: Path | str) -> str:
    """A file's name as it can be printed and recorded: bytes that are not UTF-8 become ``�``."""
    return _NOT_UTF8.sub("\N{REPLACEMENT CHARACTER}", str(path))


def check_utf8(key: str, value: Path | str) -> None:
    """Raise a ConfigError if ``value``, which a person gave for ``key``, has bytes that are not UTF-8."""
    if _NOT_UTF8.search(str(value)):
        raise ConfigError(
            f"{key}: {as_text(value)} has bytes that are not UTF-8, shown as \N{REPLACEMENT CHARACTER}; they "
            "cannot be recorded: give it another name, or give a link to the file or folder"
        )


def conf_folder() -> Path:
    """Where the YAML files are: inside an installed package, or beside it in a checkout."""
    inside = PACKAGE / "conf"
    return inside if inside.is_dir() else PACKAGE.parent / "conf"


def store_folder() -> Path:
    """Where runs are recorded by default: ``mlruns/`` of the checkout, or else of the current folder."""
    in_checkout = conf_folder().parent == PACKAGE.parent
    return (PACKAGE.parent if in_checkout else Path.cwd()) / "mlruns"


def register() -> None:
    """Give Hydra what YAML files ask by ``${dae_lab.…:}``, our launchers, and the checks of config files.

    Harmless when done twice.
    """
    from dae_lab.config.sources import check_config_files  # here, because it imports this module

    check_config_files()
    unset_blank("DAE_LAB_CACHE")  # the YAML files take it as it is, where it is set
    launchers = str(PACKAGE / "sweep" / "plugins")
    if launchers not in sys.path:
        sys.path.append(launchers)
    OmegaConf.register_new_resolver("dae_lab.store", lambda: str(store_folder()), replace=True)
    OmegaConf.register_new_resolver("dae_lab.server", default_server, replace=True)
    OmegaConf.register_new_resolver("dae_lab.experiment", default_experiment, replace=True)
