"""Callbacks of a training: time, history, progress, early stopping, and the end of one that diverged.

Monitors write what they measure into Keras's ``logs`` of an epoch, under the names it is recorded by, such as
``time/epoch_s``; the ``HistoryRecorder`` behind them keeps the logs, for all that follow.
"""

import logging
import math
import time
from collections.abc import Mapping
from datetime import timedelta
from statistics import median
from typing import Any

import keras
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from dae_lab.config.run import EarlyStopping
from dae_lab.errors import TrainingError
from dae_lab.metrics import METRICS
from dae_lab.training.checkpoint import History

log = logging.getLogger(__name__)


class TerminateOnNonFinite(keras.callbacks.Callback):
    """Ends a training with an error when its loss is no longer a finite number."""

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Check the training loss, which is that before the step's own update."""
        step = int(self.model.optimizer.iterations)
        check_finite({"training loss": (logs or {}).get("loss", 0.0)}, f"at step {step}")

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Check all of an epoch's values, before any of them is kept."""
        check_finite(logs or {}, f"in epoch {epoch + 1}")


def check_finite(values: Mapping[str, Any], when: str) -> None:
    """Raise a TrainingError, with the usual causes, if one of ``values`` is not a finite number."""
    for name, value in values.items():
        if not math.isfinite(float(value)):
            raise TrainingError(
                f"the {name} became {float(value)} {when}: training stopped. Usual causes: a learning "
                f"rate that is too high (optimizer.learning_rate), or a loss that does not suit the "
                f"output (loss, decoder.output.activation)"
            )


class EpochTimer(keras.callbacks.Callback):
    """Writes the seconds that each epoch took, validation included, into its logs as ``time/epoch_s``."""

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Start the clock."""
        self._began = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Stop the clock."""
        if logs is not None:
            logs["time/epoch_s"] = time.perf_counter() - self._began


class HistoryRecorder(keras.callbacks.Callback):
    """Appends the logs of each epoch to ``history``, under the names they are recorded by."""

    def __init__(self, history: History) -> None:
        super().__init__()
        self.history = history

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Keep ``loss`` as ``train/loss``, ``val_mse`` as ``val/mse``, and names with a slash as they are."""
        self.history.append({_recorded_name(key): float(value) for key, value in (logs or {}).items()})


def _recorded_name(key: str) -> str:
    if "/" in key:
        return key
    return f"val/{key[4:]}" if key.startswith("val_") else f"train/{key}"


class StopEarly(keras.callbacks.Callback):
    """Stops a training that no longer improves; as it reads the history, a resumed one stops likewise."""

    def __init__(self, history: History, rule: EarlyStopping) -> None:
        super().__init__()
        self.history, self.rule = history, rule

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Stop if the best epoch lies ``patience`` epochs back."""
        if has_stalled(self.history, self.rule):
            patience, monitor = self.rule.patience, self.rule.monitor
            log.info("stopped after epoch %d: no better %s for %d epochs", epoch + 1, monitor, patience)
            self.model.stop_training = True


def has_stalled(history: History, rule: EarlyStopping) -> bool:
    """Whether the last improvement of ``rule.monitor`` by ``min_delta`` is ``patience`` epochs ago."""
    if rule.patience is None:
        return False
    rises = METRICS[rule.monitor.removeprefix("val/")].rises
    best, best_at = -math.inf, 0
    for number, logs in enumerate(history):
        value = logs[rule.monitor] if rises else -logs[rule.monitor]
        if value > best + rule.min_delta or number == 0:
            best, best_at = value, number
    return len(history) - 1 - best_at >= rule.patience


class ProgressReporter(keras.callbacks.Callback):
    """Shows progress: a bar on a terminal; otherwise a line an epoch, at most every ``seconds``, and
    a line within an epoch that takes longer than ``patience`` seconds, which then has its own line too.
    """

    def __init__(
        self, history: History, epochs: int, steps: int, seconds: float = 2.0, patience: float = 10.0
    ) -> None:
        super().__init__()
        self.history, self.epochs, self.steps = history, epochs, steps
        self.seconds, self.patience = seconds, patience
        self.console = Console(stderr=True)
        self._began, self._shown, self._printed_step = time.monotonic(), 0.0, False
        self._bar = Progress(
            TextColumn("epoch {task.fields[epoch]}/{task.fields[epochs]}"),
            BarColumn(),
            TextColumn("{task.fields[text]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=self.console,
            disable=not self.console.is_terminal,
        )

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Show the bar."""
        done = len(self.history)
        fields: dict[str, Any] = {"epoch": done + 1, "epochs": self.epochs, "text": ""}
        self._task = self._bar.add_task(
            "", total=self.epochs * self.steps, completed=done * self.steps, **fields
        )
        self._bar.start()

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Move the bar."""
        done, loss = len(self.history), (logs or {}).get("loss", math.nan)
        self._bar.update(self._task, completed=done * self.steps + batch + 1, text=f"loss {loss:.4f}")
        now = time.monotonic()
        if not self.console.is_terminal and now - max(self._shown, self._began) >= self.patience:
            line = f"epoch {done + 1}/{self.epochs}  step {batch + 1}/{self.steps}  loss {loss:.4f}"
            self.console.print(line, highlight=False, soft_wrap=True)
            self._shown, self._printed_step = now, True

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Show the epoch's losses."""
        done, last = len(self.history), self.history[-1]
        text = "  ".join(
            f"{key} {last[key]:.4f}" for key in ("train/loss", "val/loss", "val/mse") if key in last
        )
        self._bar.update(self._task, epoch=min(done + 1, self.epochs), text=text)
        now = time.monotonic()
        due = self._printed_step or now - self._shown >= self.seconds or done == self.epochs
        if not self.console.is_terminal and due:
            each = median(logs["time/epoch_s"] for logs in self.history[-10:])  # the first builds graphs, too
            left = timedelta(seconds=round(each * (self.epochs - done)))
            line = f"epoch {done}/{self.epochs}  {text}  {left} left"
            self.console.print(line, highlight=False, soft_wrap=True)
            self._shown, self._printed_step = now, False

    def close(self) -> None:
        """Take the bar away, whatever happened."""
        self._bar.stop()
