"""The record of runs. The only room that knows MLflow."""

import getpass
import json
import logging
import os
import platform
import shutil
import sys
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import requests
from filelock import FileLock, Timeout

from dae_lab.config.run import Tracking
from dae_lab.errors import TrackingError

os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "3")
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, Run
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

for _talkative in ("mlflow", "alembic"):
    logging.getLogger(_talkative).setLevel(logging.WARNING)

BATCH = 1000
"""Metrics MLflow takes in one call."""


class Record:
    """One run's record: a run of MLflow, and on this machine its lock and its checkpoints."""

    def __init__(self, client: MlflowClient, run: Run, lock: FileLock, checkpoints: Path) -> None:
        self.client, self.run_id, self.checkpoints = client, run.info.run_id, checkpoints
        self.name, self.experiment_id = run.info.run_name, run.info.experiment_id
        self.artifact_uri: str = run.info.artifact_uri
        self._lock = lock

    def params(self, values: Mapping[str, Any]) -> None:
        """Log params; those that are there since before an interruption stay as they are."""
        there = self.client.get_run(self.run_id).data.params
        items = [Param(key, str(value)[:6000]) for key, value in values.items() if key not in there]
        for start in range(0, len(items), 100):
            self.client.log_batch(self.run_id, params=items[start : start + 100])

    def metrics(self, values: Mapping[str, float], step: int) -> None:
        """Log the values of one step (an epoch, or 0 for what belongs to the whole run)."""
        self.series([(key, value, step) for key, value in values.items()])

    def series(self, points: list[tuple[str, float, int]]) -> None:
        """Log (name, value, step) triples in as few calls as possible."""
        now = int(time.time() * 1000)
        metrics = [Metric(key, float(value), now, step) for key, value, step in points]
        for start in range(0, len(metrics), BATCH):
            self.client.log_batch(self.run_id, metrics=metrics[start : start + BATCH])

    def last_step(self, metric: str) -> int:
        """The last step at which ``metric`` was logged; 0 if never."""
        return max((item.step for item in self.client.get_metric_history(self.run_id, metric)), default=0)

    def tag(self, key: str, value: str) -> None:
        """Set a tag."""
        self.client.set_tag(self.run_id, key, value[:5000])

    def dataset(self, name: str, digest: str, source: str, sizes: Mapping[str, int]) -> None:
        """Note which data the run used: shown by the UI as its dataset."""
        data = Dataset(
            name, digest[:12], "code", json.dumps({"read from": source}), profile=json.dumps(dict(sizes))
        )
        tags = [InputTag("mlflow.data.context", "training, validation, test")]
        self.client.log_inputs(self.run_id, [DatasetInput(data, tags)])

    def describe(self, markdown: str) -> None:
        """Set the text that the UI shows as the run's description."""
        self.tag("mlflow.note.content", markdown)

    def text(self, text: str, file: str) -> None:
        """Keep ``text`` as the artifact ``file``."""
        self.client.log_text(self.run_id, text, file)

    def picture(self, image: Any, file: str) -> None:
        """Keep a PIL image as the artifact ``file``."""
        self.client.log_image(self.run_id, image, artifact_file=file)

    def picture_at(self, image: Any, key: str, step: int) -> None:
        """Add a PIL image to the series ``key``, which the UI shows with a slider over the steps."""
        self.client.log_image(self.run_id, image, key=key, step=step)

    def model(self, model: Any, example_in: Any, example_out: Any, portable: bool) -> None:
        """Keep a Keras model, with its signature, as ``runs:/<run id>/model``.

        Args:
            model: image → image, Keras.
            example_in, example_out: float32 (n, h, w, c); only shapes and types are kept.
            portable: the model has layers of Keras alone and is kept as a ``.keras`` file; otherwise
                as a TensorFlow graph, which needs no code of this project either.
        """
        import mlflow
        from mlflow.models import Model, infer_signature

        from dae_lab.provenance import packages

        needs = ("mlflow", "keras", "tensorflow")
        mlflow.set_tracking_uri(self.client.tracking_uri)
        mlflow.set_experiment(experiment_id=self.experiment_id)  # a model is filed under the active one
        with redirect_stdout(StringIO()):  # Keras prints what it exports
            Model.log(
                artifact_path=None,
                name="model",
                flavor=mlflow.keras,
                run_id=self.run_id,
                model=model,
                signature=infer_signature(example_in[:1], example_out[:1]),
                pip_requirements=[f"{name}=={packages()[name]}" for name in needs],
                save_exported_model=not portable,
            )

    def artifact(self, file: str) -> str:
        """Where the artifact ``file`` is: a path on this machine if there is one, else its address."""
        return f"{self.artifact_uri.removeprefix('file://')}/{file}"

    def close(self, status: str, reason: str = "") -> None:
        """End the run as FINISHED, FAILED or KILLED, saying why."""
        if reason:
            self.tag("reason", reason)
        self.client.set_terminated(self.run_id, status)
        if status != "KILLED":
            shutil.rmtree(self.checkpoints, ignore_errors=True)
        self._lock.release()
        if status != "KILLED":
            Path(self._lock.lock_file).unlink(missing_ok=True)


