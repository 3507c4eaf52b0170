"""One run, told as a story: data → model → training → evaluation → record."""

import logging
from dataclasses import dataclass

import numpy as np
from omegaconf import OmegaConf

from dae_lab import provenance
from dae_lab.config.construct import construct
from dae_lab.config.fingerprint import fingerprint
from dae_lab.config.run import Config
from dae_lab.config.validate import check_shapes, check_validation
from dae_lab.data.images import Dataset
from dae_lab.tracking.record import Record
from dae_lab.tracking.store import Store

log = logging.getLogger(__name__)

FEW = 10
"""Test images below which a score says next to nothing."""


@dataclass(frozen=True)
class Result:
    """What a run ends with: its record, and for the model and each baseline the test metrics."""

    store: Store
    record: Record
    scores: dict[str, dict[str, float]]
    test_images: int


def run(config: Config, label: str = "", preset: str = "none") -> Result:
    """Train and judge what ``config`` describes, and record it.

    What a person can get wrong (data, shapes, store) is looked at before TensorFlow is imported, so
    that nobody waits for a refusal.

    Args:
        config: a validated config.
        label: becomes part of the run's name.
        preset: the option of the group ``experiment`` that was chosen, for a tag.

    Raises:
        UserError: data missing or broken, shapes that do not fit, a store out of reach, a loss that
            is no longer finite.
    """
    dataset: Dataset = construct(config.data)
    check_shapes(config, dataset.train.shape)
    check_validation(config, len(dataset.validation))
    _say_what_is_seen(dataset)
    store = Store(config.tracking)
    identity = fingerprint(config, dataset.fingerprint, provenance.code_fingerprint())
    code = provenance.git()
    tags = {"seed": str(config.seed), "experiment": preset}
    if code:
        tags |= {"mlflow.source.git.commit": code["commit"], "mlflow.source.git.branch": code["branch"]}
    name = f"{config.name} seed {config.seed} {label}".strip()
    with store.record(name, identity, tags) as record:
        scores = _train_and_evaluate(config, dataset, record, code.get("diff", ""))
    return Result(store, record, scores, len(dataset.test[: config.evaluation.limit]))


def _train_and_evaluate(
    config: Config, dataset: Dataset, record: Record, diff: str
) -> dict[str, dict[str, float]]:
    from dae_lab.startup import import_tensorflow

    import_tensorflow()
    from dae_lab import baselines, evaluation, recording
    from dae_lab.model.autoencoder import build, has_own_layers, parameter_counts
    from dae_lab.training import fit, profile
    from dae_lab.training.callbacks import need_finite

    fit.set_up(config)
    corruption = construct(config.noise)
    mean_pixel = baselines.mean_image(dataset.train.pixels).mean(axis=(0, 1))
    model = build(config, dataset.train.shape, mean_pixel)
    _describe(config, dataset, record, diff, parameter_counts(model))

    noisy_test, test = evaluation.evaluation_set(dataset.test, corruption, config)
    validation = evaluation.evaluation_set(dataset.validation, corruption, config)
    history = fit.prepare(model, dataset.train, config, record.checkpoints)
    grid = recording.Grid(model, noisy_test, test, config.tracking.grid_images)
    if history:
        log.info("going on after epoch %d of %d", len(history), config.training.epochs)
    elif config.tracking.grids:
        record.picture_at(grid.draw(), "reconstructions", 0)
    epochs = recording.grid_epochs(config.training.epochs, config.tracking.grids)
    listeners = [recording.Recorder(record, history, grid, epochs)]
    if config.training.profile:
        listeners.append(profile.Profile())
    fit.fit(model, dataset.train, validation, corruption, config, record.checkpoints, history, listeners)
    if config.training.profile:
        record.text(listeners[-1].table, "profile.txt")
        log.info("where the time went:\n%s", listeners[-1].table)

    scores = evaluation.score(model.denoiser, noisy_test, test, dataset, config)
    need_finite(scores["model"], "on the test images")
    for name, values in scores.items():
        prefix = "test" if name == "model" else f"baseline/{name}"
        record.metrics({f"{prefix}/{key}": value for key, value in values.items()}, step=0)
    record.describe(summary_markdown(scores))
    record.picture(grid.draw(), "reconstructions.png")
    if config.tracking.log_model:
        example = model.denoiser(noisy_test[:1], training=False)
        record.model(model.denoiser, noisy_test[:1], np.asarray(example), portable=not has_own_layers(model))
    return scores


def _say_what_is_seen(dataset: Dataset) -> None:
    """How many images there are, and whether they are enough to judge by."""
    train, validation, test = len(dataset.train), len(dataset.validation), len(dataset.test)
    log.info("data: %s: %d to train, %d to validate, %d to test", dataset.source, train, validation, test)
    if test < FEW:
        log.warning("%d test images are too few to judge a model by", test)


def _describe(config: Config, dataset: Dataset, record: Record, diff: str, counts: dict[str, int]) -> None:
    """Record what the run is, before it starts."""
    resolved = OmegaConf.structured(config)
    record.params(
        {
            **flattened(OmegaConf.to_container(resolved)),
            "data/fingerprint": dataset.fingerprint,
            "data/source": dataset.source,
            **{f"model/{key}": value for key, value in counts.items()},
            "machine/cpu": provenance.cpu(),
            "machine/gpu": provenance.gpus(),
        }
    )
    parts = {"train": dataset.train, "validation": dataset.validation, "test": dataset.test}
    sizes = {name: len(images) for name, images in parts.items()}
    record.dataset(dataset.name, dataset.fingerprint, dataset.source, sizes)
    record.text(OmegaConf.to_yaml(resolved), "config.yaml")
    record.text(
        "".join(f"{name}=={version}\n" for name, version in provenance.packages().items()), "packages.txt"
    )
    if diff:
        record.text(diff + "\n", "uncommitted.diff")


def summary_markdown(scores: dict[str, dict[str, float]]) -> str:
    """The scores as a table, for the run's description."""
    names = list(scores["model"])
    lines = [f"| test images | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    for row, values in scores.items():
        lines.append(f"| {row.replace('_', ' ')} | {' | '.join(f'{values[name]:.4f}' for name in names)} |")
    return "\n".join(lines)


def flattened(tree: object, path: str = "") -> dict[str, object]:
    """``{"a": {"b": 1}}`` → ``{"a.b": 1}``; lists stay whole."""
    if not isinstance(tree, dict) or not tree:
        return {path: tree}
    return {
        key: value
        for name, branch in tree.items()
        for key, value in flattened(branch, f"{path}.{name}" if path else str(name)).items()
    }
