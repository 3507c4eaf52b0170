"""One training, from the first epoch or from the last checkpoint, to the end."""

from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import keras
import tensorflow as tf

from dae_lab import compat
from dae_lab.config.run import Config
from dae_lab.model.autoencoder import Autoencoder
from dae_lab.model.graph_cache import reuse_graphs
from dae_lab.training.batches import TrainingData, training_batches
from dae_lab.training.callbacks import (
    EpochTimer,
    HistoryRecorder,
    ProgressReporter,
    StopEarly,
    TerminateOnNonFinite,
    has_stalled,
)
from dae_lab.training.checkpoint import Checkpoint, History, restore


def prepare(model: Autoencoder, config: Config, steps: int, folder: Path) -> tuple[Autoencoder, History]:
    """Compile ``model`` and bring it to where the checkpoint in ``folder`` left off.

    Args:
        model: untrained.
        config: the run's; the graphs that are used again depend on most of it.
        steps: in an epoch.
        folder: of the run's checkpoints.

    Returns:
        ``model``, or one of an earlier run that takes its place, see ``dae_lab.model.graph_cache``; and the
        history of the epochs already done, empty for a new run.
    """
    model.compile(
        optimizer=config.optimizer.build(steps, config.training.epochs),
        steps_per_execution=largest_divisor(steps, config.training.steps_per_execution),
        jit_compile=False,  # measured: XLA does not pay on a CPU
    )
    model.optimizer.build(
        model.trainable_variables
    )  # a place for its state; and one trace of a step, not two
    model = reuse_graphs(model, config, steps)
    return model, restore(model, folder)


def evaluate_untrained(model: Autoencoder, validation: tf.data.Dataset | None) -> dict[str, float]:
    """The model's ``val/loss``, ``val/mse`` … before its first step; empty without validation images."""
    if validation is None:
        return {}
    logs = model.evaluate(validation, verbose=0, return_dict=True)
    return {f"val/{name}": float(value) for name, value in logs.items()}


def fit(
    model: Autoencoder,
    data: TrainingData,
    validation: tf.data.Dataset | None,
    folder: Path,
    history: History,
    monitors: Sequence[keras.callbacks.Callback] = (),
    recorders: Sequence[keras.callbacks.Callback] = (),
    before_checkpoint: Callable[[], None] = lambda: None,
) -> History:
    """Train ``model`` for the epochs that ``history`` lacks.

    Args:
        model: as ``prepare`` left it.
        data: the training images, and how they are trained on.
        validation: as ``evaluation_batches`` gives.
        folder: where checkpoints go.
        history: the epochs done so far; grows in place.
        monitors: callbacks that may write into the logs of an epoch that ends; their order does not matter.
        recorders: callbacks that find a whole epoch as ``history[-1]`` when it ends.
        before_checkpoint: what has to be done before a checkpoint is saved.

    Raises:
        TrainingError: the loss is no longer finite.
    """
    settings, steps = data.settings, data.steps_per_epoch
    if len(history) >= settings.epochs or (history and has_stalled(history, settings.early_stopping)):
        return history
    progress = ProgressReporter(history, settings.epochs, steps)
    with training_batches(data, first_epoch=len(history)) as batches, closing(progress):
        model.fit(
            batches,
            epochs=settings.epochs,
            initial_epoch=len(history),
            steps_per_epoch=steps,
            validation_data=validation,
            callbacks=[
                TerminateOnNonFinite(),
                EpochTimer(),
                *monitors,
                HistoryRecorder(history),
                *recorders,
                Checkpoint(folder, history, settings.checkpoint_s, before_checkpoint),
                StopEarly(history, settings.early_stopping),
                progress,
            ],
            shuffle=False,  # the batches come shuffled, by the run's seed
            verbose=0,
        )
    return history


def ends_within_epoch(model: Autoencoder, steps: int) -> bool:
    """Whether training was stopped before its last epoch was complete."""
    return bool(int(model.optimizer.iterations) % steps)


def largest_divisor(steps: int, limit: int) -> int:
    """The largest divisor of ``steps`` up to ``limit``: any other number would run past the epoch's end.

    >>> largest_divisor(469, 8), largest_divisor(32, 8), largest_divisor(31, 8)
    (7, 8, 1)
    """
    return max(number for number in range(1, min(steps, limit) + 1) if steps % number == 0)


def set_determinism(deterministic: bool) -> None:
    """Choose whether TensorFlow gives the same bits for the same seed, for the whole process."""
    if deterministic:
        tf.config.experimental.enable_op_determinism()
    else:
        compat.disable_op_determinism()  # an earlier run of this process may have switched it on
