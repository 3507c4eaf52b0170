"""Config files of a run that are not in the package, as those of ``--config-dir``."""

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from hydra.conf import HydraConf
from hydra.core.config_loader import ConfigLoader
from hydra.types import RunMode
from omegaconf import DictConfig

from dae_lab.paths import conf_folder


def choices(overrides: Sequence[str]) -> list[str]:
    """Those overrides that may choose a file: the others set the value of a key."""
    groups = [(text.partition("=")[0].partition("@")[0], text) for text in overrides]
    return [
        text
        for group, text in groups
        if ("." not in group and group != "seed") or group.lstrip("+") == "hydra.searchpath"
    ]


def outside_files(
    loader: ConfigLoader, hydra: DictConfig | HydraConf, overrides: Sequence[str]
) -> list[Path]:
    """The files outside ``conf/`` that make a config, in the order in which they are merged.

    Args:
        loader: Hydra's, of this command.
        hydra: the node ``hydra`` of its config.
        overrides: those of the run, and of Hydra.
    """
    places = hydra.runtime.config_sources
    folders = [_folder(item.schema, item.path) for item in places if item.schema in ("file", "pkg")]
    packaged = {_folder("pkg", "hydra.conf"), conf_folder().resolve()}
    if set(folders) <= packaged:
        return []
    parts = loader.compute_defaults_list(hydra.job.config_name, choices(overrides), RunMode.RUN).defaults
    names = dict.fromkeys(f"{part.config_path}.yaml" for part in parts if part.config_path)
    first = [next((place / name for place in folders if (place / name).is_file()), None) for name in names]
    return [file for file in first if file and not any(file.is_relative_to(place) for place in packaged)]


def _folder(schema: str, path: str) -> Path:
    return Path(path if schema == "file" else str(files(path.replace("/", ".")))).resolve()
