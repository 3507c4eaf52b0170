"""Servers that let nobody in any more, or in whose place something else answers: a refusal at the start,
an outage in mid-run."""

import pytest
from gates import gate

from dae_lab.errors import TrackingError
from dae_lab.tracking.server import ForeignAnswerError, away, denied, knock, retry_after, trouble
from dae_lab.tracking.store import Store
from dae_lab.tracking.sync import waiting

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
    with Store(tracking).record("a run", "f" * 64, {}) as record:
        record.metrics({"val/mse": 1.0}, 0)
        accepted, gated.accepted, gated.status = gated.accepted, set(), status
        for step in range(1, 4):
            record.metrics({"val/mse": 1 / (step + 1)}, step)
        record.text("kept", "kept.txt")
        assert waiting(tmp_path) == [record.run_id]
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
        Store(tracking)
    assert start in str(refused.value)
    assert "damaged file" not in str(refused.value)


@pytest.mark.parametrize(("status", "mid_run", "start"), ANSWERS)
def test_a_server_that_is_well_and_answers_no_question_refuses(gated, tracking, status, mid_run, start):
    """A load balancer answers /health itself, or only the store behind is closed."""
    gated.status, gated.refuses = status, lambda path: path != "/health"
    with pytest.raises(TrackingError) as refused:
        Store(tracking)
    assert "damaged file" not in str(refused.value)
    assert gated.uri in str(refused.value)


def test_an_upload_that_a_login_page_answers_is_sent_again(gated, well, tracking):
    with Store(tracking).record("a run", "f" * 64, {}) as record:
        record.tag("heard", "a moment ago")  # so that the server is not asked first whether it lives
        gated.status, gated.refuses = 200, lambda path: True
        record.text("kept", "kept.txt")
        gated.refuses = lambda path: False
    assert [item.path for item in well.client().list_artifacts(record.run_id)] == ["kept.txt"]


def test_what_a_server_refuses_for_good_ends_the_run(gated, tracking, tmp_path):
    with (
        pytest.raises(TrackingError, match="cannot be recorded any more"),
        Store(tracking).record("a run", "f" * 64, {}) as record,
    ):
        write_too_much(record, gated)
    assert waiting(tmp_path) == []


def write_too_much(record, gated):
    gated.status, gated.refuses = 413, lambda path: path.endswith("log-batch")
    try:
        record.tag("too", "large")
    finally:
        gated.refuses = lambda path: False


def test_a_server_is_left_alone_for_as_long_as_it_asks_for(gated):
    gated.status, gated.refuses, gated.more = 429, lambda path: True, {"Retry-After": "7"}
    with pytest.raises(Exception) as busy:  # noqa: PT011 (whatever MLflow's client makes of it)
        knock(gated.uri)
    assert away(busy.value)
    assert retry_after(busy.value) == 7


def test_a_port_number_is_no_status():
    error = ForeignAnswerError("http://127.0.0.1:42931/health")
    assert "429" not in trouble(error)
    assert not denied(error)


def test_a_finished_run_whose_artifacts_its_server_has_lost_is_trained_again(well, compose, tmp_path, caplog):
    store = Store(compose(f"tracking.uri={well.uri}", f"tracking.dir={tmp_path}").tracking)
    with store.record("a run", "7" * 64, {"kept": "report"}) as record:
        record.text("seed: 0", "config.yaml")
        record.text("<html>", "report.html")
    assert store.finished("7" * 64, ["report"]).run_id == record.run_id
    (file,) = well.folder.glob(f"artifacts/*/{record.run_id}/artifacts/report.html")
    file.unlink()
    assert store.finished("7" * 64, ["report"]) is None
    assert "report.html is gone: it is trained again" in caplog.text
