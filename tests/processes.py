"""Real processes for tests: the command as a person starts it."""

import os
import signal
import subprocess
import sys
import time
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from forked import Forked
from mlflow.tracking import MlflowClient

from dae_lab.tracking.store import RunStore

HEARING = """
import runpy, signal
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
runpy.run_module("dae_lab.run", run_name="__main__", alter_sys=True)
"""
"""The command, hearing signals even where the tests were started deaf to them, as in the background."""

QUICK = ("training.epochs=6", "training.batches=8", "evaluation=scores", "tracking.log_model=false")
"""A run long enough to be interrupted, short enough for a test."""


def prepare(store: Path) -> Path:
    """``store``, with MLflow's empty database in it, which takes seconds to set up; unless there is one."""
    if not (store / "mlflow.db").exists():
        store.mkdir(parents=True, exist_ok=True)
        (store / "mlflow.db").write_bytes(_empty_database())
    return store


@cache
def _empty_database() -> bytes:
    with TemporaryDirectory() as folder:
        MlflowClient(f"sqlite:///{folder}/mlflow.db").search_experiments()
        return Path(folder, "mlflow.db").read_bytes()


needs_full_disk = pytest.mark.skipif(
    not Path("/dev/full").exists(), reason="there is no disk that is always full, /dev/full"
)

Command = subprocess.Popen | Forked
"""A command that runs; its output is in ``stdout`` and ``stderr``, or comes from ``communicate``."""


def start(*arguments: str, store: Path | None, fresh: bool = False, **environment: str) -> Command:
    """The command, running; in a new interpreter if it is ``fresh`` or has an environment of its own."""
    place = [f"tracking.dir={prepare(store)}"] if store else []
    if not fresh and not environment:
        return Forked(*arguments, *place)
    return subprocess.Popen(
        [sys.executable, "-c", HEARING, *arguments, *place],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | environment,
        start_new_session=True,
    )


def kill_all(process: Command) -> None:
    """SIGKILL for the command and all that it started, as a power cut would."""
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def finish(process: Command, seconds: float = 240) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of ``process``."""
    output, errors = process.communicate(timeout=seconds)
    return process.returncode, output, errors


def run(*arguments: str, store: Path, seconds: float = 240) -> tuple[int, str, str]:
    """``start`` and ``finish``."""
    return finish(start(*arguments, store=store), seconds)


def assert_refused(code: int, errors: str, message: str) -> None:
    """The command has ended as a person's mistake is to end it: with one sentence, that says ``message``."""
    assert code == 1
    assert message in errors
    assert errors.count("error:") == 1, errors
    assert "Traceback" not in errors


def wait_for_epoch(process: Command, epoch: int, seconds: float = 120) -> None:
    """Read the process's lines until that epoch has been reported."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        line = process.stderr.readline()
        if line.startswith("epoch ") and "train/loss" in line and int(line.split()[1].split("/")[0]) >= epoch:
            return
        if not line and process.poll() is not None:
            break
    raise AssertionError(f"epoch {epoch} was not reached")


def client(store: Path) -> MlflowClient:
    """A client of the sqlite database in ``store``."""
    return MlflowClient(f"sqlite:///{store}/mlflow.db")


def runs(store: Path) -> list:
    """All runs in ``store``, oldest first."""
    here = client(store)
    experiment = here.get_experiment_by_name("dae_lab")
    found = here.search_runs([experiment.experiment_id]) if experiment else []
    return sorted(found, key=lambda item: item.info.start_time)


def status(store: RunStore) -> list[str]:
    """The status of each run in ``store``, oldest first."""
    return [run.info.status for run in runs(store.folder)]


def sweep_status(store: Path) -> str:
    """The status of the one sweep in ``store``."""
    here = client(store)
    (found,) = here.search_runs([here.get_experiment_by_name("dae_lab sweeps").experiment_id])
    return str(found.info.status)


def trajectory(store: Path, run: object) -> dict[str, list[tuple[int, float]]]:
    """Every metric of a run but the times: (step, value) as logged, bit for bit."""
    here = client(store)
    names = [name for name in run.data.metrics if not name.startswith("time/")]
    found = {name: here.get_metric_history(run.info.run_id, name) for name in names}
    return {name: [(item.step, item.value) for item in history] for name, history in found.items()}


def finished(store: Path) -> dict[str, dict]:
    """Every finished run's metrics but the times, by its fingerprint; fails if one has finished twice."""
    done = [item for item in runs(store) if item.info.status == "FINISHED"]
    found = {item.data.tags["fingerprint"]: trajectory(store, item) for item in done}
    assert len(found) == len(done)
    return found
