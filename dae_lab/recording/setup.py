"""The setup of a run, recorded before it trains: config, data, model, machine, packages."""

import logging
from collections.abc import Mapping
from dataclasses import asdict

from omegaconf import OmegaConf

from dae_lab import provenance
from dae_lab.config.run import Config
from dae_lab.data.images import Dataset
from dae_lab.tracking.writer import RunWriter

log = logging.getLogger(__name__)


def record_setup(
    record: RunWriter, config: Config, dataset: Dataset, counts: Mapping[str, int], diff: str
) -> dict[str, str]:
    """Record what is run.

    Args:
        counts: how many parameters the model and its parts have.
        diff: uncommitted changes of the code; empty if there are none.

    Returns:
        the recorded params that are no keys of the config, by name.
    """
    plain = asdict(config)
    facts = {
        "data/fingerprint": dataset.fingerprint,
        "data/source": dataset.source,
        **_class_names(dataset),
        **({"data/warnings": "; ".join(dataset.warnings)} if dataset.warnings else {}),
        **{f"model/{key}": str(value) for key, value in counts.items()},
        **{f"machine/{key}": value for key, value in provenance.machine().items()},
    }
    record.log_params({**flatten(plain), **facts})
    parts = {"train": dataset.train, "validation": dataset.validation, "test": dataset.test}
    sizes = {name: len(images) for name, images in parts.items()}
    record.log_dataset(dataset.name, dataset.fingerprint, dataset.source, sizes)
    record.log_text(OmegaConf.to_yaml(OmegaConf.create(plain)), "config.yaml")
    packages = provenance.packages()
    record.log_text("".join(f"{name}=={version}\n" for name, version in packages.items()), "packages.txt")
    if diff:
        record.log_text(diff + "\n", "uncommitted.diff")
    return facts


def record_resumption(record: RunWriter, facts: Mapping[str, str], epochs: int) -> None:
    """Record that a run is resumed with other threads or on another processor than it began with.

    The tag ``resumed_on`` lists the differences; the param ``machine/threads/after_epoch_3`` is added to
    ``machine/threads``.

    Args:
        facts: what ``record_setup`` has returned.
        epochs: how many the run has done.
    """
    first = record.params
    changed = {key: facts[key] for key in facts if key.startswith("machine/") and first[key] != facts[key]}
    earlier = record.tags.get("resumed_on", "")
    if not changed and not earlier:
        return
    listed = ", ".join(f"{key} {value} (began with {first[key]})" for key, value in changed.items())
    entry = f"after epoch {epochs}: {listed or 'as it began'}"
    record.set_tag("resumed_on", "; ".join(filter(None, [earlier, entry])))
    record.log_params({f"{key}/after_epoch_{epochs}": value for key, value in changed.items()})
    log.warning(
        "the run was begun on another machine or with other threads, so its last digits are not those of an "
        "uninterrupted one (%s); tracking.reuse=never trains it again from the start",
        record.tags["resumed_on"],
    )


def _class_names(dataset: Dataset) -> dict[str, str]:
    """Return the classes' names by number, if they have names: metrics are recorded by number."""
    names = enumerate(dataset.train.class_names)
    listed = ", ".join(f"{number} = {name}" for number, name in names)
    return {"data/classes": listed} if listed else {}


def flatten(tree: object, path: str = "") -> dict[str, object]:
    """Return a tree of dicts as one dict with dotted keys; lists stay whole.

    >>> flatten({"a": {"b": 1}})
    {'a.b': 1}
    """
    if not isinstance(tree, dict) or not tree:
        return {path: tree}
    return {
        key: value
        for name, branch in tree.items()
        for key, value in flatten(branch, f"{path}.{name}" if path else str(name)).items()
    }
