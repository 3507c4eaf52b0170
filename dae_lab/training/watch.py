"""Looks at a model in training: does its output still depend on the input, does a gradient still arrive?"""

import logging
import math
from dataclasses import replace
from typing import Any

import keras
import numpy as np

from dae_lab.collapse import Collapse, diagnose
from dae_lab.data.images import Images
from dae_lab.pixels import to_float
from dae_lab.training.checkpoint import History

log = logging.getLogger(__name__)

IMAGES = 32
"""How many images are looked at."""
FIRST_LOOK = 25
"""Looks are taken at this step, at twice, four times, … as many, and after every epoch."""
GONE = 1e-3
"""A gradient is gone when its norm is below this share of the first training step's."""
LOOKS = 2
"""A model is stuck when it is found so this many looks in a row."""


class Watch(keras.callbacks.Callback):
    """Warns of a collapse while training runs; ends a training that is stuck, if asked.

    An output that is the same for every input may be a stage on the way: article B's model with two
    code values shows the mean image through most of its first epoch. Stuck is a model whose output is
    fixed *and* whose gradient is gone, on two looks in a row.

    Later gradients are those of ``images``, outside training (no dropout, say), and only taken where the
    output is fixed.

    Args:
        images: noisy ones, float32 (n, h, w, c), and the clean ones; training images, since a training may
            end by what is seen.
        mean_image: the training images' mean, float32 (h, w, c).
        history: each epoch's last entry grows by ``watch/variance_ratio``, ``watch/saturated`` (under a
            sigmoid) and, where the output is fixed, ``watch/gradient_norm``.
        stop: end a training that is stuck.

    Attributes:
        stuck: what was found when the model was found stuck; None while it is not.
        step: optimiser steps done.
    """

    def __init__(
        self, images: tuple[np.ndarray, Images], mean_image: np.ndarray, history: History, stop: bool
    ) -> None:
        super().__init__()
        self.noisy, self.clean = images[0], to_float(images[1].pixels)
        self.mean_image, self.history, self.stop = mean_image, history, stop
        self.stuck: Collapse | None = None
        self.step = 0
        self._seen: tuple[int, Collapse] | None = None
        self._said: set[str] = set()

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Take the first gradient, by which later ones are judged, where the first step cannot keep it."""
        self._sigmoid = self.model.activation == "sigmoid"
        self.step = int(self.model.optimizer.iterations)
        if self.step == 0 and self.model.penalised:
            self.model.watched.assign([self.model.gradient_norm(self.noisy, self.clean), 0.0])

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Look, if a look is due."""
        before, self.step = self.step, int(self.model.optimizer.iterations)
        if due(before, self.step):
            self._look()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Look, and add what is seen to the epoch's record."""
        found = self._look()
        if found.fixed and self.stuck is None and found.label not in self._said:
            log.info("after epoch %d, which may be a stage on the way: %s", epoch + 1, found.sentence())
            self._said.add(found.label)
        seen = {"variance_ratio": found.variance_ratio, "gradient_norm": found.gradient_norm}
        seen |= {"saturated": found.saturated} if self._sigmoid else {}
        self.history[-1] |= {f"watch/{name}": value for name, value in seen.items() if math.isfinite(value)}

    def _look(self) -> Collapse:
        """What is seen now; an epoch that ends where a look was due is not looked at twice."""
        if self._seen is None or self._seen[0] != self.step:
            self._seen = self.step, self._examined()
        return self._seen[1]

    def _examined(self) -> Collapse:
        reconstruction = np.asarray(self.model.answer(self.noisy)["image"])
        found = diagnose(self.clean, self.noisy, reconstruction, self.mean_image, self._sigmoid)
        if found.fixed:  # else it does not matter, and it takes longer than the rest of a look
            found = replace(found, gradient_norm=self.model.gradient_norm(self.noisy, self.clean))
        first, looks = (float(value) for value in self.model.watched.numpy())
        looks = looks + 1 if found.fixed and found.gradient_norm < GONE * first else 0
        self.model.watched.assign([first, looks])
        if looks >= LOOKS and self.stuck is None:
            self._say_stuck(found, found.gradient_norm / first)
        elif looks == 0:
            self.stuck = None
        return found

    def _say_stuck(self, found: Collapse, share: float) -> None:
        self.stuck = found
        ends = "; training ends here (training.on_collapse=stop)" if self.stop else ""
        if "stuck" not in self._said:
            log.warning(
                "step %d: %s; the gradient is %.0e of what it was: the model is stuck%s",
                self.step,
                found.sentence(),
                share,
                ends,
            )
            self._said.add("stuck")
        self.model.stop_training |= self.stop


def due(before: int, step: int) -> bool:
    """Whether a look falls into the steps after ``before`` up to ``step``.

    >>> [step for step in range(1, 250) if due(step - 1, step)]
    [25, 50, 100, 200]
    """
    return step // FIRST_LOOK > 0 and (step // FIRST_LOOK).bit_length() > (before // FIRST_LOOK).bit_length()
