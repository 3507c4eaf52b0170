"""The time of a training, estimated from a few of its steps."""

import time
from dataclasses import replace

import pytest

from dae_lab.config.fingerprint import workload
from dae_lab.training import calibration
from dae_lab.training.calibration import calibrate, load


@pytest.fixture
def config(compose, tmp_path):
    """A small network on digits, with an empty cache."""
    asked = compose("data=digits", "training.steps_per_execution=1")
    return replace(asked, evaluation=replace(asked.evaluation, cache=str(tmp_path)))


def longer(config, epochs):
    return replace(config, training=replace(config.training, epochs=epochs))


def test_an_epoch_of_equal_work_is_timed_once(config, monkeypatch):
    began = time.perf_counter()
    one, two = calibrate([config, longer(config, 7)])
    took = time.perf_counter() - began
    assert one == two
    assert 0 < one < took
    assert load(config) == load(longer(config, 99)) == one
    assert load(config, threads=64) is None
    monkeypatch.setattr(calibration, "_measure", lambda *_: pytest.fail("it was measured again"))
    assert calibrate([config]) == [one]


def test_the_seconds_of_an_epoch_grow_with_its_steps(config):
    steps = replace(config, training=replace(config.training, batches=1000, overfit=True))
    few = replace(config, training=replace(config.training, batches=10, overfit=True))
    many_s, few_s = calibrate([steps, few])
    assert many_s > 5 * few_s


def test_a_workload_is_the_same_for_any_number_of_epochs_and_any_cache(config):
    elsewhere = replace(config, evaluation=replace(config.evaluation, cache="/elsewhere"))
    assert workload(config) == workload(longer(config, 3)) == workload(elsewhere)
    wider = replace(config, training=replace(config.training, batch_size=7))
    assert workload(config) != workload(wider)


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]"])
def test_a_damaged_file_is_measured_again(config, content, caplog, monkeypatch):
    calibrate([config])
    (file,) = (calibration._folder(config)).iterdir()
    file.write_bytes(content)
    assert load(config) is None
    assert "measured again" in caplog.text
