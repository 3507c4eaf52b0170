"""A training that is stuck is found early; one that is only slow to start is left alone."""

import logging
from itertools import pairwise

import numpy as np
import pytest

from dae_lab.baselines.trivial import mean_image
from dae_lab.evaluation.pairs import evaluation_pairs
from dae_lab.model import graph_cache
from dae_lab.model.autoencoder import build
from dae_lab.pixels import to_float
from dae_lab.training import fit
from dae_lab.training.batches import TrainingData
from dae_lab.training.collapse_monitor import MONITORED_IMAGES, CollapseMonitor, is_due

SMALL = (
    *("encoder.filters=[8]", "encoder.strides=[2]", "decoder.filters=[]", "decoder.strides=[]"),
    *("decoder.output.layer=conv_transpose", "decoder.output.stride=2", "loss=mse"),
    *("training.batch_size=32", "training.epochs=2", "training.batches=120"),
    "training.steps_per_execution=5",
)
STUCK = ("optimizer.learning_rate=0.05",)  # black, every sigmoid saturated, from step 50 on at the latest
HEALTHY = ("optimizer.learning_rate=0.001",)


def train(compose, folder, *overrides, other=None):
    config = compose(*SMALL, *overrides)
    fit.set_determinism(config.training.deterministic)
    data, corruption = config.data.load(), config.noise
    training_data = TrainingData(data.train, corruption, config.training, config.seed)
    model = build(config, data.train.shape, np.zeros(1))
    graph_cache._last.clear()  # no test gets the model of another
    model, history = fit.prepare(model, config, training_data.steps_per_epoch, folder)
    examined = evaluation_pairs(data.train[:MONITORED_IMAGES], corruption, config.seed)
    stop = config.training.on_collapse == "stop"
    monitor = CollapseMonitor(examined, mean_image(data.train.pixels), stop)
    monitors = [monitor]
    if other:
        monitors.insert(*other)
    fit.fit(model, training_data, None, folder, history, monitors)
    return model, history, monitor


def test_a_stuck_training_is_warned_of_once_and_goes_on(compose, tmp_path, caplog):
    _, history, monitor = train(compose, tmp_path, *STUCK)
    assert len(history) == 2
    assert monitor.stuck.label == "black"
    own = [
        record for record in caplog.records if record.name.startswith("dae_lab")
    ]  # not TensorFlow's, on retracing
    (warning,) = [record.message for record in own if record.levelno == logging.WARNING]
    assert warning.startswith("step 100: the output is black for every input")
    assert "training ends" not in warning
    for epoch in history:
        assert epoch["watch/variance_ratio"] < 1e-3
        assert epoch["watch/saturated"] > 0.5
        assert epoch["watch/gradient_norm"] < 1e-3


def test_stop_ends_it_within_the_first_epoch_and_leaves_no_checkpoint(compose, tmp_path, caplog):
    model, history, monitor = train(
        compose, tmp_path, *STUCK, "training.on_collapse=stop", "training.checkpoint_s=0"
    )
    assert int(model.optimizer.iterations) == 100
    assert (len(history), monitor.stuck.label) == (1, "black")
    assert "training ends here" in caplog.text
    assert list(tmp_path.iterdir()) == []


def test_an_epoch_that_ends_where_a_look_is_due_is_examined_once(compose, tmp_path):
    """Fixed and without a gradient at step 50, as in the test above; but one look is not two."""
    _, history, monitor = train(
        compose, tmp_path, *STUCK, "training.on_collapse=stop", "training.batches=50", "training.epochs=1"
    )
    assert history[0]["watch/variance_ratio"] < 1e-3
    assert monitor.stuck is None


def test_a_healthy_training_is_left_alone(compose, tmp_path, caplog):
    _, history, monitor = train(compose, tmp_path, *HEALTHY, "training.on_collapse=stop")
    assert (len(history), monitor.stuck) == (2, None)
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_a_stage_on_the_way_is_mentioned_but_not_stopped(compose, tmp_path, caplog):
    """Two code values: the mean image for every input through many epochs, and all the while a gradient."""
    dense = ("latent=dense", "latent.z_dim=2", "optimizer.learning_rate=0.001", "loss=mse")
    with caplog.at_level(logging.INFO):
        _, history, monitor = train(compose, tmp_path, *dense, "training.on_collapse=stop")
    assert (len(history), monitor.stuck) == (2, None)
    assert "stage on the way: the output is the mean training image for every input" in caplog.text
    assert history[0]["watch/variance_ratio"] < 0.01


def test_a_resumed_training_stops_where_an_uninterrupted_one_does(compose, tmp_path):
    """The monitor's memory is kept with the checkpoint: the first gradient, and examinations in a row."""
    short = ("training.batches=30", "training.on_collapse=stop", "training.checkpoint_s=0")
    whole, history, _ = train(compose, tmp_path / "whole", *STUCK, *short, "training.epochs=9")
    train(compose, tmp_path / "cut", *STUCK, *short, "training.epochs=1")
    resumed, again, monitor = train(compose, tmp_path / "cut", *STUCK, *short, "training.epochs=9")
    assert monitor.stuck
    assert 1 < len(again) == len(history) < 9
    np.testing.assert_array_equal(whole.monitor_state.numpy(), resumed.monitor_state.numpy())


@pytest.mark.parametrize("latent", ["spatial", "sparse", "contractive"])
def test_the_first_gradient_is_that_of_the_untrained_model_without_penalties(compose, tmp_path, latent):
    """Of the first batch; here that is the images looked at, so that it can be taken once more."""
    one = (
        "training.overfit=true",
        "training.batches=1",
        "training.epochs=1",
        "noise=none",
        f"latent={latent}",
    )
    config = compose(*SMALL, *one)
    data = config.data.load()
    clean = to_float(data.train[:MONITORED_IMAGES].pixels)
    expected = build(config, data.train.shape, np.zeros(1)).gradient_norm(clean, clean)
    model, _, _ = train(compose, tmp_path, *one)
    assert float(model.monitor_state[0]) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("jump", [1, 7, 30])
def test_looks_double_whatever_steps_are_run_at_once(jump):
    steps = range(0, 1000, jump)
    found = [after for before, after in pairwise(steps) if is_due(before, after)]
    assert len(found) == 6
    assert all(step <= at < step + jump for at, step in zip(found, (25, 50, 100, 200, 400, 800), strict=True))
