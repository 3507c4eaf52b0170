"""Config files from elsewhere: read within limits, and refused where they could run programs or leak secrets.

The package's own ``conf/`` and the command line are trusted. Every other file that Hydra composes (of
``--config-dir``, ``--config-path``, ``hydra.searchpath``) is data: it chooses values of a run, nothing else.
"""

import os
import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from hydra.plugins.config_source import ConfigResult
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from dae_lab import compat
from dae_lab.config.overrides import root, roots
from dae_lab.config.presets import check_preset, head_behind_mark, misread
from dae_lab.config.run import COMMAND_LINE_KEYS
from dae_lab.errors import ConfigError, describe_error
from dae_lab.parts.part import may_name_part
from dae_lab.paths import conf_folder

MOST_BYTES = 1_000_000
"""Size of a config file."""
MOST_VALUES = 10_000
"""Values in a config file, those that aliases repeat counted each time."""
DEEPEST = 50
"""Levels of lists and mappings in a config file."""

HARMLESS_CALLS = re.compile(r"\$\{(?:now:|dae_lab\.\w+:|oc\.env:DAE_LAB_)[^${}]*\}")
"""Resolvers that a file may call; of environment variables it reads those of this program alone."""
REFERENCE = re.compile(r"\$\{[^${}:]*\}")
"""An interpolation of another key."""

COMMON_CACHE = re.compile(r"""\$\{oc\.env:DAE_LAB_CACHE(,\s*["']?~/\.cache/dae_lab["']?)?\}""")
"""How the package's own files name the cache, which another file may repeat."""


_HydraSource: Any = compat.hydra_file_source()


class FileConfigSource(_HydraSource):
    """Hydra's source of config files, with a check of those that are not the package's own.

    It has the name of Hydra's class, because Hydra replaces a registered source only by one of another name.
    """

    def load_config(self, config_path: str) -> ConfigResult:
        file = Path(self.path, self._normalize_file_name(config_path)).resolve()
        own = file.is_relative_to(conf_folder())
        if not own:
            check_limits(file)
        try:
            changed = file.stat().st_mtime_ns if file.exists() else 0
            loaded = deepcopy(_load_file(self.provider, self.path, config_path, changed))
        except OmegaConfBaseException as error:
            raise ConfigError(f"{file}: {misread(error)}") from error
        if head := head_behind_mark(file):
            loaded.header = self._get_header_dict(head)
        if not own:
            check_content(loaded.config, config_path, loaded.header.get("package") or "", file)
        check_preset(loaded, config_path, file)
        return loaded


@lru_cache(maxsize=1000)
def _load_file(provider: str, folder: str, config_path: str, changed_ns: int) -> ConfigResult:
    """Read a config file, each state of it once: Hydra asks for all files again for each config."""
    loaded: ConfigResult = _HydraSource(provider, folder).load_config(config_path)
    return loaded


def check_config_files() -> None:
    """Have Hydra read config files through the checks of this module; harmless when done twice."""
    compat.replace_hydra_file_source(FileConfigSource)


def check_limits(file: Path) -> None:
    """Raise a ConfigError unless ``file`` is UTF-8 text of reasonable size; a YAMLError where it is no YAML.

    Nothing is expanded: a list of aliases of lists of aliases is counted, not built.
    """
    if os.stat(file).st_size > MOST_BYTES:
        raise ConfigError(f"{file}: a config file has at most {MOST_BYTES:,} bytes")
    try:
        with file.open(encoding="utf-8") as text:
            _count_values(yaml.parse(text, Loader=yaml.SafeLoader), file)
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file}: this is no text in UTF-8; save it as a YAML file in UTF-8") from error


def recorded_config(text: str, where: str) -> dict[str, Any]:
    """The config that a run recorded, resolved then: nothing in it is looked up again.

    Args:
        text: YAML.
        where: what messages begin with.

    Raises:
        ConfigError: it is none, or holds an interpolation, which would read what this machine knows.
    """
    if len(text) > MOST_BYTES:
        raise ConfigError(f"{where}: a config file has at most {MOST_BYTES:,} bytes")
    if "${" in text:
        raise ConfigError(f"{where}: it holds ${{…}}, which no run records; it has been changed")
    try:
        _count_values(yaml.parse(text, Loader=yaml.SafeLoader), where)
        content = OmegaConf.to_container(OmegaConf.create(text))
    except (yaml.YAMLError, OmegaConfBaseException) as error:
        raise ConfigError(f"{where}: this is no config: {describe_error(error)}") from error
    assert isinstance(content, dict)
    return {str(key): value for key, value in content.items()}


