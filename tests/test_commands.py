"""Every command that is printed is provoked and pasted, in another folder than that of the command."""

import os
import re
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from contextlib import closing, suppress
from pathlib import Path

import pytest
from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from processes import assert_refused, client, prepare, run, runs

from dae_lab.commands import format_activation, format_command, format_install_command, format_override
from dae_lab.errors import TrackingError
from dae_lab.help import help_text
from dae_lab.paths import conf_folder
from dae_lab.tracking.store import RunStore

AWKWARD = "it's a store, größer (1) & $HOME"
"""The name of a folder that shells, Hydra and databases could misread."""

TINY = ("data=digits", "debug=smoke", "evaluation=scores", "tracking.log_model=false", "tracking.grids=0")


@pytest.fixture
def folder(tmp_path):
    return tmp_path / AWKWARD


@pytest.fixture
def paste(tmp_path):
    """``paste(command)``: what it prints, in a folder of its own that stays empty."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()

    def pasted(command: str) -> str:
        done = subprocess.run(command, shell=True, cwd=elsewhere, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert list(elsewhere.iterdir()) == []
        return done.stdout + done.stderr

    return pasted


def tracking(compose, folder, **changes):
    """The store in ``folder``, whatever its name."""
    overrides = [f"tracking.{key}={value}" for key, value in changes.items()]
    return compose(format_override("tracking.dir", str(folder)), *overrides).tracking


@pytest.mark.parametrize(
    "value",
    [
        AWKWARD,
        "/tmp/runs",
        "C:\\runs",
        "a\\",
        'say "yes"',
        '\\"',
        "\\\\share",
        "1",
        "null",
        "a=b{c}",
        "~/x",
        " blank ",
        "${seed}",
        "ö",
        "a:b",
        "",
    ],
)
def test_an_override_gives_the_value_whatever_it_is(value):
    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        config = hydra_compose("config", overrides=[format_override("tracking.dir", value)])
    assert config.tracking.dir == value


def test_a_deleted_experiment_is_restored(compose, folder, paste):
    store = RunStore(tracking(compose, folder))
    client(folder).delete_experiment(store.experiment_id)
    with pytest.raises(TrackingError, match="was deleted in MLflow") as refused:
        RunStore(tracking(compose, folder))
    paste(str(refused.value).partition("restore it: ")[2])
    assert RunStore(tracking(compose, folder)).experiment_id == store.experiment_id


def test_a_store_of_a_newer_mlflow_is_not_sent_to_a_command_that_fails(folder):
    prepare(folder)
    with closing(sqlite3.connect(folder / "mlflow.db")) as database, database:
        database.execute("update alembic_version set version_num = 'fedcba987654'")
    place = format_override("tracking.dir", str(folder))
    code, _, errors = run(*TINY, place, "plan=true", store=None)
    assert_refused(code, errors, "another version of MLflow")
    assert "upgrade" not in errors


def test_the_ui_shows_the_run(folder, tmp_path):
    """A server that starts takes seconds."""
    code, output, errors = run(*TINY, format_override("tracking.dir", str(folder)), store=None)
    assert code == 0, errors
    (item,) = runs(folder)
    command, page = re.search(r"open the UI: +(.*)\nthis run: +(\S+)", output).groups()
    assert page.endswith(f"/runs/{item.info.run_id}")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "start_new_session": True}
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    server = subprocess.Popen(f"exec {command} --port {port}", shell=True, cwd=elsewhere, **quiet)
    try:
        address = f"http://127.0.0.1:{port}/api/2.0/mlflow/runs/get?run_id={item.info.run_id}"
        assert item.info.run_id in _answer(address)
        assert list(elsewhere.iterdir()) == []
    finally:
        os.killpg(server.pid, 15)
        server.wait()


def _answer(address: str, seconds: float = 120) -> str:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with suppress(OSError), urllib.request.urlopen(address, timeout=10) as answer:
            return answer.read().decode()
        time.sleep(0.3)
    raise AssertionError(f"nothing answers at {address}")


def test_an_extra_that_is_missing_is_installed(tmp_path, paste):
    """It is there already, so the installer has nothing to fetch; the command does not see it."""
    pytest.importorskip("optuna")
    (tmp_path / "sitecustomize.py").write_text("import sys; sys.modules['optuna'] = None", encoding="utf-8")
    places = [str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])]
    done = subprocess.run(
        [sys.executable, "-m", "dae_lab.run", "-m", "hydra/sweeper=optuna", f"tracking.dir={tmp_path}/runs"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(places)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert_refused(done.returncode, done.stderr, "needs the package optuna")
    command = done.stderr.strip().partition("optuna: ")[2]
    assert command == format_install_command("optuna")
    assert "optuna>=" in paste(command).replace(" ", "")


def test_without_pip_an_extra_is_installed_by_uv(monkeypatch):
    monkeypatch.setitem(sys.modules, "pip", None)
    assert format_install_command("optuna").startswith("uv pip install --python ")


def test_a_value_that_hydra_cannot_read_is_shown_in_quotes_that_work(tmp_path, paste):
    given = f"name={AWKWARD}"
    code, _, errors = run(given, store=tmp_path / "runs")
    assert_refused(code, errors, "could not be read")
    advice = errors.strip().partition(", as ")[2]
    place = format_command([format_override("tracking.dir", str(tmp_path / "runs"))])
    command = format_command([sys.executable, "-m", "dae_lab.run"])
    assert AWKWARD in paste(f"{command} {' '.join(TINY)} plan=true {place} {advice}")


def test_help_says_how_its_examples_find_their_python(tmp_path, monkeypatch):
    """As in a shell in which the environment of dae_lab is not activated."""
    monkeypatch.setenv("PATH", str(tmp_path))
    command = format_activation()
    if not command:
        pytest.skip("this Python is of no virtual environment")
    assert command in help_text()
    shell = shutil.which("bash", path=os.defpath)
    found = subprocess.run([shell, "-c", f"{command}; command -v python"], capture_output=True, text=True)
    assert Path(found.stdout.strip()).parent == Path(sys.executable).parent
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent))
    assert format_activation() == ""
