"""Why a store has failed is said by its cause, with advice that helps against that."""

import logging
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from mlflow.exceptions import MlflowException
from processes import runs

from dae_lab.errors import TrackingError
from dae_lab.tracking.error_messages import error_cause, failure_reason
from dae_lab.tracking.store import RunStore

AUTOFLUSH = """(raised as a result of Query-invoked autoflush; consider using a session.no_autoflush block \
if this flush is occurring prematurely)
(sqlite3.OperationalError) database or disk is full
[SQL: INSERT INTO metrics ("key", value) VALUES (?, ?)]
[parameters: [('secret', 0.0036)]]
(Background on this error at: https://sqlalche.me/e/21/e3q8)"""


def change(tracking, statement):
    with closing(sqlite3.connect(Path(tracking.dir) / "mlflow.db")) as connection:
        connection.execute(statement)
        connection.commit()


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        (AUTOFLUSH, "database or disk is full"),
        ("(sqlite3.OperationalError) no such table: runs\n[SQL: SELECT 'secret']", "no such table: runs"),
        ("plain words\nand more", "plain words"),
        ("[SQL: SELECT 'secret']", "MlflowException"),
        ("", "MlflowException"),
    ],
)
def test_the_cause_is_said_without_statements(said, cause):
    assert error_cause(MlflowException(said)) == cause
    assert "secret" not in failure_reason(MlflowException(said))


def test_a_table_that_is_gone_is_said_where_a_run_is_closed(tracking):
    store = RunStore(tracking)
    with (
        pytest.raises(TrackingError, match="could not be closed as FINISHED: no such table: latest_metrics;"),
        store.open_run("a run", "f" * 64, {}),
    ):
        change(tracking, "DROP TABLE latest_metrics")


def test_a_folder_that_is_gone_is_said_where_a_run_is_closed(tracking):
    store = RunStore(tracking)
    with (
        pytest.raises(TrackingError, match=f"as FINISHED: the store's folder {tracking.dir} is gone;"),
        store.open_run("a run", "f" * 64, {}),
    ):
        shutil.rmtree(tracking.dir)


def test_the_reason_of_a_failure_is_its_cause(tracking):
    store = RunStore(tracking)
    with (
        pytest.raises(TrackingError, match="any more: database or disk is full"),
        store.open_run("a run", "f" * 64, {}),
    ):
        raise MlflowException(AUTOFLUSH)
    assert runs(store.folder)[0].data.tags["reason"] == "MlflowException: database or disk is full"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MLFLOW_SQLALCHEMYSTORE_POOL_SIZE", "abc"),
        ("MLFLOW_SQLALCHEMYSTORE_POOLCLASS", "Nope"),
        ("MLFLOW_SQLALCHEMYSTORE_ECHO", "perhaps"),
        ("MLFLOW_ENABLE_WORKSPACES", "true"),
    ],
)
def test_a_variable_that_mlflow_cannot_use_is_named(compose, tmp_path, monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    tracking = compose(f"tracking.dir={tmp_path / 'new'}").tracking
    with pytest.raises(TrackingError, match=f"cannot be opened: .*; unset {name}, or"):
        RunStore(tracking)
    logging.getLogger("mlflow").setLevel(logging.CRITICAL)


@pytest.mark.parametrize(
    ("message", "advice"),
    [
        ("database or disk is full", "make room on the disk"),
        ("attempt to write a readonly database", "allow this user to write"),
        ("database is locked", "close what holds it, or choose"),
        ("no such column: x", "close what holds it, move a damaged file away"),
    ],
)
def test_the_advice_at_opening_is_for_the_cause(tracking, monkeypatch, message, advice):
    def fail(*_):
        raise MlflowException(f"(sqlite3.OperationalError) {message}\n[SQL: SELECT 1]")

    monkeypatch.setattr("dae_lab.tracking.gateway.Gateway.find_experiment", fail)
    with pytest.raises(TrackingError, match=f"cannot be opened: {message}; {advice}"):
        RunStore(tracking)
