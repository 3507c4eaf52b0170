"""A run as it is recorded, to be read."""

from collections.abc import Collection, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlparse
from urllib.request import url2pathname

from mlflow.entities import Run
from mlflow.tracking import MlflowClient

from dae_lab.tracking.server import ClientErrors

FILES = {"report": "report.html", "profile": "profile.txt"}
"""What a run may keep, and the artifact that shows that it is there."""


def local_path(address: str) -> Path | None:
    """The path that a place of artifacts stands for; None where it is elsewhere, as behind a server."""
    parts = urlparse(address)
    return Path(url2pathname(parts.path)) if parts.scheme in ("", "file") else None


class Recorded:
    """What one run of MLflow says.

    Attributes:
        run_id, name, experiment_id, artifact_uri: as in MLflow.
        tags, settings: tags and params, as they were when this was made.
        values: the last value of each metric, likewise.
        began: when the run began, in milliseconds since 1970.
    """

    def __init__(self, client: MlflowClient, run: Run) -> None:
        self.client, self.run_id, self.status = client, run.info.run_id, run.info.status
        self.name, self.experiment_id = run.info.run_name, run.info.experiment_id
        self.artifact_uri: str = run.info.artifact_uri
        self.began: int = run.info.start_time
        self.tags: dict[str, str] = dict(run.data.tags)
        self.settings: dict[str, str] = dict(run.data.params)
        self.values: dict[str, float] = dict(run.data.metrics)
        outputs = run.outputs.model_outputs if run.outputs else []
        self._models = [output.model_id for output in outputs]
        self._read: dict[str, list[tuple[int, float]]] = {}  # curves of a finished run, which do not grow

    def curve(self, metric: str) -> list[tuple[int, float]]:
        """All of ``metric`` that was logged, before and after an interruption: (step, value), by step."""
        if metric in self._read:
            return [*self._read[metric]]
        history = self.client.get_metric_history(self.run_id, metric)
        found = sorted({item.step: item.value for item in history}.items())
        if self.status == "FINISHED":
            self._read[metric] = found
        return [*found]

    def artifact(self, file: str) -> str:
        """Where the artifact ``file`` is: a path on this machine if there is one, else its address."""
        return f"{local_path(self.artifact_uri) or self.artifact_uri}/{file}"

    def has(self, file: str) -> bool:
        """Whether the artifact ``file`` is there; True where artifacts are not on this machine."""
        folder = local_path(self.artifact_uri)
        return folder is None or (folder / file).is_file()

    def lost(self, kept: Collection[str]) -> list[str]:
        """What is gone of the files that a finished run has kept; nothing where its server cannot be asked.

        Args:
            kept: what it must have kept, see ``dae_lab.config.fingerprint.kept``.
        """
        files = ["config.yaml", *(FILES[name] for name in kept if name in FILES)]
        folder = local_path(self.artifact_uri)
        if folder is None:
            return self._lost_there(files, "model" in kept)
        gone = [file for file in files if not self.has(file)]
        if (
            folder is not None and "model" in kept
        ):  # <experiment>/<run>/artifacts, <experiment>/models/<model>
            models = [folder.parents[1] / "models" / name / "artifacts" / "MLmodel" for name in self._models]
            gone += [] if all(file.is_file() for file in models) else ["model"]
        return gone

    def _lost_there(self, files: list[str], model: bool) -> list[str]:
        """What is gone of ``files``, and of the model if wanted, where artifacts are behind a server."""
        try:
            there = {item.path for item in self.client.list_artifacts(self.run_id)}
            models = [self.client.list_logged_model_artifacts(name) for name in self._models] if model else []
        except ClientErrors:
            return []
        gone = [file for file in files if file not in there]
        whole = all("MLmodel" in {item.path for item in listed} for listed in models)
        return gone if whole else [*gone, "model"]

    def read(self, file: str) -> str:
        """The text artifact ``file``, fetched where it lies elsewhere.

        Raises:
            MlflowException: there is none.
        """
        with TemporaryDirectory() as folder:
            return Path(self.client.download_artifacts(self.run_id, file, folder)).read_text(encoding="utf-8")


class Left(Recorded):
    """A run whose record waits for its server, as its spool knows it.

    Args:
        known: the attributes of ``Recorded``, and ``curves``: all (step, value) of each metric.
    """

    def __init__(self, client: MlflowClient, known: Mapping[str, Any]) -> None:
        self.client = client
        self._curves: dict[str, list[tuple[int, float]]] = known["curves"]
        vars(self).update({name: value for name, value in known.items() if name != "curves"})

    def curve(self, metric: str) -> list[tuple[int, float]]:
        """All of ``metric``: (step, value), by step."""
        return [(step, value) for step, value in self._curves.get(metric, [])]
