"""Many runs are read from the database's tables: what MLflow gives, in a fraction of its time."""

import math
import sqlite3
import time
import uuid
from contextlib import closing

import pytest
from mlflow.entities import LoggedModelOutput, Param
from mlflow.exceptions import MlflowException

from dae_lab.tracking.store import Store
from dae_lab.tracking.tables import finished_runs

SWEEP = {"sweep": "abcdef01", "kept": ""}


def finished_run(store, name="a run", **tags):
    """The id of a finished run with a little of everything."""
    client = store.client
    run_id = client.create_run(store.experiment_id, tags={**SWEEP, **tags}, run_name=name).info.run_id
    values = {"a": 0.1 + 0.2, "b": math.nan, "c": math.inf, "d": -math.inf, "e": 5e-324}
    for key, value in values.items():
        client.log_metric(run_id, f"test/{key}", value, step=3)
        client.log_metric(run_id, f"test/{key}", value, step=1)
    client.log_param(run_id, "data", "größer\n'\"")
    model = client.create_logged_model(store.experiment_id, "model", run_id)
    client.log_outputs(run_id, [LoggedModelOutput(model.model_id, step=2)])
    client.set_terminated(run_id, "FINISHED")
    return run_id


def copies(store, run_id, count):
    """As many runs that are like it but for their ids."""
    with closing(sqlite3.connect(store.folder / "mlflow.db")) as database:
        for number in range(count):
            copy = uuid.uuid4().hex
            for table in ("runs", "latest_metrics", "params", "tags"):
                names = [row[1] for row in database.execute(f"PRAGMA table_info({table})")]
                values = ", ".join("?" if name == "run_uuid" else name for name in names)
                database.execute(
                    f"INSERT INTO {table} ({', '.join(names)}) SELECT {values} FROM {table} "
                    f"WHERE run_uuid = ?",
                    [copy, run_id],
                )
            database.execute("INSERT INTO tags VALUES ('fingerprint', ?, ?)", [f"{number:064x}", copy])
        database.commit()


def by_mlflow(store):
    query = "tags.sweep LIKE '%abcdef01%' and attributes.status = 'FINISHED'"
    return store.client.search_runs([store.experiment_id], query)


def test_they_are_what_mlflow_gives(tracking):
    store = Store(tracking)
    wanted = {finished_run(store), finished_run(store, sweep="01234567 abcdef01 89abcdef")}
    finished_run(store, sweep="01234567")
    store.client.create_run(store.experiment_id, tags=SWEEP)  # it runs
    store.client.delete_run(finished_run(store))
    found = finished_runs(store.folder / "mlflow.db", store.experiment_id, "sweep", "abcdef01")
    assert {run.info.run_id for run in found} == wanted
    expected = {run.info.run_id: run for run in by_mlflow(store)}
    for run in found:
        other = expected[run.info.run_id]
        assert dict(run.info) == dict(other.info)
        assert repr(sorted(run.data.metrics.items())) == repr(sorted(other.data.metrics.items()))
        assert (run.data.params, run.data.tags) == (other.data.params, other.data.tags)
        assert run.outputs.to_dictionary() == other.outputs.to_dictionary()


def test_the_last_of_each_fingerprint_counts_and_replays_do_not(tracking):
    store = Store(tracking)
    finished_run(store, fingerprint="f" * 64)
    last = finished_run(store, fingerprint="f" * 64)
    finished_run(store, fingerprint="f" * 64, replay_of=last)
    found = store.finished_of("sweep", "abcdef01")
    assert {fingerprint: run.run_id for fingerprint, run in found.items()} == {"f" * 64: last}


def test_there_may_be_more_than_mlflow_gives_at_once(tracking):
    store = Store(tracking)
    copies(store, finished_run(store), 1100)
    assert len(store.finished_of("sweep", "abcdef01")) == 1101


def test_they_are_read_in_a_fraction_of_the_time(tracking):
    """Time by time in pairs, the least of each, as other processes use this machine."""
    store = Store(tracking)
    run_id = finished_run(store)
    store.client.log_batch(run_id, params=[Param(f"key/{number}", "value") for number in range(90)])
    copies(store, run_id, 300)
    questions = [lambda: store.finished_of("sweep", "abcdef01"), lambda: by_mlflow(store)]
    spent = [[seconds(question) for question in questions] for _ in range(3)]
    ours, theirs = map(min, zip(*spent, strict=True))
    assert ours < theirs / 2


def seconds(act):
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def test_where_the_tables_are_others_mlflow_is_asked(tracking):
    store = Store(tracking)
    finished_run(store)
    with closing(sqlite3.connect(store.folder / "mlflow.db")) as database:
        database.execute("ALTER TABLE params RENAME TO parameters")
        database.execute("CREATE VIEW params AS SELECT run_uuid, key AS name FROM parameters")
        database.commit()
    with pytest.raises(sqlite3.OperationalError):
        finished_runs(store.folder / "mlflow.db", store.experiment_id, "sweep", "abcdef01")
    with pytest.raises(MlflowException, match="params"):
        store.finished_of("sweep", "abcdef01")
