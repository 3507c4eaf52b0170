"""All runs of a store, to be read."""

import logging
import sqlite3
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from statistics import median
from typing import TypeVar

from mlflow.entities import Run
from mlflow.tracking import MlflowClient

from dae_lab.commands import format_module_command
from dae_lab.errors import TrackingError
from dae_lab.tracking.causes import first_sentence
from dae_lab.tracking.locks import is_run_id
from dae_lab.tracking.recorded import Left, Recorded
from dae_lab.tracking.server import ClientErrors, away, denial, denied, trouble
from dae_lab.tracking.spool import Spool
from dae_lab.tracking.sync import push, waiting
from dae_lab.tracking.tables import finished_runs

log = logging.getLogger(__name__)

T = TypeVar("T")

RECENT = 7
"""Runs by which the time of the next is estimated; MLflow loads 7 ms of metrics, params and tags for each."""


def part_of(kind: str, name: str) -> str:
    """What MLflow finds the runs of a sweep or a claim by; longer names with ``name`` in them, too."""
    return f"tags.{kind} LIKE '%{name}%'"


class Runs:
    """What a store has.

    Attributes:
        uri: the database, or the server.
        folder: what belongs to it on this machine.
        experiment_id: the experiment that new runs go to.
    """

    uri: str
    folder: Path
    client: MlflowClient
    experiment_id: str

    def finished(self, fingerprint: str, kept: Collection[str] = ()) -> Recorded | None:
        """The last run of this experiment that has finished under ``fingerprint``, replays aside.

        One whose files are gone does not count.

        Args:
            kept: what it must have kept, see ``dae_lab.config.fingerprint.kept``.
        """
        query = f"tags.fingerprint = '{fingerprint}' and attributes.status = 'FINISHED'"
        found = [
            run
            for run in self._search(query, [self.experiment_id])
            if "replay_of" not in run.data.tags and set(kept) <= set(run.data.tags.get("kept", "").split())
        ]
        gone: list[str] = []
        for run in sorted(found, key=lambda run: run.info.end_time, reverse=True):
            record = Recorded(self.client, run)
            lost = record.lost(kept)
            if not lost:
                return record
            gone.append(f"run {record.run_id} has finished before, but its {lost[0]} is gone")
        if gone:
            log.warning("%s: it is trained again", gone[0])
        return None

    def finished_of(self, kind: str, name: str) -> dict[str, Recorded]:
        """By fingerprint, the last of the runs that have finished and are known as ``name``'s.

        A server is asked for up to 1000.

        Args:
            kind: ``sweep`` or ``claim``, the tag that names those a run is part of.
        """
        found = [run for run in self._finished_part_of(kind, name) if "replay_of" not in run.data.tags]
        found.sort(key=lambda run: run.info.end_time)
        return {run.data.tags.get("fingerprint", ""): Recorded(self.client, run) for run in found}

    def _finished_part_of(self, kind: str, name: str) -> list[Run]:
        if not self.uri.startswith("http"):
            with suppress(sqlite3.Error):  # else MLflow says what is wrong with its database
                return finished_runs(self.folder / "mlflow.db", self.experiment_id, kind, name)
        return self._search(f"{part_of(kind, name)} and attributes.status = 'FINISHED'", [self.experiment_id])

    def typical_seconds(self, workload: str, epochs: int) -> float | None:
        """Estimate how long a run of ``epochs`` epochs takes, from runs of the same ``workload``.

        Returns:
            The median over the last ``RECENT`` finished runs, in seconds; runs of another number of epochs
            count with the time of their last epoch for each epoch more or less. None where there are none.
        """
        query = f"tags.workload = '{workload}' and attributes.status = 'FINISHED'"
        recent = self._search(query, self._experiments(), RECENT, ["attributes.end_time DESC"])
        spent = [_seconds_for(run, epochs) for run in recent]
        return median([seconds for seconds in spent if seconds is not None] or [0.0]) or None

    def read(self, run_id: str) -> Recorded:
        """The run ``run_id``; as its spool knows it, where it has ended and its server is still away.

        Raises:
            TrackingError: there is none, or the server is away.
        """
        try:
            if run_id in waiting(self.folder, self.uri):
                push(self.folder, run_id, self.uri)
            return Recorded(self.client, self._asked(partial(self.client.get_run, run_id)))
        except (*ClientErrors, TrackingError) as error:
            known = self._spool_of(run_id).about.get("known") if is_run_id(run_id) else None
            if known:
                return Left(self.client, known)
            if isinstance(error, TrackingError):
                raise
            raise TrackingError(f"{self.uri}: there is no run {run_id}: {first_sentence(error)}") from error

    def ui(self, record: Recorded) -> tuple[str | None, str, str]:
        """The command that opens the UI (None where the store is a server), the run's page, all runs'."""
        served = self.uri.startswith("http")
        command = format_module_command("mlflow", "ui", "--workers", "1", "--backend-store-uri", self.uri)
        server = self.uri.rstrip("/") if served else "http://127.0.0.1:5000"
        runs = f"{server}/#/experiments/{record.experiment_id}/runs"
        page, charts = f"{runs}/{record.run_id}", f"{runs}?compareRunsMode=CHART"
        return None if served else command, page, charts

    def _experiments(self) -> list[str]:
        return [item.experiment_id for item in self._asked(self.client.search_experiments)]

    def _search(
        self, query: str, experiments: list[str], most: int = 1000, order_by: list[str] | None = None
    ) -> list[Run]:
        search = partial(
            self.client.search_runs, experiments, query, max_results=most, order_by=order_by or []
        )
        return list(self._asked(search))

    def _asked(self, question: Callable[[], T]) -> T:
        """What the store answers.

        Raises:
            TrackingError: its server is away, or does not let this user in.
            MlflowException, requests.RequestException: it refuses.
        """
        try:
            return question()
        except ClientErrors as error:
            if denied(error):
                raise TrackingError(denial(self.uri, error)) from error
            if not away(error):
                raise
            raise TrackingError(
                f"{self.uri}: the server has gone away ({trouble(error)}); once it is back, give the same "
                f"command again"
            ) from error

    def _spool_of(self, run_id: str, about: Mapping[str, str] | None = None) -> Spool:
        return Spool(self.folder / "spool" / run_id, about)


def _seconds_for(run: Run, epochs: int) -> float | None:
    """How long ``run`` would have taken with ``epochs`` epochs; None where it was not timed."""
    metrics, params = run.data.metrics, run.data.params
    seconds = metrics.get("time/run_s")
    if seconds is None:
        return None
    more = epochs - int(params.get("training.epochs", epochs))
    return max(seconds + more * metrics.get("time/epoch_s", 0.0), 0.0)