class Store:
    """All runs, in a sqlite database or behind an MLflow server.

    A process holds a lock file for as long as it trains a run, so a run marked RUNNING whose lock
    nobody holds has died without a word, whatever killed it.

    Raises:
        TrackingError: the store cannot be opened, written or reached.
    """

    def __init__(self, tracking: Tracking) -> None:
        self.folder = Path(tracking.dir).expanduser().absolute()
        self.uri = tracking.uri or f"sqlite:///{self.folder}/mlflow.db"
        self._prepare_folder()
        if tracking.uri:
            _reach(tracking.uri)
        try:
            with FileLock(self.folder / "locks" / "store"):  # two fresh openings at once break each other
                self.client = MlflowClient(self.uri)
                self.experiment_id = self._experiment(tracking)
        except MlflowException as error:
            raise TrackingError(f"{self.uri}: the store of runs cannot be opened: {error.message}") from error
        except Exception as error:  # whatever the database's own library raises
            raise TrackingError(f"{self.uri}: the store of runs cannot be opened: {error}") from error

    def _prepare_folder(self) -> None:
        try:
            for name in ("locks", "checkpoints"):
                (self.folder / name).mkdir(parents=True, exist_ok=True)
            probe = self.folder / "locks" / f"probe-{os.getpid()}"
            probe.touch()
            probe.unlink()
        except OSError as error:
            raise TrackingError(
                f"tracking.dir: {self.folder} cannot be written ({error.strerror}); "
                f"choose a folder you may write to, tracking.dir=…"
            ) from error

    def _experiment(self, tracking: Tracking) -> str:
        found = self.client.get_experiment_by_name(tracking.experiment)
        if found is not None:
            return str(found.experiment_id)
        place = None if tracking.uri else (self.folder / "artifacts" / tracking.experiment).as_uri()
        kind = {"mlflow.experimentKind": "custom_model_development"}  # so the UI opens on its charts
        return str(self.client.create_experiment(tracking.experiment, artifact_location=place, tags=kind))

    @contextmanager
    def record(self, name: str, fingerprint: str, tags: Mapping[str, str]) -> Iterator[Record]:
        """The record of one run, new or taken up where it was cut; closed whatever happens inside.

        FINISHED, or KILLED after Ctrl-C and SIGTERM, or FAILED with the reason.
        """
        record = self._interrupted(fingerprint) or self._begin(name, fingerprint, tags)
        try:
            yield record
        except Exception as error:
            record.close("FAILED", f"{type(error).__name__}: {error}")
            raise
        except BaseException as error:
            record.close("KILLED", f"{type(error).__name__}: stopped from outside")
            raise
        record.close("FINISHED")

    def _begin(self, name: str, fingerprint: str, tags: Mapping[str, str]) -> Record:
        lock = self._lock(uuid.uuid4().hex)
        lock.acquire()  # before the run exists, so that there is no moment without
        own = {
            "fingerprint": fingerprint,
            "host": platform.node(),
            "lock": Path(lock.lock_file).name,
            "mlflow.source.name": "dae_lab.run",
            "mlflow.source.type": "LOCAL",
            "mlflow.user": getpass.getuser(),
        }
        run = self.client.create_run(self.experiment_id, tags={**own, **tags}, run_name=name)
        return self._as_record(run, lock)

    def _interrupted(self, fingerprint: str) -> Record | None:
        """A run with this fingerprint that was cut and can go on; closes all others found dead."""
        here = f"tags.host = '{platform.node()}'"
        going = self._search(f"attributes.status = 'RUNNING' and {here}")
        killed = self._search(
            f"attributes.status = 'KILLED' and {here} and tags.fingerprint = '{fingerprint}'"
        )
        chosen = None
        for run in [*going, *killed]:
            lock = self._free_lock(run)
            if lock is None:
                continue
            wanted = run.data.tags.get("fingerprint") == fingerprint
            if chosen is None and wanted and (self._checkpoints(run) / "state.json").is_file():
                self.client.update_run(run.info.run_id, status="RUNNING")
                self.client.set_tag(run.info.run_id, "resumed", str(int(run.data.tags.get("resumed", 0)) + 1))
                if "reason" in run.data.tags:
                    self.client.delete_tag(run.info.run_id, "reason")
                chosen = self._as_record(run, lock)
            elif run.info.status == "RUNNING":
                self._as_record(run, lock).close("KILLED", "the process ended without closing its run")
            else:
                lock.release()
        return chosen

    def _search(self, query: str) -> list[Run]:
        return list(self.client.search_runs([self.experiment_id], query, max_results=1000))

    def _free_lock(self, run: Run) -> FileLock | None:
        """The run's lock, held by this process now; None if another holds it or it is not of this store."""
        name = run.data.tags.get("lock", "")
        if not name or not (self.folder / "locks" / name).is_file():
            return None
        lock = self._lock(name)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return None
        return lock

    def _lock(self, name: str) -> FileLock:
        return FileLock(self.folder / "locks" / name)

    def _checkpoints(self, run: Run) -> Path:
        return self.folder / "checkpoints" / run.info.run_id

    def _as_record(self, run: Run, lock: FileLock) -> Record:
        return Record(self.client, run, lock, self._checkpoints(run))

    def ui(self, record: Record) -> tuple[str | None, str]:
        """The command that opens the UI on this store (None: its server does already), and the run's page."""
        server = self.uri if self.uri.startswith("http") else "http://127.0.0.1:5000"
        page = f"{server.rstrip('/')}/#/experiments/{record.experiment_id}/runs/{record.run_id}"
        command = f"{sys.executable} -m mlflow ui --workers 1 --backend-store-uri {self.uri}"
        return None if self.uri.startswith("http") else command, page


def _reach(uri: str) -> None:
    """Raise a TrackingError at once if no MLflow server answers at ``uri``."""
    if not uri.startswith(("http://", "https://")):
        raise TrackingError(
            f"tracking.uri: {uri} is no address of an MLflow server; give http(s)://… or null"
        )
    try:
        answer = requests.get(f"{uri.rstrip('/')}/health", timeout=5)
        answer.raise_for_status()
    except requests.RequestException as error:
        raise TrackingError(
            f"tracking.uri: no MLflow server answers at {uri} ({type(error).__name__}); start one with "
            f"`mlflow server`, or leave tracking.uri=null for a database in tracking.dir"
        ) from error
