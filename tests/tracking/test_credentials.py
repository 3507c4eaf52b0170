"""Passwords of a real server with Basic authentication and TLS: they work, and are kept and shown nowhere."""

import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

import pytest
from gates import gate, needs_openssl, self_signed
from processes import assert_refused, finish, run, start, wait_for_epoch

from dae_lab.errors import TrackingError
from dae_lab.tracking.server import check_server
from dae_lab.tracking.spool import Spool
from dae_lab.tracking.store import RunStore
from dae_lab.tracking.store_files import StoreFiles

SECRET = "hunter2-is-no-password"
TINY = ("data=digits", "debug=smoke", "evaluation=scores", "training.checkpoint_s=0")
RUN = ("data=digits", "training.epochs=20", "training.batches=8", "evaluation=scores", "tracking.patience=0")


@pytest.fixture
def gated(well):
    """A gate in front of the server, for one user."""
    with gate(well.uri, "me", SECRET) as found:
        yield found


def with_password(address, password=SECRET):
    parts = urlsplit(address)
    return f"tracking.uri={parts.scheme}://me:{password}@{parts.netloc}"


def with_secret(*folders):
    """The files below these folders that have the secret in them."""
    files = [file for folder in folders for file in folder.rglob("*") if file.is_file()]
    return [file for file in files if SECRET.encode() in file.read_bytes()]


def check_processes(process):
    """The command itself was given the password; no other process has it among its arguments."""
    if sys.platform == "linux":
        for entry in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                known = SECRET.encode() in entry.read_bytes()
            except OSError:  # it has just ended
                continue
            assert not known or int(entry.parts[2]) == process.pid, entry.read_bytes()


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """This test's own current folder, and its folder of temporary files, short enough for Ray's sockets."""
    (tmp_path / "cwd").mkdir()
    monkeypatch.chdir(tmp_path / "cwd")
    with TemporaryDirectory(prefix="t-") as folder:
        yield Path(folder)


@pytest.mark.parametrize(
    "launcher",
    [
        pytest.param(["hydra.launcher.workers=2"], marks=pytest.mark.long),
        pytest.param(["hydra/launcher=slurm", "hydra.launcher.cluster=local"], marks=pytest.mark.long),
        pytest.param(["hydra/launcher=ray"], marks=pytest.mark.long),
    ],
)
def test_a_sweep_lets_its_workers_in_and_keeps_no_password(gated, well, tmp_path, elsewhere, launcher):
    """New processes, as their own folder of temporary files asks for; they import TensorFlow themselves."""
    place = with_password(gated.uri), f"tracking.experiment={tmp_path.name}"
    process = start(
        "-m", *TINY, "seed=0,1", *launcher, *place, store=tmp_path / "store", TMPDIR=str(elsewhere)
    )
    process.stderr.readline()
    check_processes(process)
    code, output, errors = finish(process)
    assert code == 0, errors
    assert "2 finished" in output
    assert SECRET not in output + errors
    assert with_secret(tmp_path, elsewhere, well.folder) == []


def test_an_outage_in_mid_run_keeps_no_password_and_sync_asks_for_it(gated, well, tmp_path, elsewhere):
    process = start(*RUN, with_password(gated.uri), store=tmp_path / "store", TMPDIR=str(elsewhere))
    wait_for_epoch(process, 1)
    there, gated.target = gated.target, "http://127.0.0.1:9"
    code, output, errors = finish(process)
    assert code == 0, errors
    assert "sync=true" in errors
    assert "no password is kept: set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD" in errors
    assert SECRET not in output + errors
    assert with_secret(tmp_path, elsewhere, well.folder) == []
    gated.target = there
    code, output, errors = run("sync=true", f"tracking.uri={gated.uri}", store=tmp_path / "store")
    assert_refused(code, errors, "(401): set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD")
    code, output, errors = run("sync=true", with_password(gated.uri), store=tmp_path / "store")
    assert (code, output.count(f"writes pushed to {gated.uri}")) == (0, 1), errors
    assert StoreFiles(tmp_path / "store").spooled_runs() == []
    assert with_secret(tmp_path, well.folder) == []


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("tracking.uri=http://me:{secret}@127.0.0.1:9", "no MLflow server answers at http://127.0.0.1:9"),
        ("tracking.uri=http://me:{secret}/x@127.0.0.1:9", "%40 %2F"),
        ("tracking.uri=http://127.0.0.1:9?token={secret}", "MLFLOW_TRACKING_TOKEN"),
        ("tracking.uri=postgresql://me:{secret}@host/db", "postgresql://host/db is no address of an MLflow"),
        ("tracking.url=http://me:{secret}@127.0.0.1:9", "tracking.url"),
        ("data.path=http://me:{secret}@127.0.0.1:9", "data.path"),
    ],
)
def test_a_refusal_shows_no_password(tmp_path, address, message):
    code, output, errors = run(*TINY, address.format(secret=SECRET), store=tmp_path)
    assert_refused(code, errors, message)
    assert "Starting TensorFlow" not in errors
    assert SECRET not in output + errors
    assert with_secret(tmp_path) == []


def test_a_wrong_password_is_refused_before_tensorflow_is_imported(gated, tmp_path):
    code, output, errors = run(*TINY, with_password(gated.uri, "wrong-one"), store=tmp_path)
    assert_refused(code, errors, f"the server at {gated.uri} does not accept the user name and password")
    assert "MLFLOW_TRACKING_USERNAME" in errors
    assert "Starting TensorFlow" not in errors
    assert "wrong-one" not in output + errors


