"""A run that was cut and goes on ends as one that never was, to the last bit."""

import json
import resource
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from dae_lab.config.run import Config
from dae_lab.model import graph_cache
from dae_lab.model.autoencoder import Autoencoder, build, state
from dae_lab.noise import corrupted
from dae_lab.training import fit
from dae_lab.training.batches import TrainingData, evaluation_batches
from dae_lab.training.checkpoint import Checkpoint, History, restore

SMALL = (
    "data=digits encoder.filters=[3] encoder.strides=[2] decoder.filters=[3] decoder.strides=[2]",
    "optimizer.learning_rate=0.01 training.epochs=9 training.batch_size=6 training.checkpoint_s=0",
)
EVERYTHING_RANDOM = (
    "latent=variational latent.z_dim=3 encoder.dropout=0.3 decoder.dropout=0.3",
    "encoder.batch_norm=after_activation optimizer/schedule=cosine",
)
STOPS_AFTER_FOUR = ("training.early_stopping.patience=3 training.early_stopping.min_delta=99",)


@dataclass
class Cut(keras.callbacks.Callback):
    """Stops the process, as far as a test can, at the end of a batch of an epoch."""

    epoch: int

    def __post_init__(self) -> None:
        super().__init__()

    def on_epoch_begin(self, epoch, logs=None):
        self.now = epoch

    def on_train_batch_end(self, batch, logs=None):
        if self.now == self.epoch:
            raise KeyboardInterrupt


def train(config: Config, tiny, folder: Path, *monitors) -> tuple[Autoencoder, History]:
    fit.set_determinism(config.training.deterministic)
    images, validation = tiny(20), tiny(5, seed=1)
    corruption = config.noise
    data = TrainingData(images, corruption, config.training, config.seed)
    model = build(config, images.shape, np.zeros(1))
    graph_cache._last.clear()  # no test gets the model of another
    model, history = fit.prepare(model, config, data.steps_per_epoch, folder)
    noisy = corrupted(validation, corruption, 1)
    batches = evaluation_batches(noisy, validation, config.evaluation.batch_size)
    fit.fit(model, data, batches, folder, history, monitors)
    return model, history


def numbers(history: History) -> list[dict[str, float]]:
    return [{key: value for key, value in epoch.items() if key != "time/epoch_s"} for epoch in history]


def assert_equal(first, second) -> None:
    """Weights, moving averages, random states, the steps' losses, and the optimiser's own."""
    for a, b in zip(state(first), state(second), strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())


def test_cut_and_resumed_is_uninterrupted(compose, tiny, tmp_path):
    config = compose(*" ".join(SMALL + EVERYTHING_RANDOM + STOPS_AFTER_FOUR).split())
    whole, expected = train(config, tiny, tmp_path / "whole")
    assert len(expected) == 4
    with pytest.raises(KeyboardInterrupt):
        train(config, tiny, tmp_path / "cut", Cut(epoch=2))
    resumed, history = train(config, tiny, tmp_path / "cut")
    assert numbers(history) == numbers(expected)
    assert_equal(resumed, whole)

    (tmp_path / "cut" / "checkpoint.npz.new").write_text("cut while writing")
    again, history = train(config, tiny, tmp_path / "cut", Cut(epoch=4))  # nothing is left to do
    assert numbers(history) == numbers(expected)
    assert_equal(again, whole)


@pytest.mark.parametrize("latent", ["contractive", "variational", "vector_quantised"])
def test_a_checkpoint_brings_back_every_state(compose, tiny, tmp_path, latent):
    config = compose(*SMALL[0].split(), f"latent={latent}", "decoder.dropout=0.5")
    clean = tf.constant(tiny(6).pixels / np.float32(255))
    model, copy = (build(config, (8, 8, 1), np.zeros(1)) for _ in range(2))
    for each in (model, copy):
        each.compile(optimizer=keras.optimizers.Adam(0.01))
        each.optimizer.build(each.trainable_variables)
    history = [{**EPOCH, "train/loss": float(model.train_step((clean, clean))["loss"])} for _ in range(3)]

    save = Checkpoint(tmp_path / "new", history, seconds=0)
    save.set_model(model)
    save.on_epoch_end(2)
    assert restore(copy, tmp_path / "new") == history
    assert_equal(copy, model)
    model.reset_metrics()
    copy.reset_metrics()
    for _ in range(2):
        assert float(model.train_step((clean, clean))["loss"]) == float(
            copy.train_step((clean, clean))["loss"]
        )
    assert_equal(copy, model)


