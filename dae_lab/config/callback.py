"""What Hydra calls before it writes a config to disk."""

from typing import Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf

from dae_lab.addresses import printable_address
from dae_lab.config.server import adopt_credentials


class CredentialsCallback(Callback):
    """Takes user name and password out of a ``tracking.uri`` that a config file gives, mistyped or not."""

    def on_run_start(self, config: DictConfig, **kwargs: Any) -> None:
        remove_credentials(config)

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        remove_credentials(config)


def remove_credentials(config: DictConfig) -> None:
    """Move user name and password of the key ``tracking.uri`` to MLflow's variables of this process."""
    plain: Any = OmegaConf.to_container(config.tracking, resolve=False)
    address = plain.get("uri")
    if isinstance(address, str) and "@" in address and "${" not in address:
        clean = adopt_credentials(address)
        config.tracking.uri = printable_address(clean) if "@" in clean else clean
