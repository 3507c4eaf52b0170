"""The command behind a real MLflow server: one that goes away, and one on PostgreSQL."""

import signal
import time

import mlflow
import numpy as np
import pytest
from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from processes import client, finish, run, runs, start, wait_for_epoch
from servers import until

from dae_lab.errors import ConfigError
from dae_lab.paths import conf_folder
from dae_lab.sweep.compose import Composed
from dae_lab.sweep.plan import make_plan

RUN = ("data=digits", "training.epochs=20", "training.batches=8", "evaluation=scores")
"""Long enough for an outage in the middle of it."""

SWEEP = ("-m", "data=digits", "training.epochs=2", "training.batches=4", "evaluation=scores")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """The run that the others are compared with, in a database of this machine: its store, and itself."""
    store = tmp_path_factory.mktemp("undisturbed")
    code, _, errors = run(*RUN, store=store)
    assert code == 0, errors
    return client(store), runs(store)[0]


def behind(server, store, *more):
    """``RUN`` as a person starts it, in an experiment of its own behind ``server``, after its first epoch."""
    place = f"tracking.uri={server.uri}", f"tracking.experiment={store.name}"
    process = start(*RUN, *place, *more, store=store)
    wait_for_epoch(process, 1)
    return process


def curves(store, run):
    """Every metric of a run but the times: (step, value) in the order of logging, bit for bit."""
    names = [name for name in run.data.metrics if not name.startswith("time/")]
    found = {name: store.get_metric_history(run.info.run_id, name) for name in names}
    return {name: [(item.step, item.value) for item in points] for name, points in found.items()}


def files(store, run, folder=None):
    return [item.path for item in store.list_artifacts(run.info.run_id, folder)]


def check_the_same(undisturbed, server, experiment):
    """The run behind ``server`` recorded all that the undisturbed one did, bit for bit, nothing twice."""
    (here, before), there = undisturbed, server.client()
    (now,) = there.search_runs([there.get_experiment_by_name(experiment).experiment_id])
    assert now.info.status == "FINISHED"
    assert curves(there, now) == curves(here, before)
    for name, count in (("time/epoch_s", 20), ("time/run_s", 1)):
        assert len(there.get_metric_history(now.info.run_id, name)) == count
    assert now.data.params.keys() == before.data.params.keys()
    assert now.data.tags.keys() == before.data.tags.keys()
    assert files(there, now) == files(here, before)
    assert len(files(there, now, "images")) == len(files(here, before, "images")) > 20
    check_the_same_model(undisturbed, server, now)


def check_the_same_model(undisturbed, server, now):
    noisy = np.linspace(0, 1, 2 * 64, dtype=np.float32).reshape(2, 8, 8, 1)
    answers = []
    for uri, one in ((undisturbed[0].tracking_uri, undisturbed[1]), (server.uri, now)):
        mlflow.set_tracking_uri(uri)
        answers.append(mlflow.pyfunc.load_model(f"runs:/{one.info.run_id}/model").predict(noisy))
    np.testing.assert_array_equal(*answers)
    (filed,) = server.client().search_logged_models([now.info.experiment_id])
    assert (filed.status, filed.name, filed.source_run_id) == ("READY", "model", now.info.run_id)
    assert {item.key: item.value for item in filed.metrics}["test/mse"] == now.data.metrics["test/mse"]


@pytest.mark.long
def test_a_server_that_hangs_in_mid_run_changes_nothing(undisturbed, well, tmp_path):
    process = behind(well, tmp_path)
    well.send(signal.SIGSTOP)
    until(lambda: len(list(tmp_path.glob("spool/*/0*.json"))) > 3, "writes in the spool")
    well.send(signal.SIGCONT)
    code, _, errors = finish(process)
    assert code == 0, errors
    assert errors.count("is away") == errors.count("the server is back") == 1
    check_the_same(undisturbed, well, tmp_path.name)


def test_a_server_that_does_not_come_back_gets_everything_by_sync(undisturbed, well, tmp_path):
    process = behind(well, tmp_path, "tracking.patience=0")
    well.kill()
    code, output, errors = finish(process)
    assert code == 0, errors
    assert "Test MSE" in output
    assert "python -m dae_lab.run sync=true" in errors
    code, _, errors = run("sync=true", f"tracking.uri={well.uri}", store=tmp_path)
    assert (code, errors.count("error: ")) == (1, 1)
    assert f"no MLflow server answers at {well.uri}" in errors
    well.start()
    code, output, errors = run("sync=true", f"tracking.uri={well.uri}", store=tmp_path)
    assert (code, output.count(f"writes pushed to {well.uri}")) == (0, 1), errors
    check_the_same(undisturbed, well, tmp_path.name)


@pytest.mark.long
def test_a_server_that_is_away_for_half_a_minute_in_mid_run_changes_nothing(undisturbed, well, tmp_path):
    process = behind(well, tmp_path)
    well.kill()
    time.sleep(30)
    well.start()
    code, _, errors = finish(process)
    assert code == 0, errors
    assert errors.count("is away") == errors.count("the server is back") == 1
    check_the_same(undisturbed, well, tmp_path.name)


def test_a_sweep_recorded_by_postgresql_has_the_same_numbers(on_postgresql, tmp_path):
    server, _ = on_postgresql
    stores = {tmp_path / "here": [], tmp_path / "there": [f"tracking.uri={server.uri}"]}
    sweeps = [
        start(*SWEEP, "loss=bce,mse", "tracking.experiment=sweep", *place, store=store)
        for store, place in stores.items()
    ]
    for process in sweeps:
        code, _, errors = finish(process)
        assert code == 0, errors
    numbers = []
    for where in (client(tmp_path / "here"), server.client()):
        found = where.search_runs([where.get_experiment_by_name("sweep").experiment_id])
        assert ["reconstructions.png" in files(where, item) for item in found] == [True] * 2
        numbers.append({item.data.tags["fingerprint"]: curves(where, item) for item in found})
    assert len(numbers[0]) == 2
    assert numbers[0] == numbers[1]


def test_sync_is_not_swept(tmp_path):
    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        config = hydra_compose("config", overrides=["sync=true"])
    with pytest.raises(ConfigError, match="sync pushes what waits and trains nothing: give it"):
        make_plan([Composed(["sync=true"], "none", config)])
