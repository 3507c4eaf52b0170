"""The gateway to MLflow, the only module that imports it.

The other modules know ``Gateway``, the plain values of ``run_data``, and the errors that are named here. The
model's files are written by ``dae_lab.recording.model``, because that imports TensorFlow as well; the few
private names of MLflow are in ``dae_lab.compat``.
"""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import requests
from mlflow import MlflowClient
from mlflow.entities import (
    Dataset,
    DatasetInput,
    Experiment,
    InputTag,
    LoggedModel,
    LoggedModelOutput,
    Metric,
    Param,
    Run,
    RunTag,
    ViewType,
)
from mlflow.environment_variables import MLFLOW_HTTP_REQUEST_TIMEOUT
from mlflow.exceptions import MlflowException, RestException
from mlflow.models import Model

from dae_lab.tracking.run_data import ExperimentData, Point, RunData

__all__ = ["ClientErrors", "Gateway", "MlflowException", "RestException", "request_timeout"]

ClientErrors = (MlflowException, requests.RequestException)
"""What MLflow's client raises where a server refuses, cannot be reached, or is not an MLflow server."""

Guard = Callable[..., Any]
"""Calls a method of MLflow's client with the arguments that follow it, under some protection."""


def request_timeout() -> float:
    """The seconds after which MLflow's client gives up a request, ``MLFLOW_HTTP_REQUEST_TIMEOUT``."""
    return float(MLFLOW_HTTP_REQUEST_TIMEOUT.get())


class _GuardedClient:
    """MLflow's client, whose methods are called by a guard."""

    def __init__(self, client: MlflowClient, guard: Guard) -> None:
        self._client, self._guard = client, guard

    def __getattr__(self, name: str) -> Any:
        return partial(self._guard, getattr(self._client, name))


