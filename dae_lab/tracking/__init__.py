"""The store of runs, the only room that knows MLflow.

``store`` finds runs, ``reader`` and ``writer`` are one run, ``spool`` and ``sync`` keep and send what a
server could not take, ``recovery`` closes and resumes runs that were cut off. Only ``gateway`` imports
MLflow; what MLflow reads from the environment while it is imported is set here, before that.
"""

import os

from dae_lab.environment import check_mlflow_logging

check_mlflow_logging()  # MLflow itself would raise an error of many lines, in the middle of its import
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")  # ``sender`` repeats what failed
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "30")  # seconds
os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")  # the summary prints them
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # nothing is sent to anybody else
