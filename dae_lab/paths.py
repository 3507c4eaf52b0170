"""Where the files of this package are, and file names that can be printed and recorded."""

import re
from pathlib import Path

from dae_lab.errors import ConfigError

PACKAGE = Path(__file__).resolve().parent

_NOT_UTF8 = re.compile("[\ud800-\udfff]")
"""How Python keeps the bytes of a file's name that are not UTF-8; no store and no page can take them."""


def conf_folder() -> Path:
    """The folder of the YAML files: inside an installed package, or beside it in a checkout."""
    inside = PACKAGE / "conf"
    return inside if inside.is_dir() else PACKAGE.parent / "conf"


def as_text(path: Path | str) -> str:
    """A file's name as it can be printed and recorded: bytes that are not UTF-8 become ``�``."""
    return _NOT_UTF8.sub("\N{REPLACEMENT CHARACTER}", str(path))


def check_utf8(key: str, value: Path | str) -> None:
    """Raise a ConfigError if ``value``, given for ``key``, has bytes that are not UTF-8."""
    if _NOT_UTF8.search(str(value)):
        raise ConfigError(
            f"{key}: {as_text(value)} has bytes that are not UTF-8, shown as \N{REPLACEMENT CHARACTER}; they "
            "cannot be recorded: give it another name, or give a link to the file or folder"
        )