class Gateway:
    """A connection to one store of MLflow's.

    Every method may raise one of ``ClientErrors``; of a database that is damaged also what SQLAlchemy raises.

    Args:
        uri: ``sqlite:///…`` or ``http(s)://…``. MLflow creates a database that does not exist.
        guard: every call of MLflow's client is made by it, see ``database.open_database`` and
            ``server.open_server``.
    """

    def __init__(self, uri: str, guard: Guard) -> None:
        for name in ("mlflow", "alembic"):
            logging.getLogger(name).setLevel(logging.CRITICAL)  # what matters comes as an exception
        self.uri = uri
        self._client: Any = _GuardedClient(MlflowClient(uri), guard)

    # Experiments

    def find_experiment(self, name: str) -> ExperimentData | None:
        """Return the experiment of this name, also a deleted one; None if there is none."""
        found = self._client.get_experiment_by_name(name)
        return None if found is None else _experiment_data(found)

    def list_experiments(self, deleted: bool = False) -> list[ExperimentData]:
        """Return all experiments, with ``deleted`` those too that were deleted."""
        view = ViewType.ALL if deleted else ViewType.ACTIVE_ONLY
        return [_experiment_data(found) for found in self._client.search_experiments(view_type=view)]

    def create_experiment(self, name: str, artifact_location: str | None, tags: Mapping[str, str]) -> str:
        """Create an experiment and return its id; without a location the store chooses one."""
        return str(self._client.create_experiment(name, artifact_location, dict(tags)))

    # Runs

    def create_run(self, experiment_id: str, name: str, tags: Mapping[str, str]) -> RunData:
        """Create a run, which is then RUNNING."""
        return _run_data(self._client.create_run(experiment_id, tags=dict(tags), run_name=name))

    def read_run(self, run_id: str) -> RunData:
        """Return the run as it is now."""
        return _run_data(self._client.get_run(run_id))

    def search_runs(
        self, experiment_ids: Sequence[str], query: str, limit: int = 1000, order_by: Sequence[str] = ()
    ) -> list[RunData]:
        """Return up to ``limit`` runs of these experiments that match MLflow's ``query``."""
        found = self._client.search_runs(
            list(experiment_ids), query, max_results=limit, order_by=list(order_by)
        )
        return [_run_data(run) for run in found]

    def read_points(self, run_id: str, metric: str) -> list[Point]:
        """Return every value that was logged of a metric, in the order of logging."""
        history = self._client.get_metric_history(run_id, metric)
        return [(metric, point.value, point.timestamp, point.step) for point in history]

    def list_artifacts(self, run_id: str, folder: str | None = None) -> list[str]:
        """Return the paths of a run's artifacts in ``folder``, without those in folders below it."""
        return [item.path for item in self._client.list_artifacts(run_id, folder)]

    def list_model_artifacts(self, model_id: str) -> list[str]:
        """Return the paths of a recorded model's files."""
        return [item.path for item in self._client.list_logged_model_artifacts(model_id)]

    def read_artifact(self, run_id: str, file: str) -> str:
        """Return the content of the text artifact ``file``."""
        with TemporaryDirectory() as folder:
            return Path(self._client.download_artifacts(run_id, file, folder)).read_text(encoding="utf-8")

    def resume_run(self, run_id: str, name: str) -> None:
        """Set a run to RUNNING again, under the name ``name``."""
        self._client.update_run(run_id, status="RUNNING", name=name)

    def end_run(self, run_id: str, status: str, time: int | None = None) -> None:
        """Set how a run has ended; ``time`` in milliseconds since 1970, None: now."""
        self._client.set_terminated(run_id, status, time)

    def set_tag(self, run_id: str, key: str, value: str) -> None:
        """Set one tag of a run."""
        self._client.set_tag(run_id, key, value)

    def delete_tag(self, run_id: str, key: str) -> None:
        """Delete one tag of a run."""
        self._client.delete_tag(run_id, key)

    def log_batch(
        self, run_id: str, points: Iterable[Point], params: Mapping[str, str], tags: Mapping[str, str]
    ) -> None:
        """Log values of metrics, params and tags in as few calls as possible."""
        self._client.log_batch(
            run_id,
            metrics=[_metric(point) for point in points],
            params=[Param(*item) for item in params.items()],
            tags=[RunTag(*item) for item in tags.items()],
        )

    def log_dataset(self, run_id: str, name: str, digest: str, source: str, profile: str) -> None:
        """Note which data a run uses; the UI shows them as its dataset."""
        data = Dataset(name, digest, "code", source, profile=profile)
        tags = [InputTag("mlflow.data.context", "training, validation, test")]
        self._client.log_inputs(run_id, [DatasetInput(data, tags)])

    def log_artifacts(self, run_id: str, folder: Path) -> None:
        """Upload all files of ``folder`` as artifacts of a run."""
        self._client.log_artifacts(run_id, str(folder))

    # The model of a run

    def log_model(self, run_id: str, folder: Path) -> None:
        """Record the MLflow model in ``folder`` as ``runs:/<run id>/model``.

        A recording that was cut off before is completed. The files in ``folder`` stay as they are.
        """
        run = self._client.get_run(run_id)
        model = self._find_model(run) or self._create_model(run)
        if model.model_id not in _model_ids(run):
            self._client.log_outputs(run_id, [LoggedModelOutput(model.model_id, step=0)])
        card = Model.load(str(folder))
        card.run_id, card.model_id, card.model_uuid = run_id, model.model_id, model.model_id
        card.artifact_path = model.artifact_location
        self._client.log_model_artifacts(model.model_id, str(folder))
        with TemporaryDirectory() as rewritten:
            card.save(str(Path(rewritten, "MLmodel")))
            self._client.log_model_artifacts(model.model_id, rewritten)
        self._client.finalize_logged_model(model.model_id, "READY")

    def log_model_metrics(self, run_id: str, points: Iterable[Point]) -> None:
        """Log metrics of a run as those of its model too, if it has recorded one."""
        model = self._find_model(self._client.get_run(run_id))
        if model is not None:
            self._client.log_batch(run_id, [_metric(point, model.model_id) for point in points])

    def _find_model(self, run: Run) -> LoggedModel | None:
        """Return the recorded model of a run, also one whose recording was cut off."""
        query = f"source_run_id = '{run.info.run_id}'"
        found = self._client.search_logged_models([run.info.experiment_id], query)
        return found[0] if found else None

    def _create_model(self, run: Run) -> LoggedModel:
        copied = ("mlflow.source.", "mlflow.user")
        tags = {name: value for name, value in run.data.tags.items() if name.startswith(copied)}
        experiment_id, run_id = run.info.experiment_id, run.info.run_id
        return self._client.create_logged_model(
            experiment_id, "model", run_id, tags=tags, params=run.data.params
        )


def _metric(point: Point, model_id: str | None = None) -> Metric:
    name, value, time, step = point
    return Metric(name, value, time, step, model_id=model_id)


def _experiment_data(found: Experiment) -> ExperimentData:
    deleted = found.lifecycle_stage == "deleted"
    return ExperimentData(str(found.experiment_id), found.artifact_location, dict(found.tags), deleted)


def _model_ids(run: Run) -> tuple[str, ...]:
    return tuple(output.model_id for output in run.outputs.model_outputs) if run.outputs else ()


def _run_data(run: Run) -> RunData:
    info, data = run.info, run.data
    return RunData(
        run_id=info.run_id,
        name=info.run_name,
        experiment_id=info.experiment_id,
        status=info.status,
        started=info.start_time,
        ended=info.end_time,
        artifact_uri=info.artifact_uri,
        tags=dict(data.tags),
        params=dict(data.params),
        metrics=dict(data.metrics),
        model_ids=_model_ids(run),
    )
