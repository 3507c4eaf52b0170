"""What a run is, recorded before it starts."""

from omegaconf import OmegaConf

from dae_lab import provenance
from dae_lab.config.run import Config
from dae_lab.data.images import Dataset
from dae_lab.environment import kernel_settings
from dae_lab.tracking.record import Record


def describe(
    record: Record, config: Config, dataset: Dataset, counts: dict[str, int], diff: str
) -> dict[str, str]:
    """Record config, data, model and machine; gives what of it is no config key, by name.

    Args:
        counts: how many parameters the model and its parts have.
        diff: uncommitted changes of the code, empty where there are none.
    """
    resolved = OmegaConf.structured(config)
    facts = {
        "data/fingerprint": dataset.fingerprint,
        "data/source": dataset.source,
        **_about_classes(dataset),
        **({"data/warnings": "; ".join(dataset.warnings)} if dataset.warnings else {}),
        **{f"model/{key}": str(value) for key, value in counts.items()},
        "machine/cpu": provenance.cpu(),
        "machine/gpu": provenance.gpus(),
        "machine/threads": str(provenance.threads()),
        "machine/onednn": str(provenance.onednn()).lower(),
        **{f"machine/{name}": value for name, value in kernel_settings().items()},
    }
    record.params({**flattened(OmegaConf.to_container(resolved)), **facts})
    parts = {"train": dataset.train, "validation": dataset.validation, "test": dataset.test}
    sizes = {name: len(images) for name, images in parts.items()}
    record.dataset(dataset.name, dataset.fingerprint, dataset.source, sizes)
    record.text(OmegaConf.to_yaml(resolved), "config.yaml")
    packages = provenance.packages()
    record.text("".join(f"{name}=={version}\n" for name, version in packages.items()), "packages.txt")
    if diff:
        record.text(diff + "\n", "uncommitted.diff")
    return facts


def _about_classes(dataset: Dataset) -> dict[str, str]:
    """The classes' names by number, where they have names: metrics are recorded by number."""
    names = enumerate(dataset.train.class_names)
    listed = ", ".join(f"{number} = {name}" for number, name in names)
    return {"data/classes": listed} if listed else {}


def flattened(tree: object, path: str = "") -> dict[str, object]:
    """``{"a": {"b": 1}}`` → ``{"a.b": 1}``; lists stay whole."""
    if not isinstance(tree, dict) or not tree:
        return {path: tree}
    return {
        key: value
        for name, branch in tree.items()
        for key, value in flattened(branch, f"{path}.{name}" if path else str(name)).items()
    }
