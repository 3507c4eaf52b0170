"""An MLflow server: opened, and checked whether it answers and grants access."""

import time

import requests

from dae_lab.compat import request_mlflow_server
from dae_lab.errors import TrackingError
from dae_lab.tracking.gateway import Gateway
from dae_lab.tracking.server_errors import (
    ForeignAnswerError,
    denied_status,
    describe_denial,
    describe_outage,
    find_cause,
    is_unavailable,
)
from dae_lab.tracking.time_limits import call_within_limit, run_within

PING_TIMEOUT = 2.0
"""Seconds that a server may take to answer ``ping``; what is meant for a slower one is sent later."""

CHECK_TIMEOUT = 5.0
"""Seconds that a server may take to answer ``check_server``."""


def open_server(uri: str) -> Gateway:
    """Open the MLflow server at ``uri``; every call to it has a time limit."""
    return Gateway(uri, call_within_limit)


def check_server(uri: str) -> None:
    """Raise a TrackingError at once if no MLflow server answers at ``uri``, or it denies access."""
    try:
        answer = _read_health(uri, CHECK_TIMEOUT)
    except Exception as error:  # requests', MLflow's, or an OSError where a file of certificates is missing
        raise TrackingError(_describe(uri, error)) from error
    if answer.strip() != "OK":
        raise TrackingError(f"tracking.uri: {uri} answers, but is no MLflow server")


def wait_for_server(uri: str, seconds: float) -> None:
    """Return as soon as an MLflow server answers at ``uri``.

    Raises:
        TrackingError: none does within ``seconds``, or it denies access.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            return check_server(uri)
        except TrackingError as error:
            if time.monotonic() >= deadline or denied_status(error.__cause__):
                raise
        time.sleep(1)


def ping(uri: str) -> None:
    """Return if a server answers at ``uri`` within ``PING_TIMEOUT`` seconds.

    A server that hangs would otherwise delay what is sent to it by the whole timeout of MLflow's client.

    Raises:
        requests.RequestException, MlflowException: it does not answer, or is not well.
    """
    if _read_health(uri, PING_TIMEOUT).strip() != "OK":
        raise ForeignAnswerError("no answer of an MLflow server")


def _read_health(uri: str, timeout: float) -> str:
    """Return what the server at ``uri`` says of its health.

    Raises:
        requests.RequestException, MlflowException: it does not answer, or is not well.
    """
    answer = run_within(timeout, lambda: request_mlflow_server(uri, "/health", timeout))
    answer.raise_for_status()
    return str(answer.text)


def _describe(uri: str, error: Exception) -> str:
    """Say why ``uri`` cannot be used, and what to do."""
    if denied_status(error):
        return f"tracking.uri: {describe_denial(uri, error)}"
    cause = find_cause(error, requests.exceptions.SSLError)
    if cause is not None and "CERTIFICATE_VERIFY_FAILED" in str(cause):
        return (
            f"tracking.uri: the certificate of {uri} cannot be verified; set "
            f"MLFLOW_TRACKING_SERVER_CERT_PATH to the file of the authority that signed it, or "
            f"MLFLOW_TRACKING_INSECURE_TLS=true to trust any"
        )
    if not is_unavailable(error):
        return f"tracking.uri: {uri} cannot be asked: {' '.join(str(error).split())}"
    return (
        f"tracking.uri: no MLflow server answers at {uri} ({describe_outage(error)}); start it "
        f"there, or give tracking.uri=null for a database in tracking.dir"
    )
