"""Which runs a store has."""

import sqlite3
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from statistics import median

from dae_lab.tracking import database_queries
from dae_lab.tracking.gateway import Gateway
from dae_lab.tracking.run_data import RunData
from dae_lab.tracking.server_errors import query_errors

RECENT = 7
"""Runs from which the time of the next one is estimated; MLflow loads each in 7 ms."""


def tag_query(kind: str, name: str) -> str:
    """Return MLflow's query for the runs of a sweep or a claim, and those of longer such names."""
    return f"tags.{kind} LIKE '%{name}%'"


class RunQueries:
    """The queries of one store.

    Many runs are read from the database directly where that is possible, see ``database_queries``.

    Args:
        database: the store's database; None where the store is a server.
        experiment_id: the experiment that is searched, unless others are named.
    """

    def __init__(self, gateway: Gateway, database: Path | None, experiment_id: str) -> None:
        self.gateway, self.database, self.experiment_id = gateway, database, experiment_id

    def search(
        self,
        query: str,
        experiment_ids: Sequence[str] = (),
        limit: int = 1000,
        order_by: Sequence[str] = (),
    ) -> list[RunData]:
        """Return the runs that match MLflow's ``query``.

        Raises:
            TrackingError: the server is unavailable, or denies access.
        """
        with query_errors(self.gateway.uri):
            return self.gateway.search_runs(experiment_ids or [self.experiment_id], query, limit, order_by)

    def all_experiments(self) -> list[str]:
        """Return the ids of all experiments; raises as ``search``."""
        with query_errors(self.gateway.uri):
            return [item.experiment_id for item in self.gateway.list_experiments()]

    def finished(self, fingerprints: Collection[str], sweep: str = "") -> list[RunData]:
        """Return the finished runs that have one of these fingerprints, replays aside, the last one first.

        A database is queried once; of a server one query returns the runs of ``sweep`` alone, and without it
        each fingerprint takes a query.
        """
        originals = [run for run in self._finished(fingerprints, sweep) if "replay_of" not in run.tags]
        return sorted(originals, key=lambda run: run.ended or 0, reverse=True)

    def _finished(self, fingerprints: Collection[str], sweep: str) -> list[RunData]:
        if self.database:
            with suppress(sqlite3.Error):  # then MLflow says what is wrong with its database
                return database_queries.read_finished(self.database, self.experiment_id, fingerprints)
        finished = "attributes.status = 'FINISHED'"
        if sweep and not self.database:
            runs = self.search(f"{tag_query('sweep', sweep)} and {finished}")
            return [run for run in runs if run.tags.get("fingerprint") in fingerprints]
        queries = [f"tags.fingerprint = '{fingerprint}' and {finished}" for fingerprint in fingerprints]
        return [run for query in queries for run in self.search(query)]

    def typical_seconds(self, wanted: Iterable[tuple[str, int]]) -> dict[tuple[str, int], float | None]:
        """Estimate how long runs take, from the last ``RECENT`` finished runs of the same workload.

        Args:
            wanted: workload and number of epochs of each kind of run.

        Returns:
            The median in seconds of each kind; runs of another number of epochs count with the time of their
            last epoch for each epoch more or less. None where no such run was timed.
        """
        kinds = set(wanted)
        recent = self._recent({workload for workload, _ in kinds})
        return {kind: _median_seconds(recent.get(kind[0], []), kind[1]) for kind in kinds}

    def _recent(self, workloads: Collection[str]) -> dict[str, list[RunData]]:
        """Return the last finished runs of each workload, in all experiments."""
        found: dict[str, list[RunData]] = {}
        if self.database:
            with suppress(sqlite3.Error):
                for run in database_queries.read_recent(self.database, workloads, RECENT):
                    found.setdefault(run.tags["workload"], []).append(run)
                return found
        experiments = self.all_experiments()
        for workload in workloads:
            query = f"tags.workload = '{workload}' and attributes.status = 'FINISHED'"
            found[workload] = self.search(query, experiments, RECENT, ["attributes.end_time DESC"])
        return found


def _median_seconds(runs: Iterable[RunData], epochs: int) -> float | None:
    scaled = [_scale_seconds(run, epochs) for run in runs]
    return median([seconds for seconds in scaled if seconds is not None] or [0.0]) or None


def _scale_seconds(run: RunData, epochs: int) -> float | None:
    """Return how long ``run`` would have taken with ``epochs`` epochs; None if it was not timed."""
    seconds = run.metrics.get("time/run_s")
    if seconds is None:
        return None
    more = epochs - int(run.params.get("training.epochs", epochs))
    return max(seconds + more * run.metrics.get("time/epoch_s", 0.0), 0.0)
