"""What Hydra gives each job of a sweep: an output folder, a log, and values for ``${hydra:job.num}``."""

from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from hydra.core.config_loader import ConfigLoader
from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import run_job
from hydra.types import HydraContext
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from dae_lab.config.callback import remove_credentials
from dae_lab.errors import ConfigError
from dae_lab.paths import conf_folder

if TYPE_CHECKING:
    from dae_lab.sweep.job import Logging


@dataclass
class HydraJobs:
    """Prepares jobs as Hydra's own launcher does.

    To compose Hydra's part of a config takes a tenth of a second a job, so it is done only where the command
    line or a config asks for something that depends on it.

    Attributes:
        loader: Hydra's config loader of this command.
        master: the config that all jobs of the command share, with its node ``hydra``.
    """

    loader: ConfigLoader
    master: DictConfig

    def __post_init__(self) -> None:
        hydra: Any = OmegaConf.to_container(self.master.hydra, resolve=False)
        default = OmegaConf.load(conf_folder() / "hydra" / "job_logging" / "plain.yaml")
        self._has_logging = bool(hydra["verbose"]) or hydra["job_logging"] != OmegaConf.to_container(default)
        self._has_folders = hydra["sweep"]["subdir"] != "." or hydra["output_subdir"] is not None

    def needed_for(self, config: DictConfig) -> bool:
        """Whether a job with this config is to be prepared.

        Args:
            config: the job's, without the node ``hydra``, not resolved.
        """
        return self._has_folders or self._has_logging or "${hydra:" in str(config)

    def prepare(self, overrides: list[str], number: int) -> "tuple[DictConfig, Logging | None]":
        """Make the output folder of a job, with its files, and resolve its config.

        Args:
            overrides: the job's.
            number: its number in the sweep, 0 first, the value of ``hydra.job.num``.

        Returns:
            The config, without the node ``hydra``; and how the job logs, None for the default.

        Raises:
            Exception: Hydra's or OmegaConf's, for what cannot be composed or resolved; OSError for a folder
                that cannot be made.
        """
        config = self.loader.load_sweep_config(self.master, overrides)
        remove_credentials(config)  # before it is written
        with open_dict(config):
            config.hydra.job.id, config.hydra.job.num = str(number), number
        job = run_job(
            task_function=_resolve,
            config=config,
            job_dir_key="hydra.sweep.dir",
            job_subdir_key="hydra.sweep.subdir",
            hydra_context=HydraContext(self.loader, _NO_CALLBACKS),
            configure_logging=False,
        )
        logging = job.return_value
        if isinstance(logging, Exception):
            raise logging
        assert isinstance(job.cfg, DictConfig)
        return job.cfg, logging if self._has_logging else None


_NO_CALLBACKS: Any = SimpleNamespace(on_job_start=lambda **_: None, on_job_end=lambda **_: None)
"""In the place of the user's callbacks: a job is prepared here, not done."""


def _resolve(config: DictConfig) -> "Logging | Exception":
    """Resolve ``config`` in place, while Hydra knows the job; gives how the job logs, or what went wrong.

    Of an error that is raised Hydra would print the job's overrides.
    """
    hydra = HydraConfig.get()
    try:
        OmegaConf.resolve(config)
        log_config = OmegaConf.to_container(hydra.job_logging, resolve=True)
    except OmegaConfBaseException as error:
        return error
    verbose = hydra.verbose
    verbose_config = OmegaConf.to_container(verbose) if OmegaConf.is_list(verbose) else verbose
    return {"log_config": log_config, "verbose_config": verbose_config}


def shared_environment(hydra: DictConfig) -> dict[str, str]:
    """``hydra.job.env_set``: environment variables that the jobs of a sweep run with.

    Raises:
        ConfigError: a value depends on the job, but a worker process does several.
    """
    given: Any = OmegaConf.to_container(hydra.job.env_set, resolve=False)
    for name, value in given.items():
        if "${" in str(value).replace("${oc.env:", ""):
            raise ConfigError(
                f"hydra.job.env_set.{name}: the runs of a sweep share one environment; give a value without "
                f"{value}"
            )
    return {name: str(value) for name, value in hydra.job.env_set.items()}
