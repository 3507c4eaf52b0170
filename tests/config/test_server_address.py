"""Addresses of servers, what of them is shown, and what MLflow's variables decide."""

import os
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from dae_lab import addresses, arguments
from dae_lab.config import server
from dae_lab.config.callback import CredentialsCallback
from dae_lab.errors import ConfigError

HERE = Path("/runs")


@pytest.mark.parametrize(
    ("address", "clean", "username", "password"),
    [
        ("http://me:secret@host:5000/team", "http://host:5000/team", "me", "secret"),
        ("https://me:p%40ss%2Fword@host", "https://host", "me", "p@ss/word"),
        ("http://me:a:b@c@host", "http://host", "me", "a:b@c"),
        ("tracking.uri='http://me:se,cret$@host'", "tracking.uri='http://host'", "me", "se,cret$"),
        ("http://me@host", "http://host", "me", None),
        ("http://host/a@b", "http://host/a@b", None, None),
        ("http://me:${oc.env:PASSWORD}@host", "http://me:${oc.env:PASSWORD}@host", None, None),
    ],
)
def test_credentials_move_to_the_variables_of_mlflow(address, clean, username, password):
    assert server.adopt_credentials(address) == clean
    assert os.environ.get("MLFLOW_TRACKING_USERNAME") == username
    assert os.environ.get("MLFLOW_TRACKING_PASSWORD") == password


def test_one_command_has_one_user():
    with pytest.raises(ConfigError, match="one user"):
        server.adopt_credentials("tracking.uri=http://a:b@x,http://c:d@y")


@pytest.mark.parametrize(
    "argument",
    [
        "tracking.uri=http://me:se/cret@h",
        "++tracking.uri=http://h?token=secret",
        "tracking.uri=http://h#secret",
    ],
)
def test_a_secret_in_an_unusual_place_is_refused_and_not_shown(argument):
    with pytest.raises(ConfigError, match=r"%40 %2F .* MLFLOW_TRACKING_TOKEN") as refusal:
        arguments.arrange([argument])
    assert "cret" not in str(refusal.value)


def test_arguments_of_a_launcher_stay_as_they_are():
    given = "hydra.launcher.setup=['curl http://me:secret@host']"
    arranged = arguments.arrange([given, "tracking.uri=http://me:secret@host"])
    assert arranged[:2] == [given, "tracking.uri=http://host"]


@pytest.mark.parametrize(
    "address", ["ftp://somewhere", "mlruns", "http://", "http://h:port", "http://h:99999"]
)
def test_what_is_no_server_is_refused(compose, address):
    with pytest.raises(ConfigError, match=r"tracking\.uri: .* is no address of an MLflow server"):
        compose(f"tracking.uri='{address}'")


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("mysql+pymysql://me:secret@host/db", "mysql+pymysql://host/db"),
        ("http://host?token=secret", "http://host"),
        ("http://me:se/cret@host", "http://…@host"),
        ("http://me:se?cret@host", "http://…"),
        ("http://host?token=a@b", "http://…"),
        ("https:/me:secret@host", "…@host"),
        ("me:secret@host:5000", "…@host:5000"),
        ("me:sec://ret@host:5000", "…@host:5000"),
        ("//me:secret@host", "…@host"),
        ("me:sec?ret@host", "…"),
        ("databricks://profile", "databricks://profile"),
        ("/home/me/mlruns", "/home/me/mlruns"),
    ],
)
def test_what_is_shown_of_an_address_has_no_secret(address, shown):
    assert addresses.printable_address(address) == shown


@pytest.mark.parametrize("address", ["https:/me:secret@host", "me:secret@host:5000", "//me:secret@host"])
def test_the_password_of_a_mistyped_address_is_not_shown(monkeypatch, compose, address):
    with pytest.raises(ConfigError, match=r"…@host.* is no address of an MLflow server") as typed:
        arguments.arrange([f"tracking.uri={address}"])
    with pytest.raises(ConfigError, match=r"…@host.* is no address of an MLflow server") as composed:
        compose(f"tracking.uri='{address}'")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    (note,) = server.environment_notes(None, "dae_lab", HERE)
    assert "secret" not in f"{typed.value} {composed.value} {note}"


def test_the_password_of_a_mistyped_address_in_a_file_is_not_written_elsewhere():
    config = OmegaConf.create({"tracking": {"uri": "me:secret@host:5000"}})
    CredentialsCallback().on_multirun_start(config)
    assert config.tracking.uri == "…@host:5000"


