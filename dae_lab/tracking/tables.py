"""Many runs read from MLflow's sqlite database by its tables: MLflow itself takes 10 ms for each.

Tables and columns are checked with MLflow 3.17. Where they are others, ``sqlite3.Error`` is raised and MLflow
is to be asked instead.
"""

import sqlite3
from collections import defaultdict
from contextlib import closing
from pathlib import Path
from typing import Any

from mlflow.entities import (
    LoggedModelOutput,
    Metric,
    Param,
    Run,
    RunData,
    RunInfo,
    RunInputs,
    RunOutputs,
    RunTag,
)

WANTED = """
    FROM runs JOIN tags AS wanted USING (run_uuid)
    WHERE runs.experiment_id = :experiment AND runs.status = 'FINISHED' AND runs.lifecycle_stage = 'active'
    AND wanted.key = :key AND instr(wanted.value, :text) > 0
"""
"""The finished runs of an experiment whose tag ``key`` holds ``text``."""

COLUMNS = "run_uuid, name, user_id, status, start_time, end_time, lifecycle_stage, artifact_uri"

PARTS = {
    "metrics": "SELECT run_uuid, key, value, is_nan, timestamp, step FROM latest_metrics",
    "params": "SELECT run_uuid, key, value FROM params",
    "tags": "SELECT run_uuid, key, value FROM tags",
    "models": "SELECT source_id AS run_uuid, destination_id, step FROM inputs",
}
"""What belongs to a run, in a table each; the first column says to which."""

MODELS = "source_type = 'RUN_OUTPUT' AND destination_type = 'MODEL_OUTPUT' AND "


def finished_runs(database: Path, experiment_id: str, key: str, text: str) -> list[Run]:
    """The finished runs of an experiment whose tag ``key`` holds ``text``, as MLflow gives them.

    Five questions, however many runs there are. Inputs are left out.

    Raises:
        sqlite3.Error: the database is damaged, or has other tables.
    """
    asked = {"experiment": int(experiment_id), "key": key, "text": text}
    with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as connection:
        connection.execute("BEGIN")  # all answers are of one moment
        runs = connection.execute(f"SELECT {COLUMNS} {WANTED}", asked).fetchall()
        parts: dict[str, dict[str, list[Any]]] = {part: defaultdict(list) for part in PARTS}
        for part, question in PARTS.items():
            of = f"{MODELS}source_id" if part == "models" else "run_uuid"
            belonging = f"{question} WHERE {of} IN (SELECT run_uuid {WANTED})"
            for values in connection.execute(belonging, asked):
                parts[part][values[0]].append(values)
    return [_run(row, experiment_id, {part: of[row[0]] for part, of in parts.items()}) for row in runs]


def _run(row: tuple[Any, ...], experiment_id: str, parts: dict[str, list[Any]]) -> Run:
    run_id, name, user, status, began, ended, stage, artifacts = row
    info = RunInfo(run_id, experiment_id, user, status, began, ended, stage, artifacts, name)
    metrics = [
        Metric(key, float("nan") if is_nan else value, time, step)
        for _, key, value, is_nan, time, step in parts["metrics"]
    ]
    params = [Param(key, value) for _, key, value in parts["params"]]
    data = RunData(metrics, params, [RunTag(key, value) for _, key, value in parts["tags"]])
    models = [LoggedModelOutput(model_id, step) for _, model_id, step in parts["models"]]
    return Run(info, data, RunInputs(dataset_inputs=[]), RunOutputs(models))
