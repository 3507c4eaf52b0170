"""One run: data → model → training → evaluation → record."""

import logging
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from dae_lab import provenance
from dae_lab.config.fingerprint import fingerprint, kept, workload
from dae_lab.config.run import Config
from dae_lab.config.validate import check_shapes, check_validation
from dae_lab.data.images import Dataset
from dae_lab.environment import check_environment
from dae_lab.errors import ConfigError, TrainingError, UserError
from dae_lab.process import StopSignals
from dae_lab.startup import import_tensorflow
from dae_lab.tracking.reader import RunReader
from dae_lab.tracking.store import RunStore
from dae_lab.tracking.writer import RunWriter
from dae_lab.training import precision

if TYPE_CHECKING:  # these import TensorFlow, which has to wait until the mistakes have been found
    from dae_lab.evaluation.evaluate import Evaluation
    from dae_lab.evaluation.pairs import Pairs
    from dae_lab.model.autoencoder import Autoencoder
    from dae_lab.training.batches import TrainingData
    from dae_lab.training.checkpoint import History
    from dae_lab.training.collapse_monitor import CollapseMonitor

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Result:
    """What a run ends with: its record, and what its model is worth.

    evaluation: None where the run was not trained now, because it had finished before.
    """

    store: RunStore
    record: RunReader
    evaluation: "Evaluation | None"
    config: Config

    @property
    def reused(self) -> bool:
        """Whether nothing was trained."""
        return self.evaluation is None


def run(
    config: Config,
    title: str = "",
    preset: str = "none",
    tags: Mapping[str, str] | None = None,
    planned: str = "",
    measurement: precision.Measurement | None = None,
    config_files: str = "",
    store: RunStore | None = None,
    signals: StopSignals | None = None,
) -> Result:
    """Train and judge what ``config`` describes, and record it, unless that was done before.

    What a person can get wrong (data, shapes, store) is looked at before TensorFlow is imported, so
    that nobody waits for a refusal.

    Args:
        config: a validated config.
        title: what the run is called, its seed aside; empty: the config's name.
        preset: the option of the group ``experiment`` that was chosen, for a tag.
        tags: more tags, by name.
        planned: the fingerprint that the run was planned with, if it was.
        measurement: what decided the precision of a run that is part of a sweep, if it was measured.
        config_files: names and contents of the config files that are not of the package, see
            ``dae_lab.provenance.config_text``.
        store: of the command; None: it is opened.
        signals: the answers to signals of this process, if it has any.

    Raises:
        UserError: data missing or broken, shapes that do not fit, a store out of reach, a loss that
            is no longer finite, a collapse under ``training.on_collapse=stop``.
    """
    check_environment()
    _check_clock()
    dataset = loaded(config)
    check_shapes(config, dataset.train.shape)
    config, measured = precision.decide(config, dataset.train.shape)
    measurement = measured or measurement
    run_fingerprint = identity(config, dataset)
    if planned and run_fingerprint != planned:
        raise ConfigError(
            "the code, the packages, the data or the settings of TensorFlow in the environment are not those "
            "that this run was planned with: give the same command again"
        )
    _log_data(dataset)
    store = store or RunStore(config.tracking)
    reuse = config.tracking.reuse != "never"
    with store.exclusive(run_fingerprint):
        done = store.find_finished(run_fingerprint, kept(config)) if reuse else None
        if done:
            return Result(store, done, None, config)
        import_tensorflow()  # before there is a record: where this fails, nothing has begun
        code = provenance.git()
        diff = "\n".join(filter(None, [code.get("diff"), config_files]))
        known = {"seed": str(config.seed), "experiment": preset, "workload": workload(config), **(tags or {})}
        if measurement:
            known["precision"] = str(measurement)
            precision.warn_of_other_machine(measurement)
        if code:
            known |= {"mlflow.source.git.commit": code["commit"], "mlflow.source.git.branch": code["branch"]}
        name = f"{title or config.name} seed {config.seed}"  # the seed last: lists cut what is long
        try:
            stops = (signals or StopSignals()).told_from_errors()  # a run that was stopped has not failed
            with store.open_run(name, run_fingerprint, known, resume=reuse) as record, stops:
                evaluation = _train_and_evaluate(config, dataset, record, diff)
        except TrainingError as error:
            if error.evaluation is not None:
                error.result = Result(store, record, error.evaluation, config)
            raise
    return Result(store, record, evaluation, config)


def _check_clock() -> None:
    """Raise a UserError where checkpoints and models, which are ZIP files, could not be dated."""
    year = time.localtime().tm_year
    if not 1980 <= year <= 2107:
        raise UserError(f"this machine's clock says that it is the year {year}: set it, then train")


def loaded(config: Config) -> Dataset:
    """The data of a run.

    Raises:
        UserError: they are missing or broken.
    """
    dataset: Dataset = config.data.load()
    return dataset


def identity(config: Config, dataset: Dataset) -> str:
    """The fingerprint of a run on these data.

    Raises:
        ConfigError: the images do not fit the network, or are not enough for what is asked.
    """
    check_shapes(config, dataset.train.shape)
    check_validation(config, len(dataset.validation))
    return fingerprint(config, dataset.fingerprint, provenance.code_fingerprint())


