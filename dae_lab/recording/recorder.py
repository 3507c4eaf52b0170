"""What is recorded while a model trains: curves, and now and then a grid of reconstructions."""

import logging
import time
from collections.abc import Mapping
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

MANY = 500
"""Points that do not wait for more: MLflow sends up to 1,000 in one call, which a kill cannot cut in two."""


class Grid:
    """The same few test images, drawn clean, noisy and as the model gives them back now."""

    def __init__(self, model: Autoencoder, noisy: np.ndarray, images: Images, count: int) -> None:
        self.model, self.noisy, self.clean = model, noisy[:count], to_float(images.pixels[:count])
        unnamed = [""] * len(self.clean)
        labels = images.labels
        self.titles = unnamed if labels is None else [images.class_name(label) for label in labels[:count]]

    def reconstruct(self) -> np.ndarray:
        """What the model gives now, float32 (count, h, w, c)."""
        return np.asarray(self.model.answer(self.noisy)["image"])

    def draw(self, reconstruction: np.ndarray) -> Any:
        """The grid with ``reconstruction`` as a PIL image."""
        rows = {"clean": self.clean, "noisy": self.noisy, "reconstruction": reconstruction}
        return reconstruction_grid(rows, self.titles)


class Recorder(keras.callbacks.Callback):
    """Records every epoch, the first steps' losses, and now and then a grid.

    What short epochs give is sent together, every ``seconds``, when there is much of it, and when the block
    ends in which this is a context manager. After a resume, epochs that were recorded before the cut are
    not recorded twice, and those that were not are, as of then. Grids could not be drawn any more: so send
    before a checkpoint is saved. They are drawn beside the training.
    """

    def __init__(
        self, record: RunWriter, history: History, grid: Grid, grid_epochs: set[int], seconds: float = 5.0
    ) -> None:
        super().__init__()
        self.record, self.history, self.grid, self.grid_epochs = record, history, grid, grid_epochs
        self.seconds = seconds
        self._points: list[Point] = []
        self._grids: dict[int, Future[SeriesPicture]] = {}
        self._artist, self._drawn = ThreadPoolExecutor(1), record.earlier_picture_steps("reconstructions")
        self._sent_at = time.monotonic()
        self._epochs = record.last_step("train/loss")
        self._steps = record.last_step("train/step_loss")
        for number in range(self._epochs + 1, len(history) + 1):  # a kill kept them from the record
            self._add_epoch(number)

    def begin(self, values: Mapping[str, float]) -> None:
        """Record what the untrained model is worth, and a grid, soon."""
        self._points += [(key, value, now(), 0) for key, value in values.items()]
        if self.grid_epochs:
            self._draw(0)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Record epoch ``epoch + 1``, now or soon."""
        number = epoch + 1
        steps = min(int(self.model.optimizer.iterations), STEP_LOSSES)
        self._points += [("train/step_loss", loss, now(), step) for step, loss in self._step_losses(steps)]
        if number > self._epochs:
            self._add_epoch(number)
            if number in self.grid_epochs:
                self._draw(number)
        if time.monotonic() - self._sent_at >= self.seconds or len(self._points) > MANY:
            self.send()

    def _draw(self, number: int) -> None:
        if number in self._drawn:  # a kill came after it was sent, and before the checkpoint
            return
        reconstruction = self.grid.reconstruct()
        self._grids[number] = self._artist.submit(
            lambda: SeriesPicture.encode(self.grid.draw(reconstruction))
        )

    def _add_epoch(self, number: int) -> None:
        self._points += [(key, value, now(), number) for key, value in self.history[number - 1].items()]
        self._epochs = number

    def send(self) -> None:
        """Send what waits; nothing is forgotten before it is sent, so a call that was cut can be repeated."""
        try:
            drawn = {number: grid.result() for number, grid in self._grids.items()}
            self.record.log_picture_series(drawn, "reconstructions")
            self._grids.clear()
        finally:
            self.record.log_points(self._points)
            self._points.clear()
        self._sent_at = time.monotonic()

    def __enter__(self) -> "Recorder":
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """Send what waits; if that fails while training ends with an error, that error is what counts."""
        try:
            self.send()
        except Exception as failure:
            if error is None:
                raise
            log.warning("the last epochs could not be recorded: %s", failure)
        finally:
            self._artist.shutdown(cancel_futures=True)

    def _step_losses(self, steps: int) -> list[tuple[int, float]]:
        """(step, loss) of the first ``steps`` steps that are not recorded yet, step 1 first."""
        if steps <= self._steps:
            return []
        losses = self.model.step_losses.numpy()
        fresh = [(step, float(losses[step - 1])) for step in range(self._steps + 1, steps + 1)]
        self._steps = steps
        return fresh


def grid_epochs(epochs: int, grids: int) -> set[int]:
    """The first epoch, where most is learnt, and up to ``grids`` spread evenly up to the last; none if 0.

    >>> sorted(grid_epochs(15, 5))
    [1, 3, 6, 9, 12, 15]
    """
    return {1} | {ceil((number + 1) * epochs / grids) for number in range(grids)} if grids else set()
