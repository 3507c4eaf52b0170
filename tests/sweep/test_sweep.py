"""A sweep in real processes: nothing is trained twice, nothing that fails takes others along."""

import itertools
import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
from processes import (
    Command,
    assert_refused,
    client,
    finish,
    finished,
    kill_all,
    run,
    runs,
    start,
    sweep_status,
    trajectory,
)

TINY = (
    "data=digits",
    "training.epochs=2",
    "training.batches=4",
    "evaluation=scores",
    "tracking.log_model=false",
)
LOSSES = ("loss=bce,mse",)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """Four runs, done one after the other."""
    store = tmp_path_factory.mktemp("undisturbed")
    code, output, errors = run("-m", *TINY, *LOSSES, "seed=0,1", store=store)
    assert code == 0, errors
    return store, output, errors


def test_all_runs_are_done_and_told(undisturbed):
    store, _output, errors = undisturbed
    assert len(finished(store)) == 4
    assert re.search(r"sweep [0-9a-f]{8}: 4 runs: 0 finished before, 4 to train", errors)
    for number, (loss, seed) in enumerate(itertools.product(("bce", "mse"), (0, 1)), start=1):
        assert re.search(rf"\[{number}/4\] loss={loss} seed={seed} finished in \S+: test/mse 0\.\d+", errors)
    for item in runs(store):
        assert set(item.data.tags) >= {"sweep", "arm", "seed", "fingerprint"}
    assert {item.data.tags["arm"] for item in runs(store)} == {"loss=bce", "loss=mse"}
    (sweep,) = {item.data.tags["sweep"] for item in runs(store)}
    assert len(json.loads((store / "sweeps" / sweep / "plan.json").read_text())) == 4


def test_the_same_command_again_trains_nothing(undisturbed):
    store = undisturbed[0]
    code, _, errors = run("-m", *TINY, *LOSSES, "seed=0,1", store=store)
    assert (code, len(runs(store))) == (0, 4)
    assert "4 runs: 4 finished before, 0 to train" in errors


def test_a_metric_that_no_run_records_is_refused_before_anything_is_trained(tmp_path):
    code, _, errors = run("-m", *TINY, *LOSSES, "seed=0,1", "sweep.metric=test/mze", store=tmp_path)
    hint = "did you mean test/mse or test/mae or test/nmse?"
    assert_refused(code, errors, f"sweep.metric: runs like these record no test/mze; {hint}")
    assert runs(tmp_path) == []


def test_where_m_stands_among_the_overrides_does_not_matter(undisturbed):
    code, output, errors = run(*TINY, "-m", *LOSSES, "seed=0,1", "plan=true", store=undisturbed[0])
    assert code == 0, errors
    assert "4 runs: 4 finished before" in output


def test_what_is_new_in_a_larger_sweep_is_trained_alone(undisturbed):
    store = undisturbed[0]
    before = {item.info.run_id for item in runs(store)}
    code, output, _ = run("-m", *TINY, *LOSSES, "seed=0,1,2", "plan=true", store=store)
    assert (code, len(runs(store))) == (0, 4)
    assert output.count("finished") >= 4
    assert "6 runs: 4 finished before, 2 to train; about 0:00:" in output
    code, _, _errors = run("-m", *TINY, *LOSSES, "seed=0,1,2", store=store)
    assert code == 0
    fresh = [item for item in runs(store) if item.info.run_id not in before]
    assert sorted((item.data.tags["arm"], item.data.tags["seed"]) for item in fresh) == [
        ("loss=bce", "2"),
        ("loss=mse", "2"),
    ]
    assert len(finished(store)) == 6


def test_one_run_is_reused_too_unless_it_is_to_be_trained_afresh(undisturbed):
    store = undisturbed[0]
    count = len(runs(store))
    code, output, _ = run(*TINY, "loss=bce", "seed=0", store=store)
    assert (code, len(runs(store))) == (0, count)
    assert "this very run has finished before" in output
    code, _, _ = run(*TINY, "loss=bce", "seed=0", "tracking.reuse=never", store=store)
    assert (code, len(runs(store))) == (0, count + 1)
    first, again = (
        item for item in runs(store) if item.data.tags["seed"] == "0" and "loss=bce" in item.info.run_name
    )
    assert trajectory(store, first) == trajectory(store, again)
    client(store).delete_run(again.info.run_id)


