"""The record of runs. The only room that knows MLflow."""

import os

os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "3")  # read when MLflow is imported, so set before
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # a run tells nobody of itself