@cache
def need_same_packages() -> None:
    """Check, once a process, that what was imported is what the fingerprint says.

    Raises:
        ConfigError: a package that computes was replaced meanwhile.
    """
    replaced = provenance.replaced_packages()
    if replaced:
        raise ConfigError(
            f"another version of {', '.join(replaced)} was installed since this command started: give the "
            "same command again"
        )


def _train_and_evaluate(config: Config, dataset: Dataset, record: RunWriter, diff: str) -> "Evaluation":
    from dae_lab.baselines.trivial import mean_image
    from dae_lab.evaluation.evaluate import evaluate
    from dae_lab.evaluation.pairs import Pairs, evaluation_pairs
    from dae_lab.model.autoencoder import build, parameter_counts
    from dae_lab.recording.model import record_model
    from dae_lab.recording.results import record_evaluation, record_figures
    from dae_lab.recording.setup import record_resumption, record_setup
    from dae_lab.training import fit
    from dae_lab.training.batches import TrainingData
    from dae_lab.training.collapse_monitor import MONITORED_IMAGES, CollapseMonitor

    need_same_packages()
    fit.set_determinism(config.training.deterministic)
    corruption = config.noise
    mean = mean_image(dataset.train.pixels)
    model = build(config, dataset.train.shape, mean.mean(axis=(0, 1)))
    facts = record_setup(record, config, dataset, parameter_counts(model), diff)
    pairs = Pairs.make(dataset, corruption, config.evaluation, config.seed)

    data = TrainingData(dataset.train, corruption, config.training, config.seed)
    model, history = fit.prepare(model, config, data.steps_per_epoch, record.checkpoints)
    if "resumed" in record.tags:
        record_resumption(record, facts, len(history))
    few = dataset.train[: min(MONITORED_IMAGES, config.training.batch_size)]
    examined = evaluation_pairs(few, corruption, config.seed)
    monitor = CollapseMonitor(examined, mean, stop=config.training.on_collapse == "stop")
    _train(model, data, pairs, config, record, history, monitor)
    if config.tracking.log_model:
        record_model(record, model, pairs.test[0][:1])  # first of all: whatever fails now, it is not lost

    trajectory = record.curve("val/mse")
    cut = fit.ends_within_epoch(model, data.steps_per_epoch)
    evaluation = evaluate(
        model,
        pairs,
        config.evaluation,
        asdict(config.noise),
        config.seed,
        trajectory[:-1] if cut else trajectory,
        data.steps_per_epoch,
        mean,
    )
    record_evaluation(record, evaluation)
    if config.tracking.log_model:
        record.log_model_scores()
    stopped = bool(monitor.stuck and monitor.stop) and (cut or len(history) < config.training.epochs)
    if config.evaluation.report:
        steps = f"{monitor.step:,} steps{', stopped by training.on_collapse' if stopped else ''}"
        record_figures(
            record, config, model, evaluation, history, trajectory, {**facts, "training/done": steps}
        )
    record.set_tag("kept", " ".join(kept(config)))
    _need_success(evaluation, monitor, stopped)
    return evaluation


def _train(
    model: "Autoencoder",
    data: "TrainingData",
    pairs: "Pairs",
    config: Config,
    record: RunWriter,
    history: "History",
    monitor: "CollapseMonitor",
) -> None:
    """Train ``model`` for what ``history`` lacks, and record how it goes."""
    from dae_lab.recording.recorder import ReconstructionGrid, TrainingRecorder, grid_epochs
    from dae_lab.training import fit, profile
    from dae_lab.training.batches import evaluation_batches

    grid = ReconstructionGrid(model, *pairs.test, config.tracking.grid_images)
    epochs = grid_epochs(config.training.epochs, config.tracking.grids)
    monitors: list[Any] = [monitor]
    if config.training.profile:
        monitors.append(profile.Profile())
    validation = evaluation_batches(*pairs.validation, config.evaluation.batch_size)
    with TrainingRecorder(record, history, grid, epochs) as recorder:
        if history:
            log.info("going on after epoch %d of %d", len(history), config.training.epochs)
        else:
            recorder.record_untrained(fit.evaluate_untrained(model, validation))
        fit.fit(model, data, validation, record.checkpoints, history, monitors, [recorder], recorder.flush)
    record.log_picture(grid.draw(grid.reconstruct()), "reconstructions.png")
    if config.training.profile:
        record.log_text(monitors[-1].table, "profile.txt")
        log.info("where the time went:\n%s", monitors[-1].table)


def _need_success(evaluation: "Evaluation", monitor: "CollapseMonitor", stopped: bool) -> None:
    """Raise a TrainingError for numbers that are not finite, or a stuck model where that ends a run."""
    from dae_lab.metrics import image_metrics
    from dae_lab.training.callbacks import check_finite

    check_finite(
        {metric.name: evaluation.scores["model"][metric.name] for metric in image_metrics()},
        "on the test images",
    )
    if not (monitor.stuck and monitor.stop):
        return
    what = evaluation.collapse.sentence() or monitor.stuck.sentence()
    ended = f"training was stopped at step {monitor.step}" if stopped else "found at the end of training"
    raise TrainingError(f"{what}; {ended} (training.on_collapse=stop)", evaluation)


def _log_data(dataset: Dataset) -> None:
    """Log how many images there are, and the warnings of their source."""
    train, validation, test = len(dataset.train), len(dataset.validation), len(dataset.test)
    log.info("data: %s: %d to train, %d to validate, %d to test", dataset.source, train, validation, test)
    for sentence in dataset.warnings:
        log.warning("%s", sentence)
