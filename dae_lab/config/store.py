"""Hands the schemas to Hydra: every option of ``conf/`` opens with one of them."""

from pathlib import Path

from hydra.core.config_store import ConfigStore
from omegaconf import OmegaConf

from dae_lab.config import data, decoder, encoder, latent, loss, noise, optimizer, run

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
    """Register every schema and the resolver ``${dae_lab.store:}``; harmless when done twice."""
    groups: dict[str, dict[str, type]] = {
        "data": data.SCHEMAS,
        "noise": noise.SCHEMAS,
        "encoder": encoder.SCHEMAS,
        "latent": latent.SCHEMAS,
        "decoder": decoder.SCHEMAS,
        "decoder/output": {"conv": decoder.ConvOutput, "dense": decoder.DenseOutput},
        "loss": loss.SCHEMAS,
        "optimizer": optimizer.SCHEMAS,
        "optimizer/schedule": {"schedule": optimizer.Schedule},
        "training": {"default": run.Training},
        "evaluation": {"default": run.Evaluation},
        "tracking": {"default": run.Tracking},
    }
    store = ConfigStore.instance()
    for group, schemas in groups.items():
        for name, schema in schemas.items():
            store.store(group=f"schema/{group}", name=name, node=schema)
    store.store(group="schema", name="run", node=run.Config)
    OmegaConf.register_new_resolver("dae_lab.store", lambda: str(store_folder()), replace=True)