@pytest.mark.long
def test_hydras_own_launcher_gives_the_same_numbers(undisturbed, tmp_path):
    """In the command's own process, one run after the other, each as if it were asked for alone."""
    command = ("-m", *TINY, *LOSSES, "seed=0,1", "hydra/launcher=basic")
    code, _, errors = run(*command, store=tmp_path)
    assert code == 0, errors
    assert finished(tmp_path).items() <= finished(undisturbed[0]).items()
    assert len(finished(tmp_path)) == 4


def test_two_processes_that_want_the_same_run_train_it_once(tmp_path):
    both = [start(*TINY, "training.batches=40", store=tmp_path) for _ in range(2)]
    ended = [finish(process) for process in both]
    assert [code for code, _, _ in ended] == [0, 0]
    assert len(finished(tmp_path)) == len(runs(tmp_path)) == 1
    assert sum("this very run has finished before" in output for _, output, _ in ended) == 1
    assert sum("waiting for it" in errors for _, _, errors in ended) == 1


def test_equal_jobs_of_one_sweep_are_trained_once(tmp_path):
    code, _, errors = run("-m", *TINY, "seed=0,0", "hydra.launcher.workers=2", store=tmp_path)
    assert code == 0, errors
    assert len(finished(tmp_path)) == len(runs(tmp_path)) == 1


def test_a_file_changed_in_the_middle_changes_nothing(tmp_path):
    """The plan holds what was asked for when the sweep began."""
    folder = tmp_path / "my" / "experiment"
    folder.mkdir(parents=True)
    preset = folder / "mine.yaml"
    preset.write_text("# @package _global_\nname: mine\nnoise: {sigma: 0.3}\n")
    command = ("-m", "--config-dir", str(tmp_path / "my"), "experiment=mine", *TINY, "seed=0,1")
    process = start(*command, store=tmp_path / "store")
    wait_for(process, "[1/2] mine seed=0 begins")
    preset.write_text("# @package _global_\nname: mine\nnoise: {sigma: 0.9}\n")
    code, _, errors = finish(process)
    assert code == 0, errors
    assert {item.data.params["noise.sigma"] for item in runs(tmp_path / "store")} == {"0.3"}


def wait_for(process: Command, text: str, seconds: float = 120) -> None:
    """Read the process's lines until one holds ``text``."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        line = process.stderr.readline()
        if text in line:
            return
        assert line or process.poll() is None, "the command has ended"
    raise AssertionError(f"{text!r} was not said")


def workers(process: Command) -> list[int]:
    """The process ids of the command's descendants that train."""
    lines = subprocess.run(
        ["ps", "-ww", "-eo", "pid,ppid,args"], capture_output=True, text=True, check=True
    ).stdout
    rows = [line.split(None, 2) for line in lines.splitlines()[1:]]
    return [int(pid) for pid, parent, args in rows if int(parent) == process.pid and "spawn_main" in args]


def test_a_run_that_dies_is_reported_and_the_others_go_on(tmp_path):
    process = start("-m", *TINY, "training.batches=60", "seed=0,1,2", store=tmp_path)
    wait_for(process, "[2/3] default seed=1 begins")
    wait_until(lambda: any(item.info.status == "RUNNING" for item in runs(tmp_path)))
    (worker,) = workers(process)
    os.kill(worker, signal.SIGKILL)
    code, output, errors = finish(process)
    assert code == 1
    assert "FAILED" in errors
    assert "its process was killed by SIGKILL" in output
    assert sorted(item.info.status for item in runs(tmp_path)) == ["FAILED", "FINISHED", "FINISHED"]
    (failed,) = [item for item in runs(tmp_path) if item.info.status == "FAILED"]
    assert "SIGKILL" in failed.data.tags["reason"]
    code, _, errors = run("-m", *TINY, "training.batches=60", "seed=0,1,2", store=tmp_path)
    assert code == 0
    assert len(finished(tmp_path)) == 3
    assert "2 finished before, 1 to train" in errors


