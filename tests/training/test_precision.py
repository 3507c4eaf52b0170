"""training.precision=auto: the widest layers are measured in both precisions, once a machine and network."""

import json
import os
import shutil
import time
from dataclasses import asdict, replace
from math import prod
from pathlib import Path

import numpy as np
import pytest

from dae_lab.model.autoencoder import build
from dae_lab.tracking.checksums import dump_with_checksum
from dae_lab.training import measurements, precision, timing
from dae_lab.training.precision import AUTO, Measurement, load, load_all, measure_networks, settle

DIGITS = (8, 8, 1)


@pytest.fixture
def config(compose, tmp_path):
    """A small network whose precision is to be measured, with an empty cache."""
    asked = compose("data=digits", "training=fast", "encoder.filters=[4,8,8]")
    return replace(asked, evaluation=replace(asked.evaluation, cache=str(tmp_path)))


def deeper(config):
    return replace(config, encoder=replace(config.encoder, filters=[4, 8, 16]))


@pytest.mark.parametrize(
    ("float32", "bfloat16", "float32_cpu", "bfloat16_cpu", "chosen"),
    [
        (100, 60, 200, 120, "mixed_bfloat16"),
        (100, 164, 200, 330, "float32"),
        (100, 95, 200, 190, "float32"),  # too little to be sure
        (100, 60, 200, 210, "float32"),  # only the wall time is less: another process was in the way
        (100, 120, 200, 120, "float32"),  # only the CPU time is less: it does not use the cores
    ],
)
def test_bfloat16_has_to_win_clearly(float32, bfloat16, float32_cpu, bfloat16_cpu, chosen):
    assert Measurement(float32, bfloat16, float32_cpu, bfloat16_cpu, "").precision == chosen


def test_fast_asks_for_a_measurement(compose):
    assert compose("training=fast").training.precision == AUTO
    assert compose("training=fast", "training.precision=float32").training.precision == "float32"


def test_a_network_is_measured_once(config):
    assert load_all([(config, DIGITS)]) is None
    measurement = measure_networks([(config, DIGITS)])
    times = (measurement.float32_ms, measurement.bfloat16_ms)
    assert all(0 < ms < 1000 for ms in times)
    assert all(ms > 0 for ms in (measurement.float32_cpu_ms, measurement.bfloat16_cpu_ms))
    assert measure_networks([(config, DIGITS)]) == measurement  # timed again, it would differ
    assert load_all([(config, DIGITS), (config, DIGITS)]) == measurement  # equal networks count once
    assert load_all([(config, DIGITS), (deeper(config), DIGITS)]) is None
    assert settle(config, measurement).training.precision in ("float32", "mixed_bfloat16")


def test_what_changes_the_speed_is_measured_again(config):
    measure_networks([(config, DIGITS)])
    others = [
        (config, (16, 16, 1)),
        (deeper(config), DIGITS),
        (replace(config, training=replace(config.training, batch_size=64)), DIGITS),
    ]
    assert [load(*network) for network in others] == [None] * 3
    assert load(config, DIGITS, threads=64) is None
    same = [replace(config, seed=1), replace(config, training=replace(config.training, epochs=99))]
    assert all(load(item, DIGITS) for item in same)


def test_a_file_of_another_network_or_a_damaged_one_is_not_believed(config, tmp_path):
    measure_networks([(config, DIGITS)])
    (file,) = (tmp_path / "precision").glob("*.json")
    kept = json.loads(file.read_text())
    measure_networks([(deeper(config), DIGITS)])
    (other,) = set((tmp_path / "precision").glob("*.json")) - {file}
    shutil.copy(other, file)
    assert load(config, DIGITS) is None
    for damaged in ("", "{", "[]", json.dumps({"key": kept["key"], "measurement": {"float32_ms": 1}})):
        file.write_text(damaged)
        assert load(config, DIGITS) is None
    os.mkfifo(file)
    assert load(config, DIGITS) is None


def test_a_measurement_that_has_changed_since_is_not_believed(config, tmp_path):
    """Else one bit decides in which precision a network is trained."""
    measurement = measure_networks([(config, DIGITS)])
    (file,) = (tmp_path / "precision").glob("*.json")
    kept = file.read_text()
    file.write_text(kept.replace(str(measurement.float32_ms), str(9 + measurement.float32_ms)))
    assert load(config, DIGITS) is None
    file.write_text(kept)
    assert load(config, DIGITS) == measurement


DAMAGED = [
    {"float32_ms": 0.0},
    {"float32_ms": "9"},
    {"float32_ms": None},
    {"bfloat16_cpu_ms": -1.0},
    {"bfloat16_ms": float("nan")},
    {"machine": 5},
    {"rounds": 1},
    {"another": 1},
]


