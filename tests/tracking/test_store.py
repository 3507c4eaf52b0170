"""The record of runs, in a real database and behind a real server."""

import errno
import json
import math
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from threading import Barrier

import pytest
from mlflow.tracking import MlflowClient
from processes import client, runs, status

from dae_lab import experiment
from dae_lab.errors import TrackingError, TrainingError
from dae_lab.process import StopSignals, Terminated
from dae_lab.tracking.queries import RECENT
from dae_lab.tracking.store import RunStore

SMALL = ("training.epochs=1", "training.batches=2", "evaluation=scores", "training.batch_size=16")


def test_a_block_that_ends_is_finished(tracking):
    store = RunStore(tracking)
    with store.open_run("a run", "f" * 64, {"seed": "3"}) as record:
        record.log_series([("train/step_loss", 1 / step, step) for step in range(1, 1501)])
        assert status(store) == ["RUNNING"]
    assert status(store) == ["FINISHED"]
    assert len(client(store.folder).get_metric_history(record.run_id, "train/step_loss")) == 1500
    assert runs(store.folder)[0].data.tags["seed"] == "3"
    assert [item.name for item in (store.folder / "locks").iterdir()] == ["store"]


def test_a_block_that_raises_is_failed_with_its_reason(tracking):
    store = RunStore(tracking)
    with pytest.raises(ValueError, match="no such luck"), store.open_run("a run", "f" * 64, {}):
        raise ValueError("no such luck")
    assert status(store) == ["FAILED"]
    assert runs(store.folder)[0].data.tags["reason"] == "ValueError: no such luck"


def interrupted_after_a_checkpoint(record):
    record.checkpoints.mkdir()
    (record.checkpoints / "checkpoint.npz").write_text("{}")
    raise KeyboardInterrupt


def test_an_interrupted_block_is_killed_and_its_run_taken_up_again(tracking):
    store = RunStore(tracking)
    with pytest.raises(KeyboardInterrupt), store.open_run("a run", "f" * 64, {}) as record:
        interrupted_after_a_checkpoint(record)
    assert status(store) == ["KILLED"]
    with store.open_run("another config", "e" * 64, {}) as other:
        assert other.run_id != record.run_id
    with store.open_run("a run", "f" * 64, {}) as again:
        assert again.run_id == record.run_id
    assert sorted(status(store)) == ["FINISHED", "FINISHED"]
    assert not record.checkpoints.exists()


def test_what_was_cut_and_can_go_on_is_known_beforehand(tracking):
    """With a checkpoint, and not while another process has it."""
    store = RunStore(tracking)
    with pytest.raises(KeyboardInterrupt), store.open_run("a run", "f" * 64, {"sweep": "abcdef01"}) as record:
        interrupted_after_a_checkpoint(record)
    with pytest.raises(KeyboardInterrupt), store.open_run("another", "e" * 64, {"sweep": "abcdef01"}):
        raise KeyboardInterrupt
    assert store.recovery.find_resumable("sweep", "abcdef01") == {"f" * 64}
    assert store.recovery.find_resumable("sweep", "12345678") == set()
    with store.open_run("a run", "f" * 64, {}):
        assert store.recovery.find_resumable("sweep", "abcdef01") == set()


def test_what_was_logged_before_an_interruption_is_not_logged_again(tracking):
    store = RunStore(tracking)
    values = {"test/mse": 0.25, "test/area": math.nan}
    with pytest.raises(KeyboardInterrupt), store.open_run("a run", "f" * 64, {}) as record:
        record.log_metrics(values, step=0) or interrupted_after_a_checkpoint(record)
    with store.open_run("a run", "f" * 64, {}) as again:
        again.log_metrics({**values, "test/ssim": 0.5}, step=0)
    assert again.run_id == record.run_id
    for name in ("test/mse", "test/area", "test/ssim"):
        assert len(client(store.folder).get_metric_history(again.run_id, name)) == 1, name


def test_runs_that_died_together_all_go_on(tracking):
    store = RunStore(tracking)
    dead = []
    for fingerprint in ("a" * 64, "b" * 64):
        record = store.writers.create(store.experiment_id, "a run", fingerprint, {})
        record.checkpoints.mkdir()
        (record.checkpoints / "checkpoint.npz").write_text("{}")
        record.lock.release()  # as the system does when a process is killed
        dead.append(record.run_id)
    for fingerprint, run_id in zip(("a" * 64, "b" * 64), dead, strict=True):
        with store.open_run("a run", fingerprint, {}) as again:
            assert again.run_id == run_id
    assert status(store) == ["FINISHED"] * 2