def _count_values(events: Iterator[Any], file: Path | str) -> None:
    sizes: dict[str, int] = {}  # of what has an anchor and has been read to its end
    levels: list[tuple[str | None, int]] = [(None, 0)]  # of what is being read: its anchor, values so far
    for event in events:
        outermost = len(levels) == 1 and isinstance(event, yaml.NodeEvent)
        if outermost and not isinstance(event, yaml.MappingStartEvent):
            raise ConfigError(f"{file}: a config file maps keys to values, as 'seed: 1'")
        if isinstance(event, yaml.CollectionStartEvent):
            levels.append((event.anchor, 1))
            count = 0
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, count = levels.pop()
            if anchor:
                sizes[anchor] = count
        elif isinstance(event, yaml.AliasEvent):
            if event.anchor not in sizes:
                raise ConfigError(f"{file}: *{event.anchor} is not defined before, or contains itself")
            count = sizes[event.anchor]
        elif isinstance(event, yaml.ScalarEvent):
            count = 1
            if event.anchor:
                sizes[event.anchor] = 1
        else:
            continue
        outer, before = levels[-1]
        levels[-1] = outer, before + count
        if len(levels) > DEEPEST:
            raise ConfigError(f"{file}: lists and mappings are nested more than {DEEPEST} levels deep")
        if before + count > MOST_VALUES:
            raise ConfigError(f"{file}: a config file has at most {MOST_VALUES:,} values")


def check_content(config: Any, config_path: str, package: str, file: Path) -> None:
    """Raise a ConfigError where a file from elsewhere does more than set values of a run.

    Args:
        config: what OmegaConf made of the file.
        config_path: its group and name, as ``experiment/mine``.
        package: from its header; empty where it has none.
        file: for messages.
    """
    content = OmegaConf.to_container(config)
    assert isinstance(content, dict)
    if config_path.startswith("hydra/") or "hydra" in content or root(package) == "hydra":
        raise ConfigError(
            f"{file}: a file may not set hydra, which runs programs; give such keys on the command line, "
            f"as hydra/launcher=slurm"
        )
    _check_defaults(content.get("defaults", []), file)
    _check_tracking(content, config_path, package, file)
    _check_actions(content, file)
    _check_values(content, file)


def _check_defaults(defaults: Any, file: Path) -> None:
    """Raise a ConfigError for a defaults list that Hydra could not read, or that reaches into ``hydra``."""
    shape = f"{file}: defaults must be a list of options, as [{{override /noise: gaussian}}, _self_]"
    if not isinstance(defaults, list):
        raise ConfigError(f"{shape}; got {defaults!r}")
    for item in defaults:
        (key, value), *more = item.items() if isinstance(item, dict) and item else [(item, None)]
        options = value if isinstance(value, list) else [value]
        if more or not isinstance(key, str) or not all(isinstance(it, str | None) for it in options):
            raise ConfigError(f"{shape}; got {item!r}")
        if roots(key.split(" ")[-1]) & {"hydra", "tracking"}:
            raise ConfigError(
                f"{file}: a file may not choose {key}: where runs are done and recorded is said on the "
                f"command line"
            )


def _check_tracking(content: Mapping[Any, Any], config_path: str, package: str, file: Path) -> None:
    """Raise a ConfigError for a place of the record that the command line has not chosen.

    MLflow's credentials go to ``tracking.uri``. A file of the group ``tracking`` is chosen by its name.
    """
    if config_path.startswith("tracking/"):
        return
    tracking = content if root(package) == "tracking" else content.get("tracking", {})
    if not isinstance(tracking, dict) or {"dir", "uri"} & set(tracking):
        raise ConfigError(f"{file}: a file may not set tracking.dir or tracking.uri; use the command line")


def _check_actions(content: Mapping[Any, Any], file: Path) -> None:
    """Raise a ConfigError where a file says what the command does, or which code may run."""
    for key in COMMAND_LINE_KEYS:
        if key in content:
            raise ConfigError(
                f"{file}: a file may not set {key}: what a command does, and which code it may run, is said "
                f"on the command line"
            )


def is_common_cache(value: Any) -> bool:
    """Whether an unresolved value of a key ``cache`` is the package's own.

    What is read from a cache is believed: baselines, decisions on precision, data.
    """
    return isinstance(value, str) and bool(COMMON_CACHE.fullmatch(value))


def _check_values(content: Any, file: Path) -> None:
    # in whatever group it ends
    if isinstance(content, dict) and "cache" in content and not is_common_cache(content["cache"]):
        raise ConfigError(
            f"{file}: a file may not set cache, since what lies there is believed; give "
            f"evaluation.cache or data.cache on the command line, or set DAE_LAB_CACHE"
        )
    if isinstance(content, dict) and "_target_" in content and not may_name_part(content["_target_"]):
        raise ConfigError(f"{file}: _target_ must name a part; got {content['_target_']!r}")
    if isinstance(content, dict | list):
        for item in content.values() if isinstance(content, dict) else content:
            _check_values(item, file)
    elif isinstance(content, str) and (call := resolver_call(content)):
        raise ConfigError(
            f"{file}: {call} may not be asked by a file, since its answer is recorded; give the key on the "
            f"command line"
        )


def resolver_call(text: str) -> str:
    """What ``text`` asks of a resolver that can read more than this config; empty where it does not.

    >>> resolver_call("${oc.env:TOKEN}")
    '${oc.env:TOKEN}'
    >>> resolver_call("${training.epochs} epochs, ${now:%H}")
    ''
    """
    left = HARMLESS_CALLS.sub("", text)
    while left != (less := REFERENCE.sub("", left)):
        left = less
    start = left.find("${")
    return "" if start < 0 else left[start : start + 60]