def test_a_worker_does_not_wait_for_a_server_that_denies_it(gated, tmp_path, compose):
    from dae_lab.tracking.server import wait_for_server

    with pytest.raises(TrackingError, match="401"):
        wait_for_server(gated.uri, 60)
    assert len(gated.refused) == 1


def test_a_server_that_allows_too_little_is_named(gated, tracking_there):
    gated.status, gated.accepted = 403, set()
    with pytest.raises(TrackingError, match=r"does not allow this user .*\(403\)"):
        RunStore(tracking_there(gated.uri))


def expire(gated, record):
    gated.accepted = set()
    record.set_tag("any", "thing")


@pytest.fixture
def tracking_there(compose, tmp_path):
    def make(uri):
        return compose(f"tracking.uri={uri}", f"tracking.dir={tmp_path}", "tracking.patience=0").tracking

    return make


def test_a_password_in_a_config_file_is_not_written_elsewhere(gated, well, tmp_path, elsewhere):
    (tmp_path / "my" / "tracking").mkdir(parents=True)
    parts = urlsplit(gated.uri)
    there = f"uri: http://me:{SECRET}@{parts.netloc}\n"
    (tmp_path / "my" / "tracking" / "mine.yaml").write_text(f"defaults: [default]\n{there}")
    own = "--config-dir", str(tmp_path / "my"), "tracking=mine"
    for more in (["hydra.output_subdir=.hydra"], ["-m", "seed=0,1", "plan=true"]):
        code, output, errors = run(*own, *TINY, *more, store=tmp_path / "store")
        assert code == 0, errors
        assert SECRET not in output + errors
    assert list(tmp_path.rglob("multirun.yaml"))
    assert with_secret(tmp_path / "store", tmp_path / "cwd", well.folder) == []


def test_a_password_that_an_earlier_version_kept_is_not_shown(tmp_path):
    kept = {"uri": f"http://me:{SECRET}@127.0.0.1:9", "name": "a run", "lock": "a" * 32}
    (tmp_path / "run.json").write_text(json.dumps(kept))
    assert Spool(tmp_path).read_description()["uri"] == "http://127.0.0.1:9"


@pytest.fixture
def secured(well, tmp_path):
    """A gate that speaks TLS, and the file of its certificate."""
    file = self_signed(tmp_path)
    with gate(well.uri, "me", SECRET, file) as found:
        yield found, file


@needs_openssl
def test_a_run_behind_tls_has_the_settings_of_mlflow(secured, monkeypatch, tmp_path):
    gated, certificate = secured
    run_there = (*TINY, f"tracking.uri={gated.uri}", f"tracking.experiment={tmp_path.name}")
    code, _, errors = run(*run_there, store=tmp_path / "store")
    assert_refused(code, errors, "set MLFLOW_TRACKING_SERVER_CERT_PATH")
    monkeypatch.setenv("MLFLOW_TRACKING_SERVER_CERT_PATH", str(certificate))
    code, _, errors = run(*run_there, store=tmp_path / "store")
    assert_refused(code, errors, "401")
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "me")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", SECRET)
    code, output, errors = run(*run_there, store=tmp_path / "store")
    assert code == 0, errors
    assert f"{gated.uri}/#/experiments/" in output


@needs_openssl
def test_a_health_check_has_the_settings_of_mlflow(secured, monkeypatch, tmp_path):
    gated, certificate = secured
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".mlflow").mkdir()
    (tmp_path / ".mlflow" / "credentials").write_text(
        f"[mlflow]\nmlflow_tracking_username = me\nmlflow_tracking_password = {SECRET}\n"
    )
    monkeypatch.setenv("MLFLOW_TRACKING_INSECURE_TLS", "true")
    with pytest.warns(Warning, match="Unverified HTTPS request"):
        check_server(gated.uri)
    monkeypatch.setenv("MLFLOW_TRACKING_SERVER_CERT_PATH", str(certificate))
    with pytest.raises(TrackingError, match="only one of these"):
        check_server(gated.uri)
    monkeypatch.delenv("MLFLOW_TRACKING_INSECURE_TLS")
    check_server(gated.uri)
    monkeypatch.setenv("MLFLOW_TRACKING_SERVER_CERT_PATH", str(tmp_path / "nothing"))
    with pytest.raises(TrackingError, match=r"cannot be asked: .*nothing"):
        check_server(gated.uri)


def test_a_token_is_sent(well, monkeypatch):
    with gate(well.uri, "me", SECRET) as gated:
        gated.accepted = {"Bearer abc"}
        monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "abc")
        check_server(gated.uri)
        monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "abd")
        with pytest.raises(TrackingError, match="401"):
            check_server(gated.uri)


def test_the_environment_chooses_the_server_and_null_the_local_store(gated, well, tmp_path, monkeypatch):
    """And nothing of a run that is recorded here asks the server that is in the environment."""
    parts = urlsplit(gated.uri)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://me:{SECRET}@{parts.netloc}")
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", tmp_path.name)
    monkeypatch.setenv("MLFLOW_REGISTRY_URI", "databricks-uc")
    code, output, errors = run(*TINY, "tracking.uri=null", store=tmp_path)
    assert code == 0, errors
    assert gated.headers == {}
    assert gated.refused == []
    code, output, errors = run(*TINY, store=tmp_path)
    assert code == 0, errors
    assert f"recorded by {gated.uri} (MLFLOW_TRACKING_URI)" in errors
    assert well.client().get_experiment_by_name(tmp_path.name) is not None
    assert SECRET not in output + errors
    assert with_secret(tmp_path, well.folder) == []
