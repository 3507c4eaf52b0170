"""Writes to a run, as plain data: they can be sent at once, or be kept on disk and sent later.

Each kind may be sent twice and counts once, because it is unknown whether a write arrived that a server did
not answer: MLflow tells metrics apart by name, step, time and value, so the time is fixed when a write is
made; tags, params, files and a status are simply set again.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from dae_lab.tracking.gateway import Gateway, MlflowException
from dae_lab.tracking.run_data import Point
from dae_lab.tracking.server_errors import is_unavailable

Write = dict[str, Any]
"""One write, as JSON can hold it; its files are in a separate folder."""


def batch(
    metrics: Iterable[Point] = (),
    params: Mapping[str, str] | None = None,
    tags: Mapping[str, str] | None = None,
) -> Write:
    """Make the write of any number of metrics, params and tags."""
    return {"kind": "batch", "metrics": list(metrics), "params": dict(params or {}), "tags": dict(tags or {})}


def dataset(name: str, digest: str, source: str, profile: str) -> Write:
    """Make the write that notes which data the run uses."""
    return {"kind": "dataset", "name": name, "digest": digest, "source": source, "profile": profile}


def files() -> Write:
    """Make the write of artifacts, laid out in the folder as among the run's artifacts."""
    return {"kind": "files"}


def model() -> Write:
    """Make the write of the model in the folder, as ``runs:/<run id>/model``."""
    return {"kind": "model"}


def scores(metrics: Iterable[Point]) -> Write:
    """Make the write of metrics of the run that are also those of its model."""
    return {"kind": "scores", "metrics": list(metrics)}


def status(status: str, time: int) -> Write:
    """Make the write that ends the run, at ``time`` in milliseconds since 1970."""
    return {"kind": "status", "status": status, "time": time}


WITH_FILES = ("files", "model")
"""The kinds of writes that have a folder of files."""

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


def send_write(gateway: Gateway, run_id: str, write: Write, folder: Path) -> None:
    """Send one write to MLflow.

    Args:
        folder: its files, if it is of a kind in ``WITH_FILES``.

    Raises:
        MlflowException, requests.RequestException: see ``dae_lab.tracking.server_errors``.
    """
    match write["kind"]:
        case "batch":
            gateway.log_batch(run_id, write["metrics"], write["params"], write["tags"])
        case "dataset":
            _send_dataset(gateway, run_id, write)
        case "files":
            gateway.log_artifacts(run_id, folder)
        case "model":
            gateway.log_model(run_id, folder)
        case "scores":
            gateway.log_model_metrics(run_id, write["metrics"])
        case "status":
            gateway.end_run(run_id, write["status"], write["time"])


def _send_dataset(gateway: Gateway, run_id: str, write: Write) -> None:
    data = (write["name"], write["digest"], write["source"], write["profile"])
    try:
        gateway.log_dataset(run_id, *data)
    except MlflowException as error:
        if is_unavailable(error):
            raise
        # MLflow checks whether it knows the data and then adds them: another run did so in between
        gateway.log_dataset(run_id, *data)
