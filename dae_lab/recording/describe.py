"""What a run is, recorded before it starts."""

import logging
from collections.abc import Mapping
from dataclasses import asdict

from omegaconf import OmegaConf

from dae_lab import provenance
from dae_lab.config.run import Config
from dae_lab.data.images import Dataset
from dae_lab.tracking.record import Record

log = logging.getLogger(__name__)


def describe(
    record: Record, config: Config, dataset: Dataset, counts: dict[str, int], diff: str
) -> dict[str, str]:
    """Record config, data, model and machine; gives what of it is no config key, by name.

    Args:
        counts: how many parameters the model and its parts have.
        diff: uncommitted changes of the code, empty where there are none.
    """
    plain = asdict(config)
    facts = {
        "data/fingerprint": dataset.fingerprint,
        "data/source": dataset.source,
        **_about_classes(dataset),
        **({"data/warnings": "; ".join(dataset.warnings)} if dataset.warnings else {}),
        **{f"model/{key}": str(value) for key, value in counts.items()},
        **{f"machine/{key}": value for key, value in provenance.machine().items()},
    }
    record.params({**flattened(plain), **facts})
    parts = {"train": dataset.train, "validation": dataset.validation, "test": dataset.test}
    sizes = {name: len(images) for name, images in parts.items()}
    record.dataset(dataset.name, dataset.fingerprint, dataset.source, sizes)
    record.text(OmegaConf.to_yaml(OmegaConf.create(plain)), "config.yaml")
    packages = provenance.packages()
    record.text("".join(f"{name}=={version}\n" for name, version in packages.items()), "packages.txt")
    if diff:
        record.text(diff + "\n", "uncommitted.diff")
    return facts


def describe_resumption(record: Record, facts: Mapping[str, str], epochs: int) -> None:
    """Say in the record if a run goes on with other threads or another processor than it began with.

    The tag ``resumed_on`` lists the differences, and ``machine/threads/after_epoch_3`` is a param beside
    ``machine/threads``.

    Args:
        facts: what ``describe`` gives.
        epochs: how many are done.
    """
    began = record.settings
    changed = {key: facts[key] for key in facts if key.startswith("machine/") and began[key] != facts[key]}
    earlier = record.tags.get("resumed_on", "")
    if not changed and not earlier:
        return
    now = ", ".join(f"{key} {value} (began with {began[key]})" for key, value in changed.items())
    record.tag(
        "resumed_on", "; ".join(filter(None, [earlier, f"after epoch {epochs}: {now or 'as it began'}"]))
    )
    record.params({f"{key}/after_epoch_{epochs}": value for key, value in changed.items()})
    log.warning(
        "the run was begun on another machine or with other threads, so its last digits are not those of an "
        "uninterrupted one (%s); tracking.reuse=never trains it again from the start",
        record.tags["resumed_on"],
    )


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
