"""Monitors a model in training: does its output still depend on the input, does a gradient still arrive?"""

import logging
import math
from dataclasses import replace
from typing import Any

import keras
import numpy as np

from dae_lab.collapse import Collapse, diagnose
from dae_lab.data.images import Images
from dae_lab.pixels import to_float

log = logging.getLogger(__name__)

MONITORED_IMAGES = 32
"""How many images are examined."""
FIRST_STEP = 25
"""The model is examined at this step, at twice, four times, … as many, and after every epoch."""
VANISHED = 1e-3
"""A gradient has vanished when its norm is below this share of the first training step's."""
EXAMINATIONS = 2
"""A model is stuck when this many examinations in a row find it so."""


class CollapseMonitor(keras.callbacks.Callback):
    """Warns of a collapse while training runs; ends a training that is stuck, if asked.

    An output that is the same for every input may be a stage on the way: article B's model with two
    code values shows the mean image through most of its first epoch. Stuck is a model whose output is
    fixed *and* whose gradient has vanished, in two examinations in a row.

    The epoch's logs grow by ``watch/variance_ratio``, ``watch/saturated`` (under a sigmoid) and, where the
    output is fixed, ``watch/gradient_norm``. Gradients after the first step are those of ``images``, outside
    training (no dropout, say).

    Args:
        images: noisy ones, float32 (n, h, w, c), and the clean ones; training images, because what they
            show may end a training.
        mean_image: the training images' mean, float32 (h, w, c).
        stop: end a training that is stuck.

    Attributes:
        stuck: the collapse of a model that is stuck; None while it is not.
        step: optimiser steps done.
    """

    def __init__(self, images: tuple[np.ndarray, Images], mean_image: np.ndarray, stop: bool) -> None:
        super().__init__()
        self.noisy, self.clean = images[0], to_float(images[1].pixels)
        self.mean_image, self.stop = mean_image, stop
        self.stuck: Collapse | None = None
        self.step = 0
        self._last: tuple[int, Collapse] | None = None
        self._reported: set[str] = set()

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Take the first gradient, by which later ones are judged, where the first step cannot keep it."""
        self._sigmoid = self.model.activation == "sigmoid"
        self.step = int(self.model.optimizer.iterations)
        if self.step == 0 and self.model.penalised:
            self.model.monitor_state.assign([self.model.gradient_norm(self.noisy, self.clean), 0.0])

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Examine the model, if it is time."""
        before, self.step = self.step, int(self.model.optimizer.iterations)
        if is_due(before, self.step):
            self._examine()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Examine the model, and add the results to the epoch's logs."""
        found = self._examine()
        if found.fixed and self.stuck is None and found.label not in self._reported:
            log.info("after epoch %d, which may be a stage on the way: %s", epoch + 1, found.sentence())
            self._reported.add(found.label)
        values = {"variance_ratio": found.variance_ratio, "gradient_norm": found.gradient_norm}
        values |= {"saturated": found.saturated} if self._sigmoid else {}
        if logs is not None:
            logs |= {f"watch/{name}": value for name, value in values.items() if math.isfinite(value)}

    def _examine(self) -> Collapse:
        """Diagnose the model as it is now; at one step only once, also where an epoch ends there."""
        if self._last is None or self._last[0] != self.step:
            self._last = self.step, self._diagnose()
        return self._last[1]

    def _diagnose(self) -> Collapse:
        reconstruction = np.asarray(self.model.answer(self.noisy)["image"])
        found = diagnose(self.clean, self.noisy, reconstruction, self.mean_image, self._sigmoid)
        if found.fixed:  # else it does not matter, and it takes longer than all the rest
            found = replace(found, gradient_norm=self.model.gradient_norm(self.noisy, self.clean))
        first, in_a_row = (float(value) for value in self.model.monitor_state.numpy())
        in_a_row = in_a_row + 1 if found.fixed and found.gradient_norm < VANISHED * first else 0
        self.model.monitor_state.assign([first, in_a_row])
        if in_a_row >= EXAMINATIONS and self.stuck is None:
            self._report_stuck(found, found.gradient_norm / first)
        elif in_a_row == 0:
            self.stuck = None
        return found

    def _report_stuck(self, found: Collapse, share: float) -> None:
        self.stuck = found
        ends = "; training ends here (training.on_collapse=stop)" if self.stop else ""
        if "stuck" not in self._reported:
            log.warning(
                "step %d: %s; the gradient is %.0e of what it was: the model is stuck%s",
                self.step,
                found.sentence(),
                share,
                ends,
            )
            self._reported.add("stuck")
        self.model.stop_training |= self.stop


def is_due(before: int, step: int) -> bool:
    """Whether an examination falls into the steps after ``before`` up to ``step``.

    >>> [step for step in range(1, 250) if is_due(step - 1, step)]
    [25, 50, 100, 200]
    """
    return step // FIRST_STEP > 0 and (step // FIRST_STEP).bit_length() > (before // FIRST_STEP).bit_length()
