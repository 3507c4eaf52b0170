"""Private names of libraries, each with the reason, and the version that it was checked with.

They are imported inside the functions that use them. ``tests/test_compat*.py`` fails when one goes.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hydra.plugins.config_source import ConfigSource


def hydra_file_source() -> "type[ConfigSource]":
    """The class by which Hydra 1.3.8 reads config files.

    ``hydra.plugins.config_source`` is public, but the class that reads files has no public name.
    """
    from hydra._internal.core_plugins.file_config_source import FileConfigSource

    return FileConfigSource


def replace_hydra_file_source(source: "type[ConfigSource]") -> None:
    """Have Hydra 1.3.8 read config files by ``source``; harmless when done twice.

    ``Plugins.register`` adds sources of new schemes, but keeps Hydra's own for ``file``.
    """
    from hydra._internal.sources_registry import SourcesRegistry

    SourcesRegistry.instance().types["file"] = source
