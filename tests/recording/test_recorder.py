"""When a training's curves and grids are recorded, in a real store."""

import keras
import numpy as np
import pytest
from PIL import Image
from processes import client, prepare

from dae_lab.model.autoencoder import STEP_LOSSES
from dae_lab.recording.recorder import MAX_BUFFERED, TrainingRecorder, grid_epochs
from dae_lab.tracking.store import RunStore


class Model(keras.Model):
    """As much of a model as is looked at: three steps done, and their losses."""

    def __init__(self):
        super().__init__()
        self.compile("sgd")
        self.optimizer.iterations.assign(3)
        self.step_losses = keras.Variable(np.linspace(0, 1, STEP_LOSSES + 1))


class Grid:
    """Draws a grey square."""

    def reconstruct(self):
        return 128

    def draw(self, reconstruction):
        return Image.new("L", (8, 8), reconstruction)


@pytest.fixture
def record(compose, tmp_path):
    store = RunStore(compose(f"tracking.dir={prepare(tmp_path)}").tracking)
    with store.open_run("a run", "f" * 64, {}) as record:
        yield record


def recorder(record, history, epochs=(), seconds=1000.0):
    made = TrainingRecorder(record, history, Grid(), set(epochs), seconds)
    made.set_model(Model())
    return made


def stored(record):
    return client(record.checkpoints.parents[1])


def sent(record, metric="train/loss"):
    return {point.step: point for point in stored(record).get_metric_history(record.run_id, metric)}


def grids(record):
    names = [item.path for item in stored(record).list_artifacts(record.run_id, "images")]
    return sorted(int(name.split("+step+")[1].split("+")[0]) for name in names if name.endswith(".png"))


@pytest.mark.parametrize(
    ("epochs", "grids", "expected"),
    [
        (15, 5, {1, 3, 6, 9, 12, 15}),
        (3, 10, {1, 2, 3}),
        (1, 1, {1}),
        (500, 1, {1, 500}),
        (10, 0, set()),
    ],
)
def test_grids_are_spread_over_the_epochs(epochs, grids, expected):
    assert grid_epochs(epochs, grids) == expected


def test_short_epochs_wait_for_each_other_and_keep_their_times(record, monkeypatch):
    history, clock = [], iter(range(1_000, 10_000))
    monkeypatch.setattr("dae_lab.recording.recorder.now", lambda: next(clock))
    waiting = recorder(record, history, epochs={2})
    for epoch in range(3):
        history.append({"train/loss": 1 / (epoch + 1)})
        waiting.on_epoch_end(epoch)
    assert (sent(record), grids(record)) == ({}, [])
    waiting.flush()
    assert grids(record) == [2]
    assert [(step, point.value) for step, point in sent(record).items()] == [(1, 1), (2, 1 / 2), (3, 1 / 3)]
    assert len({point.timestamp for point in sent(record).values()}) == 3
    assert [point.value for point in sent(record, "train/step_loss").values()] == pytest.approx(
        [0, 0.005, 0.01]
    )


def test_long_epochs_are_sent_one_by_one(record):
    history = []
    prompt = recorder(record, history, epochs={1}, seconds=0)
    for epoch in range(2):
        history.append({"train/loss": 0.5})
        prompt.on_epoch_end(epoch)
        assert len(sent(record)) == epoch + 1
    assert grids(record) == [1]


def test_after_a_resume_the_record_has_every_epoch_once(record):
    record.log_series([("train/loss", 0.5, 1), ("train/step_loss", 0.0, 1)])
    history = [{"train/loss": 0.5}, {"train/loss": 0.25}]  # a kill kept the second from the record
    going_on = recorder(record, history, epochs={1, 2, 3})
    history.append({"train/loss": 0.125})
    going_on.on_epoch_end(2)
    going_on.flush()
    points = stored(record).get_metric_history(record.run_id, "train/loss")
    assert sorted((point.step, point.value) for point in points) == [(1, 0.5), (2, 0.25), (3, 0.125)]
    assert sorted(sent(record, "train/step_loss")) == [1, 2, 3]
    assert grids(record) == [3]


def test_the_untrained_model_comes_first(record):
    history = []
    starting = recorder(record, history, epochs={1})
    starting.record_untrained({"val/mse": 0.5})
    history.append({"val/mse": 0.25})
    starting.on_epoch_end(0)
    starting.flush()
    points = stored(record).get_metric_history(record.run_id, "val/mse")
    assert [(point.step, point.value) for point in points] == [(0, 0.5), (1, 0.25)]
    assert points[0].timestamp <= points[1].timestamp
    assert grids(record) == [0, 1]


def test_a_grid_that_cannot_be_drawn_is_an_error_and_takes_no_curve_along(record, monkeypatch):
    monkeypatch.setattr(Grid, "draw", broken)
    with pytest.raises(OSError, match="no space left"), recorder(record, [], epochs={1}) as failing:
        failing.record_untrained({"val/mse": 0.5})
    assert len(sent(record, "val/mse")) == 1


def test_a_grid_that_was_sent_before_a_kill_is_not_drawn_again(record):
    """Its points were not, so after a resume its epoch is recorded anew."""
    before = recorder(record, [], epochs={1})
    before.record_untrained({})
    before.flush()
    record.set_tag("resumed", "1")
    going_on = recorder(record, history := [], epochs={1})
    going_on.record_untrained({"val/mse": 0.5})
    history.append({"train/loss": 0.5})
    going_on.on_epoch_end(0)
    going_on.flush()
    assert grids(record) == [0, 1]
    assert len(sent(record)) == 1


def test_many_points_wait_for_no_more(record):
    history = []
    waiting = recorder(record, history)
    for epoch in range(MAX_BUFFERED + 5):
        history.append({"train/loss": 0.5})
        waiting.on_epoch_end(epoch)
    assert MAX_BUFFERED - 3 <= len(sent(record)) < MAX_BUFFERED + 5, "and three losses of steps"


def cut(*_):
    raise KeyboardInterrupt


def test_a_call_that_was_cut_can_be_repeated(record, monkeypatch):
    history = []
    stopped = recorder(record, history)
    history.append({"train/loss": 0.5})
    stopped.on_epoch_end(0)
    with monkeypatch.context() as patch:
        patch.setattr(record, "log_points", cut)
        with pytest.raises(KeyboardInterrupt):
            stopped.flush()
    assert sent(record) == {}
    stopped.flush()
    assert len(sent(record)) == 1


def test_pictures_whose_call_was_cut_are_there_once(record, monkeypatch):
    stopped = recorder(record, [], epochs={1})
    stopped.record_untrained({})
    with monkeypatch.context() as patch:
        patch.setattr(record, "set_tag", cut)  # after the files have been kept
        with pytest.raises(KeyboardInterrupt):
            stopped.flush()
    assert grids(record) == [0]
    stopped.flush()
    assert grids(record) == [0]


def broken(*_):
    raise OSError("no space left")


def test_an_error_while_training_counts_more_than_one_while_recording(record, monkeypatch, caplog):
    monkeypatch.setattr(record, "log_points", broken)
    with pytest.raises(KeyboardInterrupt), recorder(record, []):
        raise KeyboardInterrupt
    assert "the last epochs could not be recorded: no space left" in caplog.text
    with pytest.raises(OSError, match="no space left"), recorder(record, []):
        pass
