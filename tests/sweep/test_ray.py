"""The runs of a sweep as tasks of a real Ray cluster, on 127.0.0.1."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
from engines import LONG, SWEEP, doing, undisturbed
from processes import assert_refused, finish, finished, run, runs, start, trajectory

pytest.importorskip("ray", reason="needs the extra ray: pip install 'dae-lab[ray]'")
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="finds processes in /proc")

RAY = ("hydra/launcher=ray",)


@pytest.mark.long
def test_the_same_numbers_and_one_that_dies_takes_no_other_along(tmp_path):
    process = start(*SWEEP, *RAY, store=tmp_path)
    os.kill(doing(process, tmp_path, 0, "data: "), signal.SIGKILL)
    code, output, errors = finish(process)
    assert code == 1
    assert "[1/2] loss=bce seed=0 is queued; its log will be " in errors
    assert "its process died in the middle of the run" in output
    assert len(finished(tmp_path)) == 1
    assert finished(tmp_path).items() <= undisturbed().items()
    assert "RUNNING" not in {item.info.status for item in runs(tmp_path)}

    code, _, errors = run(*SWEEP, *RAY, store=tmp_path)
    assert (code, finished(tmp_path)) == (0, undisturbed())
    assert "1 finished before, 1 to train" in errors


@pytest.mark.long
def test_settings_of_python_and_keras_in_the_environment_change_nothing(tmp_path):
    settings = {
        "PYTHONOPTIMIZE": "2",
        "PYTHONWARNINGS": "error",
        "KERAS_BACKEND": "torch",
        "KERAS_MAX_EPOCHS": "1",
    }
    code, _, errors = finish(start(*SWEEP, *RAY, store=tmp_path, **settings))
    assert code == 0, errors
    assert finished(tmp_path) == undisturbed()


@contextmanager
def cluster(folder: Path):
    """A Ray cluster on 127.0.0.1 that lives longer than a command; its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [str(Path(sys.executable).parent / "ray"), "start", "--head", "--block", f"--port={port}"]
    only_here = ["--node-ip-address=127.0.0.1", "--include-dashboard=false", "--disable-usage-stats"]
    size = ["--num-cpus=1", "--object-store-memory=100000000", f"--temp-dir={folder}"]
    process = subprocess.Popen(
        [*command, *only_here, *size],
        env={**os.environ, "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield f"127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)


@pytest.mark.long
def test_ctrl_c_ends_a_run_that_another_cluster_finishes(tmp_path, monkeypatch):
    process = start(*LONG, *RAY, store=tmp_path)
    doing(process, tmp_path, 0, "val/loss")
    process.send_signal(signal.SIGINT)
    code, _, errors = finish(process)
    assert code == 130
    assert "Traceback" not in errors
    assert [item.info.status for item in runs(tmp_path)] == ["KILLED"]

    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    monkeypatch.setenv("RAY_AUTH_TOKEN", "0123456789abcdef" * 4)
    with cluster(Path("/tmp") / f"ray-{os.getpid()}") as address:
        code, _, errors = run(*LONG, *RAY, f"hydra.launcher.address='{address}'", store=tmp_path)
    assert code == 0, errors
    (only,) = runs(tmp_path)
    assert (only.info.status, only.data.tags["resumed"]) == ("FINISHED", "1")
    assert [step for step, _ in trajectory(tmp_path, only)["train/loss"]] == list(range(1, 41))


def sleep_in_steps():
    for _ in range(100):
        time.sleep(0.05)


def test_a_cancellation_that_python_drops_comes_again(monkeypatch):
    from dae_lab.sweep import ray

    monkeypatch.setattr(ray, "INSISTENCE", 0.2)
    over = threading.Event()
    before = signal.signal(signal.SIGINT, partial(ray._insist, over))
    try:
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):  # the first one may have been raised in a destructor
            sleep_in_steps()
    finally:
        over.set()
        signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["hydra.launcher.cpus_per_run=0"], "hydra.launcher.cpus_per_run must be at least 1; got 0"),
        (["hydra.launcher.cpus_per_run=half"], "hydra.launcher.cpus_per_run must be a whole number; got"),
        (["hydra.launcher.cpus=1"], "hydra.launcher.cpus"),
        (["hydra.launcher.memory_gb=1000000"], "hydra.launcher.memory_gb: no machine of the cluster has as"),
        (["hydra.launcher.address='127.0.0.1:9'"], "at 127.0.0.1:9 cannot be used: [Errno 111] Connection"),
    ],
)
def test_a_mistake_is_one_sentence(tmp_path, arguments, message):
    code, _, errors = run(*SWEEP, *RAY, *arguments, store=tmp_path)
    assert_refused(code, errors, message)


def test_variables_for_a_cluster_of_others_are_refused(tmp_path):
    given = ("hydra.launcher.address=auto", "+hydra.job.env_set.NAME=value")
    code, _, errors = run("-m", *RAY, *given, "data=digits", store=tmp_path)
    assert_refused(code, errors, "hydra.job.env_set")
