"""Writes to a run, as plain data: they can be sent at once, or be kept on disk and sent later.

Each kind may be sent twice and counts once, because it is unknown whether a write arrived that a server did
not answer: MLflow tells metrics apart by name, step, time and value, so the time is fixed when a write is
made; tags, params, files and a status are simply set again.

``send`` may raise MlflowException or requests.RequestException, see ``dae_lab.tracking.server_errors``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, TypeAdapter

from dae_lab.tracking.gateway import Gateway, MlflowException
from dae_lab.tracking.run_data import Point
from dae_lab.tracking.server_errors import is_unavailable


@dataclass(frozen=True)
class Write:
    """One write.

    Attributes:
        has_files: its files are in a separate folder.
    """

    has_files: ClassVar[bool] = False

    def send(self, gateway: Gateway, run_id: str, folder: Path) -> None:
        """Send it to MLflow, with its files, which are in ``folder``."""
        raise NotImplementedError


@dataclass(frozen=True)
class Batch(Write):
    """Any number of metrics, params and tags."""

    kind: Literal["batch"] = "batch"
    metrics: list[Point] = field(default_factory=list)
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)

    def send(self, gateway: Gateway, run_id: str, folder: Path) -> None:
        """Log them."""
        gateway.log_batch(run_id, self.metrics, self.params, self.tags)


@dataclass(frozen=True)
class Dataset(Write):
    """Which data the run uses."""

    name: str
    digest: str
    source: str
    profile: str
    kind: Literal["dataset"] = "dataset"

    def send(self, gateway: Gateway, run_id: str, folder: Path) -> None:
        """Log it; again if another run has added the same data after MLflow has looked for them."""
        data = (self.name, self.digest, self.source, self.profile)
        try:
            gateway.log_dataset(run_id, *data)
        except MlflowException as error:
            if is_unavailable(error):
                raise
            gateway.log_dataset(run_id, *data)


@dataclass(frozen=True)
class Files(Write):
    """Artifacts, laid out in the folder as among the run's artifacts."""

    has_files = True
    kind: Literal["files"] = "files"

    def send(self, gateway: Gateway, run_id: str, folder: Path) -> None:
        """Upload them."""
        gateway.log_artifacts(run_id, folder)


@dataclass(frozen=True)
class Model(Write):
    """The model in the folder, as ``runs:/<run id>/model``."""

    has_files = True
    kind: Literal["model"] = "model"

    def send(self, gateway: Gateway, run_id: str, folder: Path) -> None:
        """Upload it."""
        gateway.log_model(run_id, folder)


@dataclass(frozen=True)
class Scores(Write):
    """Metrics of the run that are also those of its model."""

    metrics: list[Point]
    kind: Literal["scores"] = "scores"

    def send(self, gateway: Gateway, run_id: str, folder: Path) -> None:
        """Log them as the model's."""
        gateway.log_model_metrics(run_id, self.metrics)


@dataclass(frozen=True)
class Status(Write):
    """The end of the run, at ``time`` in milliseconds since 1970."""

    status: str
    time: int
    kind: Literal["status"] = "status"

    def send(self, gateway: Gateway, run_id: str, folder: Path) -> None:
        """Set the status."""
        gateway.end_run(run_id, self.status, self.time)


_ANY_WRITE: TypeAdapter[Any] = TypeAdapter(
    Annotated[Batch | Dataset | Files | Model | Scores | Status, Field(discriminator="kind")]
)


def parse_write(content: Mapping[str, Any]) -> Write:
    """Return the write that ``dataclasses.asdict`` has made ``content`` from, read from JSON.

    Raises:
        ValueError: it is no write of this version.
    """
    write: Write = _ANY_WRITE.validate_python(content)
    return write
