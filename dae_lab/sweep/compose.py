"""Composes the runs of a sweep as Hydra does, sooner: many arms are many configs."""

from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

from hydra._internal import defaults_list
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.config_repository import CachingConfigRepository
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import ConfigCompositionException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException


class Composer:
    """Hydra's ``load_sweep_config``, which reads a file once, merges the same options once, and leaves out
    Hydra's own part of the config, half of it: 44 arms take 3.8 s instead of 8.

    Args:
        loader: Hydra's, of this command. master: the command's own config, which says what all runs share.
    """

    def __init__(self, loader: ConfigLoaderImpl, master: DictConfig) -> None:
        self._loader, self._master, self._name = loader, master, master.hydra.job.config_name
        # as they were given: ${hydra.job.num} has no value before there is a run
        given: Any = OmegaConf.to_container(master.hydra.overrides.hydra, resolve=False)
        self._hydra: list[str] = given
        self._parser = OverridesParser.create()
        self._files = CachingConfigRepository(loader.repository)
        loader._process_config_searchpath(self._name, self._parser.parse_overrides(self._hydra), self._files)
        self._bare: dict[tuple[str, ...], tuple[DictConfig, str]] = {}  # by the options chosen
        self._known: dict[tuple[str, ...], tuple[DictConfig, str]] = {}

    def __call__(self, overrides: list[str]) -> tuple[DictConfig, str]:
        """The config of a run, and the option of the group ``experiment``; equal ones share it.

        Raises:
            Exception: Hydra's, for what cannot be composed.
        """
        key = tuple(overrides)
        if key not in self._known:
            self._known[key] = self._composed(overrides)
        return self._known[key]

    def _composed(self, overrides: list[str]) -> tuple[DictConfig, str]:
        parsed = self._parser.parse_overrides([*self._hydra, *overrides])
        for one in parsed[len(self._hydra) :]:
            if one.is_hydra_override():
                raise ConfigCompositionException(f"{one.key_or_group} is the command's own, not a run's")
        self._loader.validate_sweep_overrides_legal(parsed, RunMode.RUN, from_shell=True)
        options = [one for one in parsed if self._chooses(one)]
        claims = [one for one in options if self._is_claim(one)]
        options_of_runs = [one for one in options if one not in claims]
        key = tuple(str(one.input_line) for one in options_of_runs)
        if key not in self._bare:
            self._bare[key] = self._without_values(options_of_runs)
        bare, preset = self._bare[key]
        config = deepcopy(bare)
        for one in claims:
            self._merge(self._defaults(f"claim/{one.value()}", []), config)
        values = [one for one in parsed if one not in options and not one.is_hydra_override()]
        ConfigLoaderImpl._apply_overrides_to_config(values, config)
        OmegaConf.set_struct(config, False)
        OmegaConf.copy_cache(from_config=self._master, to_config=config)  # one time of day for all runs
        return config, preset

    def _chooses(self, one: Override) -> bool:
        """Whether it chooses an option of a group, as Hydra tells it from one that sets a value."""
        return self._files.group_exists(one.key_or_group) and not isinstance(one.value(), dict)

    def _is_claim(self, one: Override) -> bool:
        """Whether it chooses one of the claims that there are: what it asks about is composed without it."""
        return one.key_or_group == "claim" and self._files.config_exists(f"claim/{one.value()}")

    def _without_values(self, options: list[Override]) -> tuple[DictConfig, str]:
        found = self._defaults(self._name, options)
        config = OmegaConf.create()
        self._merge(found, config)
        config.pop("hydra", None)
        OmegaConf.set_struct(config, True)
        return config, found.overrides.known_choices.get("experiment") or "none"

    def _defaults(self, name: str, options: list[Override]) -> defaults_list.DefaultsList:
        """The files that make the config ``name``."""
        with _interpolations_seldom():
            return defaults_list.create_defaults_list(
                self._files, name, options, prepend_hydra=name == self._name, skip_missing=False
            )

    def _merge(self, found: defaults_list.DefaultsList, config: DictConfig) -> None:
        """Merge those files into ``config``, Hydra's own aside."""
        for part in found.defaults:
            if not (part.config_path or "").startswith("hydra/"):
                loaded = self._loader._load_single_config(part, self._files)
                try:
                    with open_dict(config):
                        config.merge_with(loaded.config)
                except OmegaConfBaseException as error:
                    kind = type(error).__name__
                    raise ConfigCompositionException(
                        f"In '{part.config_path}': {kind} raised while composing config:\n{error}"
                    ) from error


@contextmanager
def _interpolations_seldom() -> Iterator[None]:
    """Have Hydra list all choices for a file whose defaults refer to one (``data: ${model}``), not for each.

    That list is a config, and was a quarter of the time that it takes to find out which files make a run.
    """
    whole = defaults_list._create_interpolation_map

    def where_needed(overrides, defaults, self_added):
        needed = any(one.is_interpolation() for one in defaults)
        return whole(overrides, defaults, self_added) if needed else None

    defaults_list._create_interpolation_map = where_needed
    try:
        yield
    finally:
        defaults_list._create_interpolation_map = whole
