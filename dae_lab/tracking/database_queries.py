"""Many runs read from MLflow's sqlite database by SQL: MLflow itself takes 10 ms for each run.

The tables and columns are those of MLflow 3.17. Where they are others, ``sqlite3.Error`` is raised, and
MLflow is to be asked instead.
"""

import json
from collections import defaultdict
from collections.abc import Collection
from contextlib import closing
from pathlib import Path
from typing import Any

from dae_lab.tracking.database import connect_existing
from dae_lab.tracking.run_data import RunData

BY_FINGERPRINT = """
    SELECT run_uuid FROM tags JOIN runs USING (run_uuid)
    WHERE key = 'fingerprint' AND value IN (SELECT value FROM json_each(:wanted))
    AND experiment_id = :experiment AND status = 'FINISHED' AND lifecycle_stage = 'active'
"""
"""Selects the finished runs of an experiment that have one of several fingerprints."""

RECENT_BY_WORKLOAD = """
    SELECT run_uuid FROM (
        SELECT run_uuid, row_number() OVER (PARTITION BY tags.value ORDER BY end_time DESC) AS place
        FROM tags JOIN runs USING (run_uuid) JOIN experiments USING (experiment_id)
        WHERE key = 'workload' AND tags.value IN (SELECT value FROM json_each(:wanted))
        AND status = 'FINISHED' AND runs.lifecycle_stage = 'active'
        AND experiments.lifecycle_stage = 'active'
    ) WHERE place <= :count
"""
"""Selects the last ``count`` finished runs of each of several workloads, in all experiments."""

RUNS = "SELECT run_uuid, name, experiment_id, status, start_time, end_time, artifact_uri FROM runs"

PARTS = {
    "metrics": "SELECT run_uuid, key, CASE WHEN is_nan THEN 'nan' ELSE value END FROM latest_metrics",
    "params": "SELECT run_uuid, key, value FROM params",
    "tags": "SELECT run_uuid, key, value FROM tags",
    "models": "SELECT source_id AS run_uuid, destination_id, step FROM inputs",
}
"""What belongs to a run, one table each; the first column says to which run."""

MODELS = "source_type = 'RUN_OUTPUT' AND destination_type = 'MODEL_OUTPUT' AND source_id"


def read_finished(database: Path, experiment_id: str, fingerprints: Collection[str]) -> list[RunData]:
    """Read the finished runs of an experiment that have one of these fingerprints.

    Raises:
        sqlite3.Error: the database is damaged, or has other tables.
    """
    wanted = {"experiment": int(experiment_id), "wanted": json.dumps([*fingerprints])}
    return _read_runs(database, BY_FINGERPRINT, wanted)


def read_recent(database: Path, workloads: Collection[str], count: int) -> list[RunData]:
    """Read the last ``count`` finished runs of each of these workloads.

    Raises:
        sqlite3.Error: the database is damaged, or has other tables.
    """
    return _read_runs(database, RECENT_BY_WORKLOAD, {"wanted": json.dumps([*workloads]), "count": count})


def _read_runs(database: Path, selection: str, values: dict[str, Any]) -> list[RunData]:
    """Read the runs whose ids the query ``selection`` gives: five queries, however many runs there are."""
    with closing(connect_existing(database)) as connection:
        connection.execute("BEGIN")  # all queries see the same moment
        runs = connection.execute(f"{RUNS} WHERE run_uuid IN ({selection})", values).fetchall()
        parts: dict[str, dict[str, list[Any]]] = {part: defaultdict(list) for part in PARTS}
        for part, query in PARTS.items():
            column = MODELS if part == "models" else "run_uuid"
            for run_id, *row in connection.execute(f"{query} WHERE {column} IN ({selection})", values):
                parts[part][run_id].append(row)
    return [_run_data(row, {part: rows[row[0]] for part, rows in parts.items()}) for row in runs]


def _run_data(row: tuple[Any, ...], parts: dict[str, list[Any]]) -> RunData:
    run_id, name, experiment_id, status, started, ended, artifact_uri = row
    return RunData(
        run_id=run_id,
        name=name,
        experiment_id=str(experiment_id),
        status=status,
        started=started,
        ended=ended,
        artifact_uri=artifact_uri,
        tags=dict(parts["tags"]),
        params=dict(parts["params"]),
        metrics={key: float(value) for key, value in parts["metrics"]},
        model_ids=tuple(model_id for model_id, _ in parts["models"]),
    )
