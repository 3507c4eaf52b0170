"""One training, from the first epoch or from the last checkpoint, to the end."""

from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import keras
import tensorflow as tf
from tensorflow.python.framework import config as tf_config

from dae_lab.config.run import Config
from dae_lab.data.images import Images, NoisySet
from dae_lab.model.autoencoder import Autoencoder
from dae_lab.model.traced import traced
from dae_lab.noise import Corruption
from dae_lab.training.batches import evaluation_batches, steps_per_epoch, training_batches
from dae_lab.training.callbacks import Finite, Historian, Show, StopEarly, stalled
from dae_lab.training.checkpoint import Checkpoint, History, restore


def prepare(model: Autoencoder, images: Images, config: Config, folder: Path) -> tuple[Autoencoder, History]:
    """Compile ``model`` and bring it to where the checkpoint in ``folder`` left off.

    Returns:
        ``model``, or one of an earlier run that takes its place, see ``dae_lab.model.traced``; and the
        history of the epochs already done, empty for a new run.
    """
    steps = steps_per_epoch(images, config)
    model.compile(
        optimizer=config.optimizer.build(steps, config.training.epochs),
        steps_per_execution=largest_divisor(steps, config.training.steps_per_execution),
        jit_compile=False,  # measured: XLA does not pay on a CPU
    )
    model.optimizer.build(
        model.trainable_variables
    )  # a place for its state; and one trace of a step, not two
    model = traced(model, config, images.shape, steps)
    return model, restore(model, folder)


def untrained(model: Autoencoder, validation: NoisySet, config: Config) -> dict[str, float]:
    """What the model is worth before its first step, ``val/loss``, ``val/mse`` …; empty without images."""
    noisy, clean = validation
    if not len(clean):
        return {}
    batches = evaluation_batches(noisy, clean, config.evaluation.batch_size)
    logs = model.evaluate(batches, verbose=0, return_dict=True)
    return {f"val/{name}": float(value) for name, value in logs.items()}


def fit(
    model: Autoencoder,
    images: Images,
    validation: NoisySet,
    corruption: Corruption,
    config: Config,
    folder: Path,
    history: History,
    listeners: Sequence[keras.callbacks.Callback] = (),
    before_checkpoint: Callable[[], None] = lambda: None,
) -> History:
    """Train ``model`` for the epochs that ``history`` lacks.

    Args:
        model: as ``prepare`` left it.
        images: what to train on.
        validation: noisy images, float32 (n, h, w, c), and their clean originals; n may be 0.
        corruption: see ``dae_lab.noise``.
        folder: where checkpoints go.
        history: the epochs done so far; grows in place.
        listeners: callbacks that find the epoch's record as ``history[-1]`` when it ends.
        before_checkpoint: what has to be done before a checkpoint is saved.

    Raises:
        TrainingError: the loss is no longer finite.
    """
    training, steps = config.training, steps_per_epoch(images, config)
    if len(history) >= training.epochs or (history and stalled(history, training.early_stopping)):
        return history
    noisy, clean = validation
    show = Show(history, training.epochs, steps)
    with training_batches(images, corruption, config, first_epoch=len(history)) as batches, closing(show):
        model.fit(
            batches,
            epochs=training.epochs,
            initial_epoch=len(history),
            steps_per_epoch=steps,
            validation_data=(
                evaluation_batches(noisy, clean, config.evaluation.batch_size) if len(clean) else None
            ),
            callbacks=[
                Finite(),
                Historian(history),
                *listeners,
                Checkpoint(folder, history, training.checkpoint_s, before_checkpoint),
                StopEarly(history, training.early_stopping),
                show,
            ],
            shuffle=False,  # the batches come shuffled, by the run's seed
            verbose=0,
        )
    return history


def ends_within_epoch(model: Autoencoder, images: Images, config: Config) -> bool:
    """Whether training was stopped before its last epoch was complete."""
    return bool(int(model.optimizer.iterations) % steps_per_epoch(images, config))


def largest_divisor(steps: int, limit: int) -> int:
    """The largest divisor of ``steps`` up to ``limit``: any other number would run past the epoch's end.

    >>> largest_divisor(469, 8), largest_divisor(32, 8), largest_divisor(31, 8)
    (7, 8, 1)
    """
    return max(number for number in range(1, min(steps, limit) + 1) if steps % number == 0)


def set_up(config: Config) -> None:
    """Settle what TensorFlow does for the whole process."""
    if config.training.deterministic:
        tf.config.experimental.enable_op_determinism()
    else:
        tf_config.disable_op_determinism()  # an earlier run of this process may have switched it on
