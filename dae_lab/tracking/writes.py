"""What can be written to a run, as plain data: it can be sent at once, or be kept on disk and sent later.

Each kind may be sent twice and counts once, because nobody knows of a write that a server took without an
answer whether it arrived: MLflow tells metrics apart by name, step, time and value, so the time is fixed
when a write is made; tags, params, files and a status are simply set again.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mlflow.entities import (
    Dataset,
    DatasetInput,
    InputTag,
    LoggedModel,
    LoggedModelOutput,
    Metric,
    Param,
    Run,
    RunTag,
)
from mlflow.exceptions import MlflowException
from mlflow.models import Model
from mlflow.tracking import MlflowClient

from dae_lab.tracking.server import away

Write = dict[str, Any]
"""One write, as JSON can hold it; the files that belong to it lie in a folder beside it."""

Point = tuple[str, float, int, int]
"""A metric's name, its value, the time in milliseconds, the step."""


def batch(
    metrics: Iterable[Point] = (),
    params: Mapping[str, str] | None = None,
    tags: Mapping[str, str] | None = None,
) -> Write:
    """Metrics, params and tags, as many as one likes."""
    return {"kind": "batch", "metrics": list(metrics), "params": dict(params or {}), "tags": dict(tags or {})}


def dataset(name: str, digest: str, source: str, profile: str) -> Write:
    """Which data the run uses."""
    return {"kind": "dataset", "name": name, "digest": digest, "source": source, "profile": profile}


def files() -> Write:
    """Files, laid out in the folder as among the run's artifacts."""
    return {"kind": "files"}


def model() -> Write:
    """The model in the folder, as ``runs:/<run id>/model``."""
    return {"kind": "model"}


def scores(metrics: Iterable[Point]) -> Write:
    """Metrics of the run that are also those of its model."""
    return {"kind": "scores", "metrics": list(metrics)}


def status(status: str, time: int) -> Write:
    """The run has ended, at ``time`` in milliseconds."""
    return {"kind": "status", "status": status, "time": time}


WITH_FILES = ("files", "model")
"""Kinds of writes that have a folder of files."""

FIELDS: dict[str, dict[str, type]] = {
    "batch": {"metrics": list, "params": dict, "tags": dict},
    "dataset": {"name": str, "digest": str, "source": str, "profile": str},
    "files": {},
    "model": {},
    "scores": {"metrics": list},
    "status": {"status": str, "time": int},
}
"""The fields of each kind of write, and their types."""


def is_write(write: Write) -> bool:
    """Whether ``write``, read from a file, is one that this version can send."""
    fields = FIELDS.get(str(write.get("kind")))
    if fields is None or not all(isinstance(write.get(name), kind) for name, kind in fields.items()):
        return False
    texts = [*write.get("params", {}).values(), *write.get("tags", {}).values()]
    points = write.get("metrics", [])
    return all(isinstance(text, str) for text in texts) and all(_is_point(point) for point in points)


def _is_point(point: Any) -> bool:
    kinds = (str, int | float, int, int)
    return (
        isinstance(point, list)
        and len(point) == len(kinds)
        and all(isinstance(value, kind) for value, kind in zip(point, kinds, strict=True))
    )


def send(client: MlflowClient, run_id: str, write: Write, folder: Path) -> None:
    """Tell MLflow of ``write``, whose files are in ``folder``.

    Raises:
        MlflowException, requests.RequestException: see ``dae_lab.tracking.server.away``.
    """
    kinds = {
        "batch": _batch,
        "dataset": _dataset,
        "files": _files,
        "model": _model,
        "scores": _scores,
        "status": _status,
    }
    kinds[write["kind"]](client, run_id, write, folder)


def _batch(client: MlflowClient, run_id: str, write: Write, folder: Path) -> None:
    client.log_batch(
        run_id,
        metrics=[_metric(point) for point in write["metrics"]],
        params=[Param(*item) for item in write["params"].items()],
        tags=[RunTag(*item) for item in write["tags"].items()],
    )


def _metric(point: Point, model_id: str | None = None) -> Metric:
    name, value, time, step = point
    return Metric(name, value, time, step, model_id=model_id)


def _dataset(client: MlflowClient, run_id: str, write: Write, folder: Path) -> None:
    data = Dataset(write["name"], write["digest"], "code", write["source"], profile=write["profile"])
    tags = [InputTag("mlflow.data.context", "training, validation, test")]
    inputs = [DatasetInput(data, tags)]
    try:
        client.log_inputs(run_id, inputs)
    except MlflowException as error:
        if away(error):
            raise
        # MLflow looks whether it knows the data, then adds them: another run was between
        client.log_inputs(run_id, inputs)


def _files(client: MlflowClient, run_id: str, write: Write, folder: Path) -> None:
    client.log_artifacts(run_id, str(folder))


def _status(client: MlflowClient, run_id: str, write: Write, folder: Path) -> None:
    client.set_terminated(run_id, write["status"], write["time"])


def _model(client: MlflowClient, run_id: str, write: Write, folder: Path) -> None:
    """File the model in ``folder`` under the run; one that was begun before is completed."""
    run = client.get_run(run_id)
    filed = _filed(client, run) or _new_model(client, run)
    outputs = run.outputs.model_outputs if run.outputs else []
    if filed.model_id not in [output.model_id for output in outputs]:
        client.log_outputs(run_id, [LoggedModelOutput(filed.model_id, step=0)])
    card = Model.load(str(folder))
    card.run_id, card.model_id, card.model_uuid = run_id, filed.model_id, filed.model_id
    card.artifact_path = filed.artifact_location
    client.log_model_artifacts(filed.model_id, str(folder))
    with TemporaryDirectory() as rewritten:  # the files of a write stay as they are: it may be sent again
        card.save(str(Path(rewritten, "MLmodel")))
        client.log_model_artifacts(filed.model_id, rewritten)
    client.finalize_logged_model(filed.model_id, "READY")


def _scores(client: MlflowClient, run_id: str, write: Write, folder: Path) -> None:
    filed = _filed(client, client.get_run(run_id))
    if filed is not None:
        client.log_batch(run_id, [_metric(point, filed.model_id) for point in write["metrics"]])


def _filed(client: MlflowClient, run: Run) -> LoggedModel | None:
    """The model that is filed under the run, whole or begun."""
    found = client.search_logged_models([run.info.experiment_id], f"source_run_id = '{run.info.run_id}'")
    return found[0] if found else None


def _new_model(client: MlflowClient, run: Run) -> LoggedModel:
    shown = ("mlflow.source.", "mlflow.user")
    tags = {name: value for name, value in run.data.tags.items() if name.startswith(shown)}
    home, run_id = run.info.experiment_id, run.info.run_id
    return client.create_logged_model(home, "model", run_id, tags=tags, params=run.data.params)