def wait_until(true, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.long
def test_one_failure_does_not_stop_the_others_and_all_are_listed(tmp_path):
    rates = "optimizer.learning_rate=1e-3,1e9,1e8"
    code, output, errors = run("-m", *TINY, "training.batches=8", rates, store=tmp_path)
    assert code == 1
    assert sorted(item.info.status for item in runs(tmp_path)) == ["FAILED", "FAILED", "FINISHED"]
    assert output.count("became") == 2
    for log in re.findall(r"log: (\S+)", output):
        assert "became" in Path(log).read_text()
    assert "Traceback" not in errors + output


@pytest.mark.parametrize(
    "rule", ["sweep.fail_fast=true", pytest.param("sweep.max_failures=0", marks=pytest.mark.long)]
)
def test_a_sweep_is_given_up_where_that_is_wanted(tmp_path, rule):
    rates = "optimizer.learning_rate=1e9,1e-3,1e-4"
    code, output, _errors = run("-m", *TINY, "training.batches=8", rates, rule, store=tmp_path)
    assert code == 1
    assert next(item.info.status for item in runs(tmp_path)) == "FAILED"
    assert len(finished(tmp_path)) < 2, "the one that ran may have ended before it was stopped"
    assert f"given up: {rule}" in output


def test_ctrl_c_keeps_the_rest_for_next_time(undisturbed, tmp_path):
    command = ("-m", *TINY, *LOSSES, "seed=0,1")
    process = start(*command, store=tmp_path)
    wait_for(process, "[2/4] loss=bce seed=1 begins")
    process.send_signal(signal.SIGINT)
    code, output, errors = finish(process)
    assert code == 130
    assert "[3/4]" not in errors
    assert sweep_status(tmp_path) == "KILLED"
    assert "the same command" in output + errors
    assert "Traceback" not in output + errors
    assert not [item for item in runs(tmp_path) if item.info.status == "RUNNING"]
    code, _, errors = run(*command, store=tmp_path)
    assert code == 0, errors
    assert sweep_status(tmp_path) == "FINISHED"
    assert finished(tmp_path).items() <= finished(undisturbed[0]).items()
    assert len(finished(tmp_path)) == 4


def test_a_sweep_killed_again_and_again_ends_as_an_undisturbed_one(undisturbed, tmp_path):
    """SIGKILL at two moments; ``tests/benchmarks`` does it ten times on twelve runs."""
    command = ("-m", *TINY, *LOSSES, "seed=0,1")
    for moment in (r"\[1/4\]", r"\[3/4\].*begins"):
        process = start(*command, store=tmp_path)
        for line in process.stderr:
            if re.search(moment, line):
                break
        kill_all(process)
    code, _, errors = run(*command, store=tmp_path)
    assert code == 0, errors
    assert finished(tmp_path).items() <= finished(undisturbed[0]).items()
    assert len(finished(tmp_path)) == 4
    assert not [item for item in runs(tmp_path) if item.info.status == "RUNNING"]


@pytest.mark.long
def test_workers_beside_each_other_lose_nothing(tmp_path):
    """Two workers of one thread each; what they record is what a serial sweep of one thread records."""
    one = {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1", "OMP_NUM_THREADS": "1"}
    code, _, errors = run("-m", *TINY, *LOSSES, "hydra.launcher.workers=2", store=tmp_path / "two")
    assert code == 0, errors
    serial = start("-m", *TINY, *LOSSES, store=tmp_path / "one", **one)
    assert finish(serial)[0] == 0
    assert finished(tmp_path / "two") == finished(tmp_path / "one")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["hydra.launcher.workers=0"], "hydra.launcher.workers must be a whole number from 1; got 0"),
        (["hydra.launcher.workers=x"], "hydra.launcher.workers must be a whole number from 1; got 'x'"),
        (["noise.sigma=0.1,-1"], "noise.sigma must be at least 0; got -1"),
        (["encoder.filters=[8],[8,8,8,8,8,8]"], "encoder"),
        (["sweep.max_failures=-1"], "sweep.max_failures must be at least 0"),
        (["sweep.metrik=test/mse"], "sweep.metrik: there is no such key; did you mean metric?"),
    ],
)
def test_mistakes_are_refused_before_anything_is_trained(tmp_path, arguments, message):
    code, _, errors = run("-m", *TINY, *arguments, store=tmp_path)
    assert_refused(code, errors, message)
    assert not (tmp_path / "mlflow.db").exists() or not runs(tmp_path)


def test_doubtful_images_are_warned_of_once(tmp_path):
    np.savez(tmp_path / "dim.npz", images=np.random.default_rng(0).integers(0, 2, (200, 8, 8), np.uint8))
    own = ("data=npz", f"data.path={tmp_path / 'dim.npz'}")
    code, _, errors = run("-m", *own, "loss=bce,mse", "seed=0,1", "plan=true", store=tmp_path)
    assert code == 0
    assert errors.count("dim: the pixels lie between 0 and 1, where 0 is black and 255 white") == 1