def test_what_fails_from_outside_goes_on_and_what_diverged_does_not(tracking):
    store = RunStore(tracking)
    for error, resumed in ((OSError("disk full"), True), (TrainingError("the loss became nan"), False)):
        with pytest.raises(type(error)), store.open_run("a run", "f" * 64, {}) as record:
            failed_after_a_checkpoint(record, error)
        assert record.checkpoints.exists() == resumed
        with store.open_run("a run", "f" * 64, {}) as again:
            assert (again.run_id == record.run_id) == resumed


def failed_after_a_checkpoint(record, error):
    record.checkpoints.mkdir()
    (record.checkpoints / "checkpoint.npz").write_text("{}")
    raise error


def test_dead_runs_of_other_experiments_are_closed_too(compose, tmp_path):
    other = RunStore(compose(f"tracking.dir={tmp_path}", "tracking.experiment=other").tracking)
    dead = other.writers.create(other.experiment_id, "a run", "f" * 64, {})
    dead.lock.release()  # as the system does when a process dies
    with RunStore(compose(f"tracking.dir={tmp_path}").tracking).open_run("next", "e" * 64, {}):
        pass
    assert client(other.folder).get_run(dead.run_id).info.status == "KILLED"


def test_a_run_that_ends_while_it_is_looked_at_stays_finished(tracking, monkeypatch):
    store = RunStore(tracking)
    with store.open_run("a run", "f" * 64, {}) as first:
        seen = store.gateway.search_runs([store.experiment_id], "attributes.status = 'RUNNING'")
    monkeypatch.setattr(store.gateway, "search_runs", lambda *_: seen)  # the other process's old view
    (store.folder / "locks" / seen[0].tags["lock"]).touch()
    with store.open_run("next", "e" * 64, {}):
        pass
    assert client(store.folder).get_run(first.run_id).info.status == "FINISHED"


def test_an_experiment_deleted_in_mlflow_is_named(tracking):
    store = RunStore(tracking)
    client(store.folder).delete_experiment(store.experiment_id)
    with pytest.raises(TrackingError, match="dae_lab was deleted in MLflow"):
        RunStore(tracking)


def test_a_store_lost_in_mid_run_is_one_sentence(tracking):
    store = RunStore(tracking)
    message = "goes on from the last checkpoint"
    with pytest.raises(TrackingError, match=message), store.open_run("a run", "f" * 64, {}) as record:
        lose(store, record)


def lose(store, record):
    (store.folder / "mlflow.db").unlink()
    (store.folder / "mlflow.db").mkdir()
    record.set_tag("any", "thing")


def test_places_with_odd_names_are_printed_as_they_are(compose, tmp_path):
    store = RunStore(compose(f"tracking.dir='{tmp_path}/späce d'").tracking)
    with store.open_run("a run", "f" * 64, {}) as record:
        record.log_text("hello", "file.txt")
    assert Path(record.locate_artifact("file.txt")).read_text() == "hello"
    assert shlex.split(store.ui_links(record).command)[-1] == f"sqlite:///{tmp_path}/späce d/mlflow.db"


def test_a_run_that_lives_is_left_alone(tracking, monkeypatch):
    monkeypatch.setattr(
        "dae_lab.tracking.recovery.LOCK_TIMEOUT", 1.0
    )  # a process that only looks is waited for
    store = RunStore(tracking)
    with store.open_run("a run", "f" * 64, {}) as first, store.open_run("a run", "f" * 64, {}) as second:
        assert first.run_id != second.run_id
        assert status(store) == ["RUNNING", "RUNNING"]
    assert status(store) == ["FINISHED", "FINISHED"]


