"""What watches a training: is the loss still a number, is it still improving, how far is it."""

import math
import time
from typing import Any

import keras
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from dae_lab.config.run import EarlyStopping
from dae_lab.errors import TrainingError
from dae_lab.training.checkpoint import History


class Finite(keras.callbacks.Callback):
    """Ends a training whose loss is no longer a finite number."""

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Raise a TrainingError that says where the loss was lost."""
        loss = float((logs or {}).get("loss", 0.0))
        if not math.isfinite(loss):
            step = int(self.model.optimizer.iterations)
            raise TrainingError(
                f"the training loss became {loss} at step {step}: training stopped. Usual causes: "
                f"a learning rate that is too high (optimizer.learning_rate), or a loss that does not "
                f"suit the output (loss, decoder.output.activation)"
            )


class Historian(keras.callbacks.Callback):
    """Collects what each epoch was worth, under the names they are recorded by, and how long it took."""

    def __init__(self, history: History) -> None:
        super().__init__()
        self.history = history

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Start the clock."""
        self._began = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Keep ``loss`` as ``train/loss``, ``val_mse`` as ``val/mse``, and ``time/epoch_s`` in seconds."""
        named = {_name(key): float(value) for key, value in (logs or {}).items()}
        self.history.append({**named, "time/epoch_s": time.perf_counter() - self._began})


def _name(key: str) -> str:
    return f"val/{key[4:]}" if key.startswith("val_") else f"train/{key}"


class StopEarly(keras.callbacks.Callback):
    """Stops when nothing has improved for a while; judges by the history, so it survives a resume."""

    def __init__(self, history: History, rule: EarlyStopping) -> None:
        super().__init__()
        self.history, self.rule = history, rule

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Stop if the best epoch lies ``patience`` epochs back."""
        if stalled(self.history, self.rule):
            self.model.stop_training = True


def stalled(history: History, rule: EarlyStopping) -> bool:
    """Whether the last improvement of ``rule.monitor`` by ``min_delta`` is ``patience`` epochs ago."""
    if rule.patience is None:
        return False
    rising = rule.monitor in ("val/psnr", "val/ssim")
    best, best_at = -math.inf, 0
    for number, logs in enumerate(history):
        value = logs[rule.monitor] if rising else -logs[rule.monitor]
        if value > best + rule.min_delta or number == 0:
            best, best_at = value, number
    return len(history) - 1 - best_at >= rule.patience


class Show(keras.callbacks.Callback):
    """Progress for a person: a bar on a terminal, otherwise a line at most every ``seconds``."""

    def __init__(self, history: History, epochs: int, steps: int, seconds: float = 2.0) -> None:
        super().__init__()
        self.history, self.epochs, self.steps, self.seconds = history, epochs, steps, seconds
        self.console = Console(stderr=True)
        self._began, self._first, self._shown = time.monotonic(), len(history), 0.0
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
        self._bar.update(self._task, completed=len(self.history) * self.steps + batch + 1)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Show the epoch's losses."""
        done, last = len(self.history), self.history[-1]
        text = "  ".join(
            f"{key} {last[key]:.4f}" for key in ("train/loss", "val/loss", "val/mse") if key in last
        )
        self._bar.update(self._task, epoch=min(done + 1, self.epochs), text=text)
        now = time.monotonic()
        if not self.console.is_terminal and (now - self._shown >= self.seconds or done == self.epochs):
            left = (now - self._began) / (done - self._first) * (self.epochs - done)
            self.console.print(f"epoch {done}/{self.epochs}  {text}  {left:.0f} s left", highlight=False)
            self._shown = now

    def close(self) -> None:
        """Take the bar away, whatever happened."""
        self._bar.stop()
