"""Learning rates that change over a run."""

import math
from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf

if TYPE_CHECKING:
    from dae_lab.optimizers import Schedule


class Scheduled(keras.optimizers.schedules.LearningRateSchedule):
    """A linear warm-up, then no decay, half a cosine, or drops.

    Args:
        peak: the learning rate after the warm-up.
        schedule: its keys.
        steps_per_epoch, epochs: the length of the run, which the cosine spans.
    """

    def __init__(self, peak: float, schedule: "Schedule", steps_per_epoch: int, epochs: int) -> None:
        self.peak, self.schedule = peak, schedule
        self.steps_per_epoch, self.epochs = steps_per_epoch, epochs

    def __call__(self, step: Any) -> Any:
        """The learning rate of training step ``step`` (0 first), a float32 scalar."""
        epoch = tf.cast(step, tf.float32) / self.steps_per_epoch
        warmup = self.schedule.warmup_epochs
        rate = tf.constant(self.peak, tf.float32)
        if self.schedule.decay == "cosine":
            done = tf.clip_by_value((epoch - warmup) / max(self.epochs - warmup, 1e-9), 0.0, 1.0)
            floor = self.schedule.floor
            rate *= floor + (1 - floor) * 0.5 * (1 + tf.cos(math.pi * done))
        elif self.schedule.decay == "step":
            drops = tf.constant(list(self.schedule.drops), tf.float32)
            rate *= self.schedule.factor ** tf.reduce_sum(tf.cast(epoch >= drops, tf.float32))
        if warmup > 0:
            first = (tf.cast(step, tf.float32) + 1) / (warmup * self.steps_per_epoch)
            rate *= tf.minimum(first, 1.0)
        return rate

    def get_config(self) -> dict[str, Any]:
        """What Keras needs to describe this schedule."""
        return {"peak": self.peak, "steps_per_epoch": self.steps_per_epoch, "epochs": self.epochs}