def test_a_damaged_database_is_reported(tracking, tmp_path):
    (tmp_path / "mlflow.db").write_bytes(b"this is no database" * 100)
    with pytest.raises(TrackingError, match=r"mlflow\.db: the store of runs cannot be opened"):
        RunStore(tracking)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def served(*command, health):
    """A server of MLflow's, answering."""
    process = subprocess.Popen(
        [sys.executable, "-m", "mlflow", *command],
        env={
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        deadline = time.monotonic() + 120
        while True:
            try:
                urllib.request.urlopen(health, timeout=2).close()
                break
            except OSError:
                assert process.poll() is None, "the server died"
                assert time.monotonic() < deadline, "the server does not answer"
                time.sleep(0.3)
        yield
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)


def test_a_run_behind_a_server_and_its_model_served(compose, tmp_path):
    port, serving = free_port(), free_port()
    uri = f"http://127.0.0.1:{port}"
    backend = ["--backend-store-uri", f"sqlite:///{tmp_path}/server.db"]
    place = ["--artifacts-destination", str(tmp_path / "artifacts"), "--workers", "1"]
    with served("server", *backend, *place, "--port", str(port), health=f"{uri}/health"):
        result = experiment.run(compose(*SMALL, f"tracking.uri={uri}", f"tracking.dir={tmp_path}"))
        client = MlflowClient(uri)
        run = client.get_run(result.record.run_id)
        assert run.info.status == "FINISHED"
        assert run.data.metrics["test/mse"] == pytest.approx(result.evaluation.scores["model"]["mse"])
        assert "reconstructions.png" in {item.path for item in client.list_artifacts(run.info.run_id)}
        model = tmp_path / "model"
        (logged,) = client.search_logged_models([run.info.experiment_id])
        subprocess.run(
            [sys.executable, "-m", "mlflow", "artifacts", "download", "-u", logged.model_uri, "-d", model],
            env={"MLFLOW_TRACKING_URI": uri, "PATH": ""},
            check=True,
            capture_output=True,
        )
    command = ["models", "serve", "-m", str(model), "--env-manager", "local", "--port", str(serving)]
    with served(*command, health=f"http://127.0.0.1:{serving}/health"):
        request = urllib.request.Request(
            f"http://127.0.0.1:{serving}/invocations",
            json.dumps({"inputs": [[[[0.5]] * 28] * 28]}).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            image = json.loads(answer.read())["predictions"][0]
    assert (len(image), len(image[0]), len(image[0][0])) == (28, 28, 1)
    assert 0 <= image[0][0][0] <= 1


def test_runs_that_begin_at_once_record_the_same_data(tracking):
    """MLflow looks whether it knows a data set and then adds it; of eight at once most are in between."""
    store = RunStore(tracking)
    for digest in "abc":
        with ExitStack() as opened, ThreadPoolExecutor(8) as pool:
            records = [
                opened.enter_context(store.open_run(f"run {number}", f"{digest}{number}" * 32, {}))
                for number in range(8)
            ]
            together = Barrier(8)

            def note(record, digest=digest, together=together):
                together.wait()
                record.log_dataset("digits", digest * 12, "a package", {"train": 1})

            list(pool.map(note, records))
        for record in records:
            [known] = client(store.folder).get_run(record.run_id).inputs.dataset_inputs
            assert known.dataset.digest == digest * 12


def test_the_time_of_a_run_is_estimated_from_the_last_ones_of_its_workload(tracking):
    """A store may have thousands, each of which takes milliseconds to load."""
    store = RunStore(tracking)
    here = client(store.folder)
    for number in range(RECENT + 4):
        tags = {"workload": "a"}
        run = here.create_run(store.experiment_id, start_time=number, tags=tags).info.run_id
        here.log_metric(run, "time/run_s", 100.0 if number < 4 else 7.0)
        here.log_metric(run, "time/epoch_s", 2.0)
        here.log_param(run, "training.epochs", 3)
        here.set_terminated(run, "FINISHED", end_time=number)
    seconds = store.queries.typical_seconds([("a", 3), ("a", 5), ("b", 3)])
    assert seconds == {("a", 3): 7.0, ("a", 5): 11.0, ("b", 3): None}


def test_an_error_that_a_stop_has_caused_closes_the_run_as_killed(tracking):
    """As a terminal that is closed: it sends SIGHUP, and cannot be written any more."""
    store = RunStore(tracking)
    signals = StopSignals()
    with signals.caught(signal.SIGTERM):
        with suppress(Terminated):
            signal.raise_signal(signal.SIGTERM)
        with (
            pytest.raises(Terminated),
            store.open_run("run", "f" * 64, {}),
            signals.told_from_errors(),
        ):
            raise OSError(errno.EIO, "Input/output error")
    assert status(store) == ["KILLED"]
    with (
        pytest.raises(OSError, match="Input/output"),
        store.open_run("run", "e" * 64, {}),
        signals.told_from_errors(),
    ):
        raise OSError(errno.EIO, "Input/output error")
    assert status(store) == ["KILLED", "FAILED"]