@pytest.mark.parametrize(
    ("variable", "uri"),
    [
        ("http://me:secret@host:5000", "http://host:5000"),
        ("https://host", "https://host"),
        ("HTTP://me:secret@host:5000", "http://host:5000"),
        ("", None),
        ("sqlite:///runs.db", None),
        ("file:///tmp/mlruns", None),
        ("databricks", None),
        ("mlruns", None),
        ("http://host?token=secret", None),
    ],
)
def test_the_server_of_the_environment_is_the_default(monkeypatch, compose, variable, uri):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", variable)
    assert compose.__wrapped__().tracking.uri == uri
    assert compose.__wrapped__("tracking.uri=null").tracking.uri is None
    assert compose.__wrapped__("tracking.uri=http://other").tracking.uri == "http://other"


def test_capitals_in_the_scheme_of_an_address_are_as_good(compose):
    assert compose("tracking.uri=HTTP://Host:5000").tracking.uri == "http://Host:5000"


def test_a_server_of_the_environment_that_is_not_used_gives_no_credentials(monkeypatch, compose):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://me:secret@host:5000")
    compose.__wrapped__("tracking.uri=http://other")
    assert server.client_variables() == {}


@pytest.mark.parametrize(("name", "used"), [("named", "named"), ("/Users/me", "dae_lab"), (" ", "dae_lab")])
def test_the_experiment_of_the_environment_is_the_default(monkeypatch, compose, name, used):
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", name)
    assert compose.__wrapped__().tracking.experiment == used
    assert compose.__wrapped__("tracking.experiment=mine").tracking.experiment == "mine"


@pytest.mark.parametrize(
    ("variables", "uri", "said"),
    [
        ({}, None, []),
        ({"URI": "http://me:secret@host"}, "http://host", ["recorded by http://host (MLFLOW_TRACKING_URI)"]),
        ({"URI": "HTTP://me:secret@host"}, "http://host", ["recorded by http://host (MLFLOW_TRACKING_URI)"]),
        ({"URI": "http://me:secret@host"}, None, []),
        ({"URI": "http://me:secret@host"}, "http://other", []),
        ({"URI": "databricks"}, "http://other", []),
        ({"URI": "databricks"}, None, ["MLFLOW_TRACKING_URI=databricks is not used"]),
        ({"URI": "mysql://me:secret@host/db"}, None, ["MLFLOW_TRACKING_URI=mysql://host/db is not used"]),
        ({"URI": "http://host?token=secret"}, None, ["MLFLOW_TRACKING_URI=http://host is not used"]),
        ({"URI": "sqlite:////runs/mlflow.db"}, None, []),
        ({"URI": "/runs"}, None, ["MLFLOW_TRACKING_URI=/runs is not used"]),
    ],
)
def test_what_the_environment_decides_is_said(monkeypatch, variables, uri, said):
    for name, value in variables.items():
        monkeypatch.setenv(f"MLFLOW_TRACKING_{name}", value)
    notes = server.environment_notes(uri, "dae_lab", HERE)
    assert len(notes) == len(said)
    assert all(part in note for part, note in zip(said, notes, strict=True))
    assert "secret" not in " ".join(notes)


@pytest.mark.parametrize(
    ("variables", "experiment", "said"),
    [
        ({"NAME": "named"}, "named", "named (MLFLOW_EXPERIMENT_NAME)"),
        ({"NAME": "a/b"}, "dae_lab", "MLFLOW_EXPERIMENT_NAME=a/b is not used"),
        ({"ID": "12"}, "dae_lab", "MLFLOW_EXPERIMENT_ID=12 is not used"),
        ({"ID": "12"}, "mine", None),
        ({"NAME": "named", "ID": "12"}, "mine", None),
    ],
)
def test_what_the_environment_says_of_experiments_is_said(monkeypatch, variables, experiment, said):
    for name, value in variables.items():
        monkeypatch.setenv(f"MLFLOW_EXPERIMENT_{name}", value)
    notes = server.environment_notes(None, experiment, HERE)
    assert len(notes) == (said is not None)
    assert (said or "") in " ".join(notes)


def test_the_own_database_is_known_by_a_relative_path_too(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///mlruns/mlflow.db")
    assert server.environment_notes(None, "dae_lab", tmp_path / "mlruns") == []
