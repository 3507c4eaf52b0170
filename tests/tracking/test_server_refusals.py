"""Servers that let nobody in any more, or in whose place something else answers: a refusal at the start,
an outage in mid-run."""

import pytest
from gates import gate

from dae_lab.errors import TrackingError
from dae_lab.tracking.server import ping
from dae_lab.tracking.server_errors import (
    ForeignAnswerError,
    denied_status,
    describe_outage,
    is_unavailable,
    retry_after,
)
from dae_lab.tracking.store import RunStore
from dae_lab.tracking.store_files import StoreFiles

ANSWERS = [
    (401, "does not let this user in (401)", "(401): set MLFLOW_TRACKING_USERNAME"),
    (403, "does not let this user in (403)", "(403); ask who runs it"),
    (429, "asked too often (429)", "asked too often (429)"),
    (500, "answers with errors", "answers with errors"),
    (200, "what answers is not MLflow", "is no MLflow server"),
    (302, "what answers is not MLflow", "is no MLflow server"),
]
"""What all requests are answered with, what is said of it in mid-run, and at the start."""


@pytest.fixture
def gated(well, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "me")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "secret")
    with gate(well.uri, "me", "secret") as found:
        yield found


@pytest.fixture
def tracking(compose, gated, tmp_path):
    return compose(f"tracking.uri={gated.uri}", f"tracking.dir={tmp_path}", "tracking.patience=20").tracking


@pytest.mark.parametrize(("status", "mid_run", "start"), ANSWERS)
def test_in_mid_run_it_is_an_outage(gated, well, tracking, tmp_path, caplog, status, mid_run, start):
    with RunStore(tracking).open_run("a run", "f" * 64, {}) as record:
        record.log_metrics({"val/mse": 1.0}, 0)
        accepted, gated.accepted, gated.status = gated.accepted, set(), status
        for step in range(1, 4):
            record.log_metrics({"val/mse": 1 / (step + 1)}, step)
        record.log_text("kept", "kept.txt")
        assert StoreFiles(tmp_path).spooled_runs() == [record.run_id]
        gated.accepted = accepted
    assert mid_run in caplog.text
    history = well.client().get_metric_history(record.run_id, "val/mse")
    assert [(point.step, point.value) for point in history] == [(step, 1 / (step + 1)) for step in range(4)]
    assert [item.path for item in well.client().list_artifacts(record.run_id)] == ["kept.txt"]
    assert well.client().get_run(record.run_id).info.status == "FINISHED"


@pytest.mark.parametrize(("status", "mid_run", "start"), ANSWERS)
def test_at_the_start_it_is_a_refusal(gated, tracking, status, mid_run, start):
    gated.accepted, gated.status = set(), status
    with pytest.raises(TrackingError) as refused:
        RunStore(tracking)
    assert start in str(refused.value)
    assert "damaged file" not in str(refused.value)


@pytest.mark.parametrize(("status", "mid_run", "start"), ANSWERS)
def test_a_server_that_is_well_and_answers_no_question_refuses(gated, tracking, status, mid_run, start):
    """A load balancer answers /health itself, or only the store behind is closed."""
    gated.status, gated.refuses = status, lambda path: path != "/health"
    with pytest.raises(TrackingError) as refused:
        RunStore(tracking)
    assert "damaged file" not in str(refused.value)
    assert gated.uri in str(refused.value)


def test_an_upload_that_a_login_page_answers_is_sent_again(gated, well, tracking):
    with RunStore(tracking).open_run("a run", "f" * 64, {}) as record:
        record.set_tag("heard", "a moment ago")  # so that the server is not asked first whether it lives
        gated.status, gated.refuses = 200, lambda path: True
        record.log_text("kept", "kept.txt")
        gated.refuses = lambda path: False
    assert [item.path for item in well.client().list_artifacts(record.run_id)] == ["kept.txt"]


def test_what_a_server_refuses_for_good_ends_the_run(gated, tracking, tmp_path):
    with (
        pytest.raises(TrackingError, match="cannot be recorded any more"),
        RunStore(tracking).open_run("a run", "f" * 64, {}) as record,
    ):
        write_too_much(record, gated)
    assert StoreFiles(tmp_path).spooled_runs() == []


def write_too_much(record, gated):
    gated.status, gated.refuses = 413, lambda path: path.endswith("log-batch")
    try:
        record.set_tag("too", "large")
    finally:
        gated.refuses = lambda path: False


def test_a_server_is_left_alone_for_as_long_as_it_asks_for(gated):
    gated.status, gated.refuses, gated.more = 429, lambda path: True, {"Retry-After": "7"}
    with pytest.raises(Exception) as busy:  # noqa: PT011 (whatever MLflow's client makes of it)
        ping(gated.uri)
    assert is_unavailable(busy.value)
    assert retry_after(busy.value) == 7


def test_a_port_number_is_no_status():
    error = ForeignAnswerError("http://127.0.0.1:42931/health")
    assert "429" not in describe_outage(error)
    assert not denied_status(error)


def test_a_finished_run_whose_artifacts_its_server_has_lost_is_trained_again(well, compose, tmp_path, caplog):
    store = RunStore(compose(f"tracking.uri={well.uri}", f"tracking.dir={tmp_path}").tracking)
    with store.open_run("a run", "7" * 64, {"kept": "report"}) as record:
        record.log_text("seed: 0", "config.yaml")
        record.log_text("<html>", "report.html")
    assert store.find_finished("7" * 64, ["report"]).run_id == record.run_id
    (file,) = well.folder.glob(f"artifacts/*/{record.run_id}/artifacts/report.html")
    file.unlink()
    assert store.find_finished("7" * 64, ["report"]) is None
    assert "report.html is gone: it is trained again" in caplog.text
