"""Composes the configs of runs by Hydra's public calls, once for each choice of the groups' options."""

from copy import deepcopy
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, OverrideType
from hydra.errors import ConfigCompositionException
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from dae_lab.config.error_messages import explain_error
from dae_lab.config.outside import choices, outside_files
from dae_lab.config.validate import validate
from dae_lab.errors import ConfigError
from dae_lab.provenance import config_text
from dae_lab.sweep.hydra_jobs import HydraJobs
from dae_lab.sweep.tasks import identity_text, task_identity

if TYPE_CHECKING:
    from dae_lab.config.run import Config
    from dae_lab.sweep.job import Logging
    from dae_lab.training.precision import Measurement


@dataclass(frozen=True)
class Composed:
    """One run as Hydra composed it: the overrides that made it, the preset chosen, and the config.

    checked: what ``validate`` makes of the config, where it has been done: for many seeds of one arm once.
    measurement: what decided its precision, where that was measured.
    logging, config_files: see ``dae_lab.sweep.job.Job``.
    """

    overrides: list[str]
    preset: str
    config: DictConfig
    checked: "Config | None" = None
    measurement: "Measurement | None" = None
    logging: "Logging | None" = None
    config_files: str = ""


class Composer:
    """Composes the runs of one command.

    Hydra takes 0.1 s for a config. The files that make it depend on the groups' options alone, so it is
    composed once for each choice of options, and values are set on copies, before they are resolved.

    Args:
        loader: Hydra's config loader of this command.
        master: the config that all runs share, with its node ``hydra``.
    """

    def __init__(self, loader: ConfigLoader, master: DictConfig) -> None:
        self._loader, self._master = loader, master
        self._parser = OverridesParser.create(config_loader=loader)
        self._hydra_jobs = HydraJobs(loader, master)
        self._logging: Logging | None = None
        self._composed: dict[tuple[str, ...], tuple[DictConfig, str]] = {}  # by the overrides
        self._files: dict[tuple[str, ...], str] = {}  # by the overrides that may choose files

    def compose(self, overrides: list[str], number: int | None = None) -> Composed:
        """Compose one run.

        Args:
            overrides: the run's.
            number: of Hydra's job; None for a run of a claim, which logs as the claim, itself a job, does.

        Raises:
            ConfigError: Hydra cannot compose it.
        """
        try:
            config, preset = self.load(overrides)
            if number is not None and self._hydra_jobs.needed_for(config):
                config, self._logging = self._hydra_jobs.prepare(overrides, number)
        except Exception as error:
            if (message := explain_error(error)) is None:
                raise
            raise ConfigError(message) from error
        return Composed(overrides, preset, config, logging=self._logging, config_files=self._texts(overrides))

    def task(self, overrides: list[str]) -> str | None:
        """The task of a run, see ``dae_lab.sweep.tasks``; None for a run that is refused."""
        try:
            config = validate(self.load(overrides)[0])
        except Exception as error:
            if isinstance(error, ConfigError) or explain_error(error) is not None:
                return None
            raise
        return identity_text(task_identity(asdict(config), config.sweep.metric))

    def load(self, overrides: list[str]) -> tuple[DictConfig, str]:
        """The config of a run, without the node ``hydra``, and the option of the group ``experiment``.

        Equal overrides give the same object.

        Raises:
            Exception: Hydra's, for what cannot be composed.
        """
        key = tuple(overrides)
        if key not in self._composed:
            self._composed[key] = self._load(overrides)
        return self._composed[key]

    def _load(self, overrides: list[str]) -> tuple[DictConfig, str]:
        parsed = self._parser.parse_overrides(overrides)
        for override in parsed:
            if override.is_hydra_override():
                raise ConfigCompositionException(f"{override.key_or_group} is the command's own, not a run's")
        values = [override for override in parsed if _sets_value(override)]
        options = [override for override in parsed if override not in values]
        if not values or not all(_chooses_option(override) for override in options):
            return self._load_whole(overrides)
        shared, preset = self.load([str(override.input_line) for override in options])
        config = deepcopy(shared)
        OmegaConf.set_struct(config, True)
        try:
            for override in values:
                OmegaConf.update(config, override.key_or_group, override.value(), merge=True)
        except OmegaConfBaseException:
            return self._load_whole(overrides)  # Hydra says what is wrong
        OmegaConf.set_struct(config, False)
        return config, preset

    def _load_whole(self, overrides: list[str]) -> tuple[DictConfig, str]:
        config = self._loader.load_sweep_config(self._master, overrides)
        preset = config.hydra.runtime.choices.get("experiment") or "none"
        with open_dict(config):
            del config["hydra"]
        OmegaConf.set_struct(config, False)
        return config, preset

    def _texts(self, overrides: list[str]) -> str:
        """Names and contents of the config files of a run that are not of the package."""
        hydra: list[str] = OmegaConf.to_container(self._master.hydra.overrides.hydra, resolve=False)  # type: ignore[assignment]
        options = (*hydra, *choices(overrides))
        if options not in self._files:
            files = outside_files(self._loader, self._master.hydra, options)
            self._files[options] = config_text(files)
        return self._files[options]


def _sets_value(override: Override) -> bool:
    """Whether it is as plain as ``training.epochs=3`` or ``seed=1``: it chooses no option of a group."""
    key = override.key_or_group
    plain = override.type == OverrideType.CHANGE and override.package is None
    return plain and not override.is_sweep_override() and ("." in key or key == "seed")


def _chooses_option(override: Override) -> bool:
    """Whether it may choose an option of a group, so that its place among the overrides does not matter."""
    chooses = override.type in (OverrideType.CHANGE, OverrideType.ADD) and "." not in override.key_or_group
    return chooses and isinstance(override.value(), str)
