"""One recorded run, to be read: params, tags, values, curves, artifacts."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlparse
from urllib.request import url2pathname

from dae_lab.tracking.gateway import ClientErrors, Gateway
from dae_lab.tracking.run_data import RunData

Curve = list[tuple[int, float]]
"""(step, value) of one metric, by step."""

KEPT_FILES = {"report": "report.html", "profile": "profile.txt"}
"""What a run may keep, and the artifact that shows that it is there."""


def local_path(address: str) -> Path | None:
    """Return the path that a place of artifacts stands for; None if it is behind a server."""
    parts = urlparse(address)
    return Path(url2pathname(parts.path)) if parts.scheme in ("", "file") else None


class RunReader:
    """One recorded run.

    Args:
        gateway: where it is recorded.
        data: the run as it was recorded a moment ago.

    Attributes:
        run_id, name, status, experiment_id, artifact_uri: as in MLflow.
        started: when the run began, in milliseconds since 1970.
        tags, params: as they were when this was made.
        values: the last value of each metric, likewise.
    """

    def __init__(self, gateway: Gateway, data: RunData) -> None:
        self._gateway = gateway
        self.run_id, self.name, self.status = data.run_id, data.name, data.status
        self.experiment_id, self.artifact_uri = data.experiment_id, data.artifact_uri
        self.tags, self.params, self.values = dict(data.tags), dict(data.params), dict(data.metrics)
        self.started, self._model_ids = data.started, data.model_ids
        self._curves: dict[str, Curve] = {}  # of a finished run, whose curves do not grow

    def curve(self, metric: str) -> Curve:
        """Return every (step, value) of a metric, before and after an interruption, by step."""
        if metric in self._curves:
            return [*self._curves[metric]]
        points = self._gateway.read_points(self.run_id, metric)
        curve = sorted({step: value for _, value, _, step in points}.items())
        if self.status == "FINISHED":
            self._curves[metric] = curve
        return [*curve]

    def locate_artifact(self, file: str) -> str:
        """Return where the artifact ``file`` is: a path if it is on this machine, else an address."""
        return f"{local_path(self.artifact_uri) or self.artifact_uri}/{file}"

    def has_artifact(self, file: str) -> bool:
        """Whether the artifact ``file`` exists; True if artifacts are not on this machine."""
        folder = local_path(self.artifact_uri)
        return folder is None or (folder / file).is_file()

    def read_artifact(self, file: str) -> str:
        """Return the content of the text artifact ``file``, fetched if it is not on this machine.

        Raises:
            MlflowException: there is none.
        """
        return self._gateway.read_artifact(self.run_id, file)

    def missing_artifacts(self, kept: Collection[str]) -> list[str]:
        """Return which files of a finished run are gone; none if its server cannot be asked.

        Args:
            kept: what it must have kept, see ``dae_lab.config.fingerprint.kept``.
        """
        files = ["config.yaml", *(KEPT_FILES[name] for name in kept if name in KEPT_FILES)]
        folder = local_path(self.artifact_uri)
        if folder is None:
            return self._missing_on_server(files, "model" in kept)
        missing = [file for file in files if not self.has_artifact(file)]
        if "model" in kept:  # <experiment>/<run>/artifacts, <experiment>/models/<model>
            models = [
                folder.parents[1] / "models" / name / "artifacts" / "MLmodel" for name in self._model_ids
            ]
            missing += [] if all(file.is_file() for file in models) else ["model"]
        return missing

    def _missing_on_server(self, files: list[str], model: bool) -> list[str]:
        try:
            present = self._gateway.list_artifacts(self.run_id)
            models = [self._gateway.list_model_artifacts(name) for name in self._model_ids] if model else []
        except ClientErrors:
            return []
        missing = [file for file in files if file not in present]
        return missing if all("MLmodel" in listed for listed in models) else [*missing, "model"]


class SpooledRun(RunReader):
    """A run that has ended while its server was unavailable, as its spool knows it.

    Args:
        known: what ``snapshot`` has made.
    """

    def __init__(self, gateway: Gateway, known: Mapping[str, Any]) -> None:
        data = RunData(
            run_id=known["run_id"],
            name=known["name"],
            experiment_id=known["experiment_id"],
            status=known["status"],
            started=known["began"],
            ended=None,
            artifact_uri=known["artifact_uri"],
            tags=known["tags"],
            params=known["settings"],
            metrics=known["values"],
        )
        super().__init__(gateway, data)
        self._curves = {
            name: [(step, value) for step, value in curve] for name, curve in known["curves"].items()
        }

    def curve(self, metric: str) -> Curve:
        """Return every (step, value) of a metric, by step."""
        return [*self._curves.get(metric, [])]


def snapshot(run: RunReader, metrics: Collection[str]) -> dict[str, Any]:
    """Return what a spool keeps of a run that has ended, as JSON can hold it.

    Args:
        metrics: those whose curves are kept.
    """
    return {
        "run_id": run.run_id,
        "name": run.name,
        "experiment_id": run.experiment_id,
        "status": run.status,
        "began": run.started,
        "artifact_uri": run.artifact_uri,
        "tags": run.tags,
        "settings": run.params,
        "values": run.values,
        "curves": {name: run.curve(name) for name in metrics},
    }
