"""Checkpoints: what an interrupted run needs to end as an uninterrupted one would."""

import json
import logging
import time
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np

from dae_lab.files import replace_file
from dae_lab.model.autoencoder import state

log = logging.getLogger(__name__)

History = list[dict[str, float]]
"""The logs of each finished epoch, under the names they are recorded by; epoch 1 first."""

FILE = "checkpoint.npz"
"""A checkpoint: the history as JSON, and all variables in their order."""


DAMAGES = (OSError, EOFError, ValueError, KeyError, RuntimeError, zipfile.BadZipFile, zlib.error)
"""The errors that reading a damaged file can raise; a RecursionError is a RuntimeError."""


class Checkpoint(keras.callbacks.Callback):
    """Saves weights, optimiser state, random states and history, at an epoch's end.

    All are one file, which takes the place of the one before at once, so they belong together even if the
    process dies while it writes.

    Args:
        folder: where to save; made when needed.
        history: the list the epochs' logs are collected in.
        seconds: do not save again before this time has passed.
        before: is called before a checkpoint is saved.
    """

    def __init__(
        self, folder: Path, history: History, seconds: float, before: Callable[[], None] = lambda: None
    ) -> None:
        super().__init__()
        self.folder, self.history, self.seconds, self.before = folder, history, seconds, before
        self._saved_at = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Save, unless that was done a moment ago, or training ends in the middle of this epoch."""
        if self.model.stop_training:
            return
        if time.monotonic() - self._saved_at < self.seconds:
            return
        self.before()
        values = [variable.numpy() for variable in state(self.model)]
        history = json.dumps(self.history)
        replace_file(self.folder / FILE, lambda file: np.savez(file, *values, history=history), sync=True)
        self._saved_at = time.monotonic()


def restore(model: keras.Model, folder: Path) -> History:
    """Load the checkpoint in ``folder`` into ``model``, compiled, its optimiser built.

    Returns:
        The history of the epochs done; empty if there is no checkpoint, or none that can be read: then a
        warning says so and the model is as it was.
    """
    file, variables = folder / FILE, state(model)
    if not file.is_file():
        return []
    try:
        with file.open("rb") as opened, np.load(opened) as saved:
            history = _read_history(str(saved["history"]))
            values = [saved[f"arr_{place}"] for place in range(len(saved) - 1)]
        if [value.shape for value in values] != [tuple(variable.shape) for variable in variables]:
            raise ValueError("it is of another network")
        if [value.dtype for value in values] != [variable.numpy().dtype for variable in variables]:
            raise ValueError("its values are of another kind")
    except DAMAGES as error:
        log.warning("the checkpoint in %s is damaged (%s): starting again from epoch 1", folder, error)
        return []
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
    return history


def _read_history(text: str) -> History:
    """The history that a checkpoint holds.

    Raises:
        ValueError: it is none.
    """
    epochs: Any = json.loads(text)
    known = {"train/loss", "time/epoch_s"}
    if not isinstance(epochs, list) or not all(isinstance(it, dict) and known <= it.keys() for it in epochs):
        raise ValueError("its history lacks the values of epochs")
    if not all(isinstance(value, int | float) for epoch in epochs for value in epoch.values()):
        raise ValueError("its history holds values that are no numbers")
    return epochs