@pytest.mark.parametrize("changes", DAMAGED, ids=str)
@pytest.mark.parametrize("sealed", [True, False])
def test_values_that_are_no_times_are_ignored_with_one_warning(config, tmp_path, caplog, changes, sealed):
    key = precision._key(config, DIGITS)
    file = tmp_path / "precision" / f"{measurements.digest(key)}.json"
    file.parent.mkdir(parents=True)
    content = {"key": key, "measurement": {**asdict(Measurement(2.0, 1.0, 2.0, 1.0, "here")), **changes}}
    file.write_text(dump_with_checksum(content) if sealed else json.dumps(content))
    assert load(config, DIGITS) is None
    assert load(config, DIGITS) is None
    assert caplog.text.count("is measured again") == 1


def test_too_few_rounds_decide_nothing_and_are_not_kept(config, tmp_path, monkeypatch):
    few = Measurement(100.0, 1.0, 100.0, 1.0, "here", rounds=1)
    assert few.precision == "float32"
    assert "1 of 3 rounds" in str(few)
    assert precision.total([few, replace(few, rounds=9)]).rounds == 1
    monkeypatch.setattr(timing, "LIMIT", 0)
    monkeypatch.setattr(timing, "SMALLER", 1)
    assert measure_networks([(config, DIGITS)]).rounds == 1
    assert not list(tmp_path.rglob("*.json"))


def test_to_build_and_to_trace_takes_no_time_from_the_rounds(config, monkeypatch):
    short = timing._short_passes

    def slow(*arguments):
        time.sleep(timing.LIMIT)
        return short(*arguments)

    monkeypatch.setattr(timing, "_short_passes", slow)
    assert measure_networks([(config, DIGITS)]).rounds >= timing.ROUNDS


def test_large_images_are_cropped(compose, tmp_path):
    """A pass of one image of 3,000 × 3,000 pixels took a minute."""
    config = compose("data=digits", "training=fast", "latent=spatial")
    model = build(settle(config, Measurement(1.0, 1.0, 1.0, 1.0, "")), (3000, 3000, 1), np.array([0.5]))
    layers = timing._widest_layers(model)
    total = sum(map(timing._multiplications, layers))
    shapes = [timing._shape(layer, 1, timing.MULTIPLICATIONS / total) for layer in layers]
    areas = [
        shape[1] * shape[2] / prod(layer.input.shape[1:3])
        for shape, layer in zip(shapes, layers, strict=True)
    ]
    assert max(areas) < 1.1 * timing.MULTIPLICATIONS / total
    began = time.perf_counter()
    assert precision._measure(config, (3000, 3000, 1)).rounds >= timing.ROUNDS
    assert time.perf_counter() - began < 60


def test_a_pass_that_is_long_is_made_smaller(config, monkeypatch):
    tried = []
    monkeypatch.setattr(timing, "_compile_pass", lambda layers, batch, most: tried.append(most) or [])
    monkeypatch.setattr(timing, "_milliseconds", lambda functions: (1e4 if len(tried) < 3 else 1.0, 1.0))
    assert timing._short_passes([[], []], 9) == [[], []]
    assert tried == [5e8, 5e8, 5e7, 5e7]


def test_a_cache_that_cannot_be_written_costs_only_time(config, tmp_path, caplog):
    Path(tmp_path, "precision").write_text("a file, where a folder should be")
    assert measure_networks([(config, DIGITS)]).float32_ms > 0
    assert "cannot be written" in caplog.text


def test_the_widest_layers_are_measured(compose):
    model = build(compose("encoder=residual", "decoder=residual"), (28, 28, 1), np.array([0.5]))
    widest = timing._widest_layers(model)
    layers = [*model.encoder.layers, *model.decoder.layers]
    others = [layer for layer in layers if hasattr(layer, "kernel") and layer not in widest]
    assert len(widest) == timing.LAYERS
    assert others
    least = min(map(timing._multiplications, widest))
    assert all(timing._multiplications(layer) <= least for layer in others)


def test_multiplications_of_an_image(compose):
    """Article B's second system, by hand: pixels × kernel × channels in × channels out."""
    model = build(compose("experiment=spatial_latent"), (28, 28, 1), np.array([0.5]))
    layers = [layer for layer in model.encoder.layers if hasattr(layer, "kernel")]
    expected = [28**2 * 9 * 32, 14**2 * 9 * 32 * 64, 7**2 * 9 * 64 * 128]
    assert [timing._multiplications(layer) for layer in layers] == expected
    layers = [layer for layer in model.decoder.layers if hasattr(layer, "kernel")]
    expected = [7**2 * 9 * 128 * 64, 14**2 * 9 * 64 * 32, 28**2 * 9 * 32]
    assert [timing._multiplications(layer) for layer in layers] == expected


def test_another_machine_is_warned_of(caplog):
    here = precision.machine()
    precision.warn_of_other_machine(Measurement(2, 1, 2, 1, here))
    assert not caplog.messages
    precision.warn_of_other_machine(Measurement(2, 1, 2, 1, "a processor of another kind"))
    assert "a processor of another kind" in caplog.text
