"""What is recorded while a model trains: curves, and pictures of reconstructions at some epochs."""

import logging
import time
from collections.abc import Collection, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from math import ceil
from typing import Any

import keras
import numpy as np

from dae_lab.data.images import Images
from dae_lab.figures.grid import reconstruction_grid
from dae_lab.model.autoencoder import STEP_LOSSES, Autoencoder
from dae_lab.pixels import to_float
from dae_lab.tracking.image_series import SeriesPicture
from dae_lab.tracking.run_data import Point
from dae_lab.tracking.writer import RunWriter, now
from dae_lab.training.checkpoint import History

log = logging.getLogger(__name__)

MAX_BUFFERED = 500
"""Points that wait at most: MLflow sends up to 1,000 in one call, which a kill cannot cut in two."""

SERIES = "reconstructions"
"""The name of the series of grids among the run's artifacts."""


class ReconstructionGrid:
    """The same few test images: clean, noisy, and as the model reconstructs them now.

    Args:
        noisy: noisy test images, float32 (n, h, w, c).
        images: the clean ones.
        count: how many of them are drawn.
    """

    def __init__(self, model: Autoencoder, noisy: np.ndarray, images: Images, count: int) -> None:
        self.model, self.noisy, self.clean = model, noisy[:count], to_float(images.pixels[:count])
        labels = images.labels
        if labels is None:
            self.titles = [""] * len(self.clean)
        else:
            self.titles = [images.class_name(label) for label in labels[:count]]

    def reconstruct(self) -> np.ndarray:
        """Return the present reconstructions, float32 (count, h, w, c)."""
        return np.asarray(self.model.answer(self.noisy)["image"])

    def draw(self, reconstruction: np.ndarray) -> Any:
        """Return the grid with ``reconstruction`` as a PIL image."""
        rows = {"clean": self.clean, "noisy": self.noisy, "reconstruction": reconstruction}
        return reconstruction_grid(rows, self.titles)


class TrainingRecorder(keras.callbacks.Callback):
    """Records every epoch's values, the first steps' losses, and a grid at some epochs.

    Values are buffered, and sent every ``seconds``, when there are many, and at the end of the block in which
    this is a context manager. After a resume, epochs that were recorded before the interruption are not
    recorded twice, and those that were not are recorded now. Grids cannot be drawn afterwards, so ``flush``
    has to be called before a checkpoint is saved. They are drawn in a thread beside the training.

    Args:
        history: the values of each epoch so far; it grows during training.
        grid_epochs: the epochs of which a grid is drawn, see ``grid_epochs``.
        seconds: how long values wait at most.
    """

    def __init__(
        self,
        record: RunWriter,
        history: History,
        grid: ReconstructionGrid,
        grid_epochs: Collection[int],
        seconds: float = 5.0,
    ) -> None:
        super().__init__()
        self.record, self.history, self.grid, self.grid_epochs = record, history, grid, grid_epochs
        self.seconds = seconds
        self._points: list[Point] = []
        self._pictures: dict[int, Future[SeriesPicture]] = {}
        self._executor, self._drawn = ThreadPoolExecutor(1), record.earlier_picture_steps(SERIES)
        self._flushed_at = time.monotonic()
        self._last_epoch = record.last_step("train/loss")
        self._last_step = record.last_step("train/step_loss")
        for number in range(self._last_epoch + 1, len(history) + 1):  # a kill kept them from the record
            self._add_epoch(number)

    def record_untrained(self, values: Mapping[str, float]) -> None:
        """Buffer the values of the untrained model as those of epoch 0, and its grid."""
        self._points += [(key, value, now(), 0) for key, value in values.items()]
        if self.grid_epochs:
            self._draw(0)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Buffer the values of epoch ``epoch + 1``; send what is buffered if it is time."""
        number = epoch + 1
        steps = min(int(self.model.optimizer.iterations), STEP_LOSSES)
        losses = self._new_step_losses(steps)
        self._points += [("train/step_loss", loss, now(), step) for step, loss in losses]
        if number > self._last_epoch:
            self._add_epoch(number)
            if number in self.grid_epochs:
                self._draw(number)
        if time.monotonic() - self._flushed_at >= self.seconds or len(self._points) > MAX_BUFFERED:
            self.flush()

    def _draw(self, number: int) -> None:
        if number in self._drawn:  # a kill came after it was sent, and before the checkpoint
            return
        reconstruction = self.grid.reconstruct()
        self._pictures[number] = self._executor.submit(
            lambda: SeriesPicture.encode(self.grid.draw(reconstruction))
        )

    def _add_epoch(self, number: int) -> None:
        self._points += [(key, value, now(), number) for key, value in self.history[number - 1].items()]
        self._last_epoch = number

    def flush(self) -> None:
        """Send what is buffered; it is dropped only then, so a call that was cut can be repeated."""
        try:
            pictures = {number: picture.result() for number, picture in self._pictures.items()}
            self.record.log_picture_series(pictures, SERIES)
            self._pictures.clear()
        finally:
            self.record.log_points(self._points)
            self._points.clear()
        self._flushed_at = time.monotonic()

    def __enter__(self) -> "TrainingRecorder":
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """Send what is buffered; if training has ended with an error, that is raised rather than another."""
        try:
            self.flush()
        except Exception as failure:
            if error is None:
                raise
            log.warning("the last epochs could not be recorded: %s", failure)
        finally:
            self._executor.shutdown(cancel_futures=True)

    def _new_step_losses(self, steps: int) -> list[tuple[int, float]]:
        """Return (step, loss) of those of the first ``steps`` steps that are not recorded yet, in order."""
        if steps <= self._last_step:
            return []
        losses = self.model.step_losses.numpy()
        new = [(step, float(losses[step - 1])) for step in range(self._last_step + 1, steps + 1)]
        self._last_step = steps
        return new


def grid_epochs(epochs: int, grids: int) -> set[int]:
    """Return the first epoch, where most is learnt, and ``grids`` more, spread evenly up to the last.

    Args:
        epochs: how many are trained.
        grids: 0: no epoch at all.

    >>> sorted(grid_epochs(15, 5))
    [1, 3, 6, 9, 12, 15]
    """
    return {1} | {ceil((number + 1) * epochs / grids) for number in range(grids)} if grids else set()
