"""Many runs are read from the database's tables: what MLflow gives, in a fraction of its time."""

import math
import sqlite3
import time
import uuid
from contextlib import closing

import pytest
from mlflow.entities import LoggedModelOutput, Param
from mlflow.exceptions import MlflowException
from processes import client

from dae_lab.tracking.database_queries import read_finished, read_recent
from dae_lab.tracking.store import RunStore

FINGERPRINT = "f" * 64
TAGS = {"fingerprint": FINGERPRINT, "kept": ""}


def finished_run(store, name="a run", **tags):
    """The id of a finished run with a little of everything."""
    here = client(store.folder)
    run_id = here.create_run(store.experiment_id, tags={**TAGS, **tags}, run_name=name).info.run_id
    values = {"a": 0.1 + 0.2, "b": math.nan, "c": math.inf, "d": -math.inf, "e": 5e-324}
    for key, value in values.items():
        here.log_metric(run_id, f"test/{key}", value, step=3)
        here.log_metric(run_id, f"test/{key}", value, step=1)
    here.log_param(run_id, "data", "größer\n'\"")
    model = here.create_logged_model(store.experiment_id, "model", run_id)
    here.log_outputs(run_id, [LoggedModelOutput(model.model_id, step=2)])
    here.set_terminated(run_id, "FINISHED")
    return run_id


def copies(store, run_id, count):
    """As many runs that are like it but for their ids."""
    with closing(sqlite3.connect(store.folder / "mlflow.db")) as database:
        for _ in range(count):
            copy = uuid.uuid4().hex
            for table in ("runs", "latest_metrics", "params", "tags"):
                names = [row[1] for row in database.execute(f"PRAGMA table_info({table})")]
                values = ", ".join("?" if name == "run_uuid" else name for name in names)
                database.execute(
                    f"INSERT INTO {table} ({', '.join(names)}) SELECT {values} FROM {table} "
                    f"WHERE run_uuid = ?",
                    [copy, run_id],
                )
        database.commit()


def by_mlflow(store):
    query = f"tags.fingerprint = '{FINGERPRINT}' and attributes.status = 'FINISHED'"
    return store.gateway.search_runs([store.experiment_id], query)


def repr_of(run):
    """Everything of a run, where NaN equals NaN."""
    return repr([sorted(value.items()) if isinstance(value, dict) else value for value in vars(run).values()])


def test_they_are_what_mlflow_gives(tracking):
    store = RunStore(tracking)
    wanted = {finished_run(store), finished_run(store)}
    finished_run(store, fingerprint="0" * 64)
    store.gateway.create_run(store.experiment_id, "a run", TAGS)  # it runs
    client(store.folder).delete_run(finished_run(store))
    found = read_finished(store.files.database, store.experiment_id, [FINGERPRINT, "1" * 64])
    assert {run.run_id for run in found} == wanted
    expected = {run.run_id: repr_of(run) for run in by_mlflow(store)}
    assert {run.run_id: repr_of(run) for run in found} == expected


def test_the_last_of_each_fingerprint_counts_and_replays_do_not(tracking):
    store = RunStore(tracking)
    finished_run(store)
    last = finished_run(store)
    finished_run(store, replay_of=last)
    write_config(store, last)
    assert store.find_finished(FINGERPRINT).run_id == last


def write_config(store, run_id):
    """The artifact that every finished run has."""
    client(store.folder).log_text(run_id, "seed: 0", "config.yaml")


def test_many_runs_are_found_at_once(tracking, monkeypatch):
    """Each with what it has to have kept, in the order in which they are wanted; MLflow is not asked."""
    store = RunStore(tracking)
    first, second = finished_run(store), finished_run(store, fingerprint="0" * 64, kept="report")
    for run_id in (first, second):
        write_config(store, run_id)
    client(store.folder).log_text(second, "<html>", "report.html")
    monkeypatch.setattr(store.gateway, "search_runs", None)
    wanted = [("0" * 64, ["report"]), ("1" * 64, []), (FINGERPRINT, []), (FINGERPRINT, ["report"])]
    found = store.find_all_finished(wanted, "abcdef01")
    assert [run and run.run_id for run in found] == [second, None, first, None]


def test_there_may_be_more_than_mlflow_gives_at_once(tracking):
    store = RunStore(tracking)
    copies(store, finished_run(store), 1100)
    assert len(read_finished(store.files.database, store.experiment_id, [FINGERPRINT])) == 1101


def test_the_last_runs_of_each_workload_are_read(tracking):
    store = RunStore(tracking)
    here = client(store.folder)
    for number in range(5):
        for workload in ("a", "b"):
            run = here.create_run(store.experiment_id, tags={"workload": workload, "number": str(number)})
            here.set_terminated(run.info.run_id, "FINISHED", end_time=number + 1)
    here.create_run(store.experiment_id, tags={"workload": "a"})  # it runs
    found = read_recent(store.files.database, ["a", "b", "c"], 2)
    read = sorted((run.tags["workload"], run.tags["number"]) for run in found)
    assert read == [("a", "3"), ("a", "4"), ("b", "3"), ("b", "4")]


def test_they_are_read_in_a_fraction_of_the_time(tracking):
    """Time by time in pairs, the least of each, as other processes use this machine."""
    store = RunStore(tracking)
    run_id = finished_run(store)
    params = [Param(f"key/{number}", "value") for number in range(90)]
    client(store.folder).log_batch(run_id, params=params)
    copies(store, run_id, 300)
    database, experiment_id = store.files.database, store.experiment_id
    queries = [lambda: read_finished(database, experiment_id, [FINGERPRINT]), lambda: by_mlflow(store)]
    spent = [[seconds(query) for query in queries] for _ in range(3)]
    ours, theirs = map(min, zip(*spent, strict=True))
    assert ours < theirs / 2


def seconds(act):
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def test_where_the_tables_are_others_mlflow_is_asked(tracking):
    store = RunStore(tracking)
    finished_run(store)
    with closing(sqlite3.connect(store.folder / "mlflow.db")) as database:
        database.execute("ALTER TABLE params RENAME TO parameters")
        database.execute("CREATE VIEW params AS SELECT run_uuid, key AS name FROM parameters")
        database.commit()
    with pytest.raises(sqlite3.OperationalError):
        read_finished(store.files.database, store.experiment_id, [FINGERPRINT])
    with pytest.raises(MlflowException, match="params"):
        store.find_finished(FINGERPRINT)
