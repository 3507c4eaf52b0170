"""The default store of runs, and what dae_lab registers with Hydra and OmegaConf."""

import sys
from pathlib import Path

from omegaconf import OmegaConf

from dae_lab.config.server import default_experiment, default_server
from dae_lab.environment import unset_blank
from dae_lab.paths import PACKAGE, conf_folder


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
