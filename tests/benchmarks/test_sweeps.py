"""Sweeps at length: killed ten times, eight workers on one store, what a sweep costs beside training."""

import random
import resource
import subprocess
import time
from pathlib import Path

import pytest
from processes import client, finish, finished, kill_all, run, runs, start

from dae_lab.provenance import cores

TINY = ("-m", "data=digits", "training.batches=4", "evaluation=scores", "tracking.log_model=false")
SHORT = (*TINY, "training.epochs=2", "tracking.grids=0")


def seeds(count: int) -> str:
    return f"seed={','.join(map(str, range(count)))}"


@pytest.mark.long
@pytest.mark.parametrize("workers", [1, 2])
def test_twelve_runs_killed_ten_times_at_random_are_those_of_an_undisturbed_sweep(tmp_path, capsys, workers):
    several = f"hydra.launcher.workers={workers}"
    command = (*TINY, several, "training.epochs=20", "training.checkpoint_s=0", "loss=bce,mse", seeds(6))
    began = time.monotonic()
    assert run(*command, store=tmp_path / "whole")[0] == 0
    took = time.monotonic() - began
    moments = random.Random(0)
    for _ in range(10):
        process = start(*command, store=tmp_path / "cut")
        time.sleep(moments.uniform(0.12, 0.24) * took)
        kill_all(process)
    code, _, errors = run(*command, store=tmp_path / "cut")
    assert code == 0, errors
    found = runs(tmp_path / "cut")
    resumed = sum(int(item.data.tags.get("resumed", 0)) for item in found)
    with capsys.disabled():
        print(f"\nundisturbed: {took:.0f} s; {resumed} times a cut run went on; {len(found)} runs in all")
    assert "RUNNING" not in {item.info.status for item in found}
    assert len(finished(tmp_path / "cut")) == 12
    assert finished(tmp_path / "cut") == finished(tmp_path / "whole")


@pytest.mark.long
def test_a_finished_sweep_of_twenty_runs_again_takes_less_than_ten_seconds(tmp_path, capsys):
    command = (*SHORT, "loss=bce,mse", seeds(10))
    assert run(*command, store=tmp_path)[0] == 0
    before = {item.info.run_id for item in runs(tmp_path)}
    wall, cpu = time.perf_counter(), _cpu_of_children()
    code, _, errors = run(*command, store=tmp_path)
    wall, cpu = time.perf_counter() - wall, _cpu_of_children() - cpu
    with capsys.disabled():
        print(f"\n20 finished runs again: {wall:.1f} s wall, {cpu:.1f} s CPU")
    assert code == 0, errors
    assert "20 runs: 20 finished before, 0 to train" in errors
    assert {item.info.run_id for item in runs(tmp_path)} == before
    assert wall < 10


def _cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@pytest.mark.long
def test_eight_workers_and_sixty_four_runs_lose_no_value(tmp_path):
    code, output, errors = run(*SHORT, seeds(64), "hydra.launcher.workers=8", store=tmp_path)
    assert code == 0, errors
    assert len(finished(tmp_path)) == len(runs(tmp_path)) == 64
    logs = "".join(path.read_text() for path in tmp_path.glob("sweeps/*/logs/*.log"))
    assert "locked" not in output + errors + logs
    here = client(tmp_path)
    lengths = {
        item.info.run_id: {
            name: len(here.get_metric_history(item.info.run_id, name)) for name in item.data.metrics
        }
        for item in runs(tmp_path)
    }
    assert run(*SHORT, "seed=64", store=tmp_path / "alone")[0] == 0
    (alone,) = finished(tmp_path / "alone").values()
    assert all(
        {name: one[name] for name in one if not name.startswith("time/")}
        == {name: len(points) for name, points in alone.items()}
        for one in lengths.values()
    ), "each run has as many values of each metric as one that is alone"


@pytest.mark.long
def test_memory_does_not_grow_from_run_to_run(tmp_path, capsys):
    """100 runs in one process: what it holds after the last, against after the tenth."""
    process = start(*SHORT, seeds(100), store=tmp_path)
    held: list[float] = []
    for line in process.stderr:
        if " finished in " in line:
            held.append(_resident(process))
    assert finish(process)[0] == 0
    with capsys.disabled():
        print(f"\nresident after run 10: {held[9]:.0f} MiB, 50: {held[49]:.0f}, 100: {held[98]:.0f}")
    assert len(finished(tmp_path)) == 100
    assert held[98] < 1.1 * held[9]


def _resident(process: subprocess.Popen) -> float:
    """MiB that the command's worker holds."""
    rows = subprocess.run(
        ["ps", "-ww", "--ppid", str(process.pid), "-o", "rss=,args="],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return max(int(row.split()[0]) for row in rows.splitlines() if "spawn_main" in row) / 1024


@pytest.mark.long
@pytest.mark.parametrize("scale", ["tiny", "default"])
def test_what_a_sweep_costs_beside_training(tmp_path, capsys, scale):
    """Ten runs, one after the other and in a pool of as many workers as there are cores, in turn."""
    chosen = {
        "tiny": (*SHORT, seeds(10)),
        "default": ("-m", "training.epochs=3", "evaluation=scores", "tracking.log_model=false", seeds(10)),
    }[scale]
    with capsys.disabled():
        for workers in (1, cores()):
            store = tmp_path / str(workers)
            wall, cpu = time.perf_counter(), _cpu_of_children()
            process = start(*chosen, f"hydra.launcher.workers={workers}", store=store)
            code, _, errors = finish(process, seconds=900)
            wall, cpu = time.perf_counter() - wall, _cpu_of_children() - cpu
            assert code == 0, errors
            training = _seconds_of_training(store)
            print(
                f"\n{scale}, workers={workers}: {wall:.0f} s wall, {cpu:.0f} s CPU, training {training:.0f}: "
                f"wall ÷ training {wall / training:.2f}; {10 * 3600 / wall:.0f} runs an hour"
            )


def _seconds_of_training(store: Path) -> float:
    """What the epochs of all runs took, by the clock."""
    here = client(store)
    epochs = [here.get_metric_history(item.info.run_id, "time/epoch_s") for item in runs(store)]
    return sum(point.value for history in epochs for point in history)
