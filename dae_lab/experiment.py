"""One run, told as a story: data → model → training → evaluation → record."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dae_lab import provenance
from dae_lab.config.construct import construct
from dae_lab.config.fingerprint import fingerprint, workload
from dae_lab.config.run import Config
from dae_lab.config.validate import check_shapes, check_validation
from dae_lab.data.images import FEW, Dataset
from dae_lab.errors import TrainingError
from dae_lab.tracking.record import Record
from dae_lab.tracking.recorded import Recorded
from dae_lab.tracking.store import Store

if TYPE_CHECKING:  # these import TensorFlow, which has to wait until the mistakes have been found
    from dae_lab.evaluation.evaluate import Evaluation
    from dae_lab.model.autoencoder import Autoencoder
    from dae_lab.noise import Corruption
    from dae_lab.training.checkpoint import History
    from dae_lab.training.fit import NoisySet
    from dae_lab.training.watch import Watch

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Result:
    """What a run ends with: its record, and what its model is worth; whether there is a report page.

    evaluation: None where the run was not trained now, because it had finished before.
    """

    store: Store
    record: Recorded
    evaluation: "Evaluation | None"
    report: bool

    @property
    def reused(self) -> bool:
        """Whether nothing was trained."""
        return self.evaluation is None


def run(
    config: Config, label: str = "", preset: str = "none", tags: Mapping[str, str] | None = None
) -> Result:
    """Train and judge what ``config`` describes, and record it, unless that was done before.

    What a person can get wrong (data, shapes, store) is looked at before TensorFlow is imported, so
    that nobody waits for a refusal.

    Args:
        config: a validated config.
        label: becomes part of the run's name.
        preset: the option of the group ``experiment`` that was chosen, for a tag.
        tags: more tags, by name.

    Raises:
        UserError: data missing or broken, shapes that do not fit, a store out of reach, a loss that
            is no longer finite, a collapse under ``training.on_collapse=stop``.
    """
    dataset = loaded(config)
    own = identity(config, dataset)
    _say_what_is_seen(dataset)
    store = Store(config.tracking)
    afresh = config.tracking.reuse == "never"
    with store.turn(own):
        done = None if afresh else store.finished(own)
        if done:
            return Result(store, done, None, config.evaluation.report)
        code = provenance.git()
        known = {"seed": str(config.seed), "experiment": preset, "workload": workload(config), **(tags or {})}
        if code:
            known |= {"mlflow.source.git.commit": code["commit"], "mlflow.source.git.branch": code["branch"]}
        name = f"{config.name} seed {config.seed} {label}".strip()
        with store.record(name, own, known, afresh) as record:
            found = _train_and_evaluate(config, dataset, record, code.get("diff", ""))
    return Result(store, record, found, config.evaluation.report)


def loaded(config: Config) -> Dataset:
    """The data of a run.

    Raises:
        UserError: they are missing or broken.
    """
    dataset: Dataset = construct(config.data)
    return dataset


def identity(config: Config, dataset: Dataset) -> str:
    """The fingerprint of a run on these data.

    Raises:
        ConfigError: the images do not fit the network, or are not enough for what is asked.
    """
    check_shapes(config, dataset.train.shape)
    check_validation(config, len(dataset.validation))
    return fingerprint(config, dataset.fingerprint, provenance.code_fingerprint())


def _train_and_evaluate(config: Config, dataset: Dataset, record: Record, diff: str) -> "Evaluation":
    from dae_lab.startup import import_tensorflow

    import_tensorflow()
    from dae_lab.baselines.trivial import mean_image
    from dae_lab.evaluation.evaluate import evaluate
    from dae_lab.evaluation.sets import evaluation_set
    from dae_lab.model.autoencoder import build, parameter_counts
    from dae_lab.recording.describe import describe
    from dae_lab.recording.results import keep, record_evaluation
    from dae_lab.training import fit
    from dae_lab.training.callbacks import need_finite
    from dae_lab.training.watch import IMAGES, Watch

    fit.set_up(config)
    corruption = construct(config.noise)
    mean = mean_image(dataset.train.pixels)
    model = build(config, dataset.train.shape, mean.mean(axis=(0, 1)))
    facts = describe(record, config, dataset, parameter_counts(model), diff)
    parts = (dataset.test, dataset.validation, dataset.train[:IMAGES])
    test, validation, looked_at = (evaluation_set(part, corruption, config) for part in parts)

    history = fit.prepare(model, dataset.train, config, record.checkpoints)
    watch = Watch(looked_at, mean, history, stop=config.training.on_collapse == "stop")
    _train(model, dataset, corruption, config, test, validation, record, history, watch)

    trajectory = record.curve("val/mse")
    found = evaluate(model, dataset, corruption, config, test, validation, trajectory, mean)
    need_finite(found.scores["model"], "on the test images")
    record_evaluation(record, found)
    keep(record, config, model, found, history, trajectory, facts)
    if watch.stuck and watch.stop:
        raise TrainingError(f"{watch.stuck.sentence()}; training was stopped (training.on_collapse=stop)")
    return found


def _train(
    model: "Autoencoder",
    dataset: Dataset,
    corruption: "Corruption",
    config: Config,
    test: "NoisySet",
    validation: "NoisySet",
    record: Record,
    history: "History",
    watch: "Watch",
) -> None:
    """Train ``model`` for what ``history`` lacks, and record how it goes."""
    from dae_lab.recording.recorder import Grid, Recorder, grid_epochs
    from dae_lab.training import fit, profile

    grid = Grid(model, *test, config.tracking.grid_images)
    if history:
        log.info("going on after epoch %d of %d", len(history), config.training.epochs)
    else:
        record.metrics(fit.untrained(model, validation, config), step=0)
        if config.tracking.grids:
            record.picture_at(grid.draw(), "reconstructions", 0)
    epochs = grid_epochs(config.training.epochs, config.tracking.grids)
    listeners: list[Any] = [watch, Recorder(record, history, grid, epochs)]
    if config.training.profile:
        listeners.append(profile.Profile())
    fit.fit(model, dataset.train, validation, corruption, config, record.checkpoints, history, listeners)
    record.picture(grid.draw(), "reconstructions.png")
    if config.training.profile:
        record.text(listeners[-1].table, "profile.txt")
        log.info("where the time went:\n%s", listeners[-1].table)


def _say_what_is_seen(dataset: Dataset) -> None:
    """How many images there are, and whether they are enough to judge by."""
    train, validation, test = len(dataset.train), len(dataset.validation), len(dataset.test)
    log.info("data: %s: %d to train, %d to validate, %d to test", dataset.source, train, validation, test)
    if test < FEW:
        log.warning("%d test images are too few to judge a model by", test)
