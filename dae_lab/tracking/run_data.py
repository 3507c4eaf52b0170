"""What a store says of a run or an experiment, as plain values."""

from dataclasses import dataclass, field

Point = tuple[str, float, int, int]
"""One value of a metric: its name, the value, the time in milliseconds since 1970, the step."""


@dataclass(frozen=True)
class RunData:
    """A run as its store had it at one moment.

    Attributes:
        status: ``RUNNING``, ``FINISHED``, ``FAILED`` or ``KILLED``.
        started, ended: milliseconds since 1970; ``ended`` is None while the run goes on.
        artifact_uri: where its artifacts are.
        metrics: the last value of each metric.
        model_ids: of the models that it has recorded.
    """

    run_id: str
    name: str
    experiment_id: str
    status: str
    started: int
    ended: int | None
    artifact_uri: str
    tags: dict[str, str] = field(default_factory=dict)
    params: dict[str, str] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)
    model_ids: tuple[str, ...] = ()


@dataclass(frozen=True)
class ExperimentData:
    """An experiment, which is a group of runs.

    Attributes:
        artifact_location: where its runs keep their artifacts.
        deleted: whether it was deleted in MLflow, which only hides it.
    """

    experiment_id: str
    artifact_location: str
    tags: dict[str, str]
    deleted: bool
