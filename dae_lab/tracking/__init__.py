"""The record of runs. The only room that knows MLflow."""

import os

from dae_lab.environment import check_mlflow_logging

check_mlflow_logging()  # MLflow itself would raise an error of many lines, in the middle of its import
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")  # what is sent again is sent by ``sender``
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "30")  # seconds
os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")  # the summary prints them
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # a run tells nobody of itself
