"""Checkpoints: what an interrupted run needs to end as an uninterrupted one would."""

import errno
import json
import logging
import os
import shutil
import time
from pathlib import Path
from typing import Any

import keras

log = logging.getLogger(__name__)

History = list[dict[str, float]]
"""What each finished epoch was worth: its logs, epoch 1 first."""


class Checkpoint(keras.callbacks.Callback):
    """Saves weights, optimiser state, random states and history, at an epoch's end.

    Weights and history must belong together even if the process dies between two writes, so the
    history file is replaced last and names its weights.

    Args:
        folder: where to save; made when needed.
        history: the list the epochs' logs are collected in.
        seconds: do not save again before this time has passed.
    """

    def __init__(self, folder: Path, history: History, seconds: float) -> None:
        super().__init__()
        self.folder, self.history, self.seconds = folder, history, seconds
        self._saved_at = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Save, unless that was done a moment ago, or training ends in the middle of this epoch."""
        if self.model.stop_training:
            return
        if time.monotonic() - self._saved_at < self.seconds:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        self._need_space()
        name = f"{len(self.history)}.weights.h5"
        self.model.save_weights(self.folder / name)
        _to_disk(self.folder / name)
        draft = self.folder / "state.json.new"
        states = [variable.numpy().tolist() for variable in random_states(self.model)]
        draft.write_text(json.dumps({"weights": name, "random": states, "history": self.history}))
        _to_disk(draft)
        os.replace(draft, self.folder / "state.json")
        for old in self.folder.glob("*.weights.h5"):
            if old.name != name:
                old.unlink()
        self._saved_at = time.monotonic()

    def _need_space(self) -> None:
        """Raise an OSError now rather than have the HDF5 library die of a full disk."""
        needed = 4 * sum(variable.numpy().nbytes for variable in self.model.variables)  # with the optimiser's
        if shutil.disk_usage(self.folder).free < needed:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.folder))


def random_states(model: keras.Model) -> list[keras.Variable]:
    """The states of dropout and every other draw, which Keras does not count among the weights it saves."""
    weights = {id(variable) for variable in model.weights}
    return [variable for variable in model.variables if id(variable) not in weights]


def _to_disk(file: Path) -> None:
    """Have the operating system write ``file`` out, so that a power cut cannot leave half of it."""
    with file.open("rb") as opened:
        os.fsync(opened.fileno())


def restore(model: keras.Model, folder: Path) -> History:
    """Load the checkpoint in ``folder`` into ``model``, compiled, its optimiser built.

    Returns:
        The history of the epochs done; empty if there is no checkpoint, or none that can be read: then a
        warning says so and the model is as it was.
    """
    if not (folder / "state.json").is_file():
        return []
    variables = [*model.variables, *model.optimizer.variables]
    before = [variable.numpy() for variable in variables]
    try:
        state = json.loads((folder / "state.json").read_text())
        model.load_weights(folder / state["weights"])
        for variable, value in zip(random_states(model), state["random"], strict=True):
            variable.assign(value)
        return list(state["history"])
    except (OSError, ValueError, KeyError) as error:
        log.warning("the checkpoint in %s is damaged (%s): starting again from epoch 1", folder, error)
        for variable, value in zip(variables, before, strict=True):
            variable.assign(value)
        return []