def test_checkpoints_replace_each_other_and_are_not_too_frequent(compose, tmp_path):
    model = build(compose(*SMALL[0].split()), (8, 8, 1), np.zeros(1))
    model.compile(optimizer="adam")
    model.optimizer.build(model.trainable_variables)
    assert restore(model, tmp_path) == []
    for seconds, files in ((1000, []), (0, ["checkpoint.npz"])):
        seen = []  # the history in the checkpoint that is there when another one is about to be saved
        before = partial(lambda seen: seen.append(len(restore(model, tmp_path))), seen)
        save = Checkpoint(tmp_path, history := [], seconds, before)
        save.set_model(model)
        for epoch in range(2):
            history.append(EPOCH)
            save.on_epoch_end(epoch)
        assert seen == ([] if seconds else [0, 1])
        assert sorted(file.name for file in tmp_path.iterdir()) == files
    assert restore(model, tmp_path) == [EPOCH] * 2


EPOCH = {"train/loss": 0.5, "time/epoch_s": 1.0}
"""What a history has of an epoch at least."""


def saved(compose, folder: Path, *overrides: str):
    """A model with its checkpoint in ``folder``."""
    model = build(compose(*SMALL[0].split(), *overrides), (8, 8, 1), np.zeros(1))
    model.compile(optimizer="adam")
    model.optimizer.build(model.trainable_variables)
    save = Checkpoint(folder, [EPOCH], seconds=0)
    save.set_model(model)
    save.on_epoch_end(0)
    return model


def flip(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


def other_compression(content: bytes) -> bytes:
    """As if the first entry of the archive's table were compressed in a way that nobody knows."""
    place = content.index(b"PK\x01\x02") + 10
    return content[:place] + b"\x63" + content[place + 1 :]


@pytest.mark.parametrize(
    "harm", [lambda content: b"", lambda content: content[:-99], flip, other_compression]
)
def test_a_damaged_checkpoint_is_said_and_left_aside(compose, tmp_path, caplog, harm):
    model = saved(compose, tmp_path)
    (tmp_path / "checkpoint.npz").write_bytes(harm((tmp_path / "checkpoint.npz").read_bytes()))
    assert_left_aside(model, tmp_path)
    assert "is damaged" in caplog.text
    assert "starting again from epoch 1" in caplog.text


HISTORIES = ["{", "{}", "3", "null", "[3]", "[{}]", '[{"train/loss": 0.5}]', "[[]]", "[" * 100_000]
HISTORIES += ['[{"train/loss": "x", "time/epoch_s": 1}]', '[{"train/loss": [1], "time/epoch_s": 1}]']


@pytest.mark.parametrize("history", HISTORIES)
def test_a_history_that_is_none_is_left_aside(compose, tmp_path, caplog, history):
    """A file that is whole, written by another program."""
    model = saved(compose, tmp_path)
    values = [variable.numpy() for variable in state(model)]
    np.savez(tmp_path / "checkpoint.npz", *values, history=history)
    assert_left_aside(model, tmp_path)
    assert "starting again from epoch 1" in caplog.text


def test_values_of_another_kind_are_left_aside(compose, tmp_path, caplog):
    model = saved(compose, tmp_path)
    values = [variable.numpy().astype(str) for variable in state(model)]
    np.savez(tmp_path / "checkpoint.npz", *values, history=json.dumps([EPOCH]))
    assert_left_aside(model, tmp_path)
    assert "of another kind" in caplog.text


def assert_left_aside(model, folder: Path) -> None:
    """The checkpoint in ``folder`` is not loaded, not even in part: the model has gone on since then."""
    for variable in model.trainable_variables:
        variable.assign_add(tf.ones_like(variable))
    before = [variable.numpy() for variable in state(model)]
    assert restore(model, folder) == []
    for variable, value in zip(state(model), before, strict=True):
        np.testing.assert_array_equal(variable.numpy(), value)


def test_a_checkpoint_of_another_network_is_left_aside(compose, tmp_path, caplog):
    saved(compose, tmp_path, "encoder.filters=[4]")
    other = saved(compose, tmp_path / "other")
    assert_left_aside(other, tmp_path)
    assert "of another network" in caplog.text


def test_a_checkpoint_that_cannot_be_written_leaves_the_last_one(compose, tmp_path):
    model = saved(compose, tmp_path)
    save = Checkpoint(tmp_path, [EPOCH] * 2, seconds=0)
    save.set_model(model)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))  # bytes, as if the disk were full
    try:
        with pytest.raises(OSError, match="File too large"):
            save.on_epoch_end(1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [file.name for file in tmp_path.iterdir()] == ["checkpoint.npz"]
    assert restore(model, tmp_path) == [EPOCH]
