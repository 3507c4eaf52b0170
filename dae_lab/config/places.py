"""Where things are, and what Hydra is told of this machine: the YAML files, the store of runs."""

import sys
from pathlib import Path

from omegaconf import OmegaConf

from dae_lab.provenance import computes_bfloat16

PACKAGE = Path(__file__).resolve().parents[1]


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
    launchers = str(PACKAGE / "sweep" / "plugins")
    if launchers not in sys.path:
        sys.path.append(launchers)
    OmegaConf.register_new_resolver("dae_lab.store", lambda: str(store_folder()), replace=True)
    OmegaConf.register_new_resolver("dae_lab.quick_precision", quick_precision, replace=True)


def quick_precision() -> str:
    """The ``training.precision`` in which this machine's processor is quickest."""
    return "mixed_bfloat16" if computes_bfloat16() else "float32"
