"""What watches a training: improvement, finiteness, progress."""

import io

import pytest
from rich.console import Console

from dae_lab.config.run import EarlyStopping
from dae_lab.errors import TrainingError
from dae_lab.training.callbacks import ProgressReporter, TerminateOnNonFinite, has_stalled


def rule(patience: int | None, monitor: str = "val/loss", min_delta: float = 0.0) -> EarlyStopping:
    return EarlyStopping(patience=patience, monitor=monitor, min_delta=min_delta)


def first_stall(values: list[float], rule: EarlyStopping) -> int | None:
    """After how many epochs training stops."""
    history = [{rule.monitor: value} for value in values]
    return next((n for n in range(1, len(history) + 1) if has_stalled(history[:n], rule)), None)


@pytest.mark.parametrize(
    ("values", "patience", "stops_after"),
    [
        ([3, 2, 1, 0], 1, None),
        ([3, 3, 3, 3], 1, 2),
        ([3, 3, 3, 3], 3, 4),
        ([1, 2, 3, 4], 2, 3),
        ([3, 2, 4, 1, 5, 5], 2, 6),
        ([3, 4, 2, 4, 1, 4], 2, None),
        ([5], 1, None),
        ([3, 3, 3, 3], None, None),
    ],
)
def test_a_loss_must_fall_and_a_score_must_rise(values, patience, stops_after):
    for falling in ("val/loss", "val/mse", "val/mae", "val/bce"):
        assert first_stall(values, rule(patience, falling)) == stops_after
    for rising in ("val/psnr", "val/ssim"):
        assert first_stall([-value for value in values], rule(patience, rising)) == stops_after


def test_small_steps_are_an_improvement_once_they_add_up():
    """What counts is the distance from the best epoch so far, not from the one before."""
    values = [1.0, 0.96, 0.92, 0.88, 0.84]
    assert first_stall(values, rule(1)) is None
    assert first_stall(values, rule(1, min_delta=0.1)) == 2
    assert first_stall(values, rule(3, min_delta=0.1)) is None


def test_without_patience_no_validation_is_needed():
    assert not has_stalled([{"train/loss": 1.0}], rule(None))
    assert not has_stalled([], rule(1))


@pytest.mark.parametrize("loss", [float("nan"), float("inf")])
def test_a_loss_that_is_no_number_ends_the_training(loss):
    import keras

    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(optimizer="sgd")
    model.optimizer.iterations.assign(17)
    watch = TerminateOnNonFinite()
    watch.set_model(model)
    watch.on_train_batch_end(0, {"loss": 1e30})
    with pytest.raises(TrainingError, match=rf"became {loss} at step 17: .*optimizer.learning_rate"):
        watch.on_train_batch_end(0, {"loss": loss})


def test_after_a_resume_the_time_left_is_told_by_all_epochs():
    """The first one of a process takes longer."""
    epochs = [{"train/loss": 0.5, "time/epoch_s": seconds} for seconds in (20.0, 2.0, 2.0)]
    show = ProgressReporter(history := epochs[:], epochs=13, steps=2, seconds=0)
    show.console = Console(file=io.StringIO(), width=100)
    show.on_train_begin()
    history.append({"train/loss": 0.5, "time/epoch_s": 20.0})
    history.append({"train/loss": 0.5, "time/epoch_s": 2.0})
    show.on_epoch_end(4)
    show.close()
    assert show.console.file.getvalue() == "epoch 5/13  train/loss 0.5000  0:00:16 left\n"


def test_progress_without_a_terminal_is_a_line_now_and_then():
    history: list[dict[str, float]] = []
    show = ProgressReporter(history, epochs=3, steps=2, seconds=1000)
    show.console = Console(file=io.StringIO(), width=100)
    show.on_train_begin()
    for epoch in range(3):
        show.on_train_batch_end(1)
        shown = {"train/loss": 0.5, "val/loss": 0.25, "val/mse": 0.125}
        history.append({**shown, "val/mae": 1.0, "time/epoch_s": 9.0})
        show.on_epoch_end(epoch)
    show.close()
    assert show.console.file.getvalue().splitlines()[-1] == (
        "epoch 3/3  train/loss 0.5000  val/loss 0.2500  val/mse 0.1250  0:00:00 left"
    )
    assert len(show.console.file.getvalue().splitlines()) <= 2


def test_an_epoch_that_had_a_line_within_has_its_scores_too():
    show = ProgressReporter(history := [], epochs=3, steps=2, seconds=1000, patience=0)
    show.console = Console(file=io.StringIO(), width=100)
    show.on_train_begin()
    show.on_train_batch_end(1, {"loss": 0.5})
    history.append({"train/loss": 0.5, "val/loss": 0.25, "time/epoch_s": 9.0})
    show.on_epoch_end(0)
    show.close()
    assert [line.split("  ")[1] for line in show.console.file.getvalue().splitlines()] == [
        "step 2/2",
        "train/loss 0.5000",
    ]
