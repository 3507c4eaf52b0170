"""Is the MLflow server there?"""

import time

import requests
from mlflow.exceptions import RestException

from dae_lab.errors import TrackingError

KNOCK = 2.0
"""Seconds a server may take to say that it lives. A busy one that takes longer is told everything later."""


def reach(uri: str) -> None:
    """Raise a TrackingError at once if no MLflow server answers at ``uri``."""
    if not uri.startswith(("http://", "https://")):
        raise TrackingError(
            f"tracking.uri: {uri} is no address of an MLflow server; give http(s)://… or null"
        )
    try:
        answer = requests.get(f"{uri.rstrip('/')}/health", timeout=5)
        answer.raise_for_status()
        if answer.text.strip() != "OK":
            raise TrackingError(f"tracking.uri: {uri} answers, but is no MLflow server")
    except requests.RequestException as error:
        raise TrackingError(
            f"tracking.uri: no MLflow server answers at {uri} ({type(error).__name__}); start it "
            f"there, or leave tracking.uri=null for a database in tracking.dir"
        ) from error


def wait_for(uri: str, seconds: float) -> None:
    """Return as soon as an MLflow server answers at ``uri``.

    Raises:
        TrackingError: none does within ``seconds``.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            return reach(uri)
        except TrackingError:
            if time.monotonic() >= deadline:
                raise
        time.sleep(1)


def knock(session: requests.Session, uri: str) -> None:
    """Return if a server answers at ``uri`` within ``KNOCK`` seconds.

    A server that hangs would otherwise hold up what is sent to it for the whole timeout of MLflow's client.

    Raises:
        requests.RequestException: it does not answer, or is not well.
    """
    session.get(f"{uri.rstrip('/')}/health", timeout=KNOCK).raise_for_status()


def away(error: BaseException | None) -> bool:
    """Whether ``error`` says that a server could not be reached or could not serve, not that it refused.

    MLflow wraps what its HTTP library raises, so the errors behind ``error`` are looked at too.
    """
    if isinstance(error, requests.RequestException):
        return error.response is None or _may_pass(error.response.status_code)
    if isinstance(error, RestException):
        return _may_pass(error.get_http_status_code())
    return error is not None and away(error.__cause__ or error.__context__)


def trouble(error: BaseException | None) -> str:
    """In a word, why the server behind ``error`` is away, as ``ConnectionError`` or ``ReadTimeout``."""
    if (
        isinstance(error, requests.exceptions.RetryError | requests.HTTPError | RestException)
        or error is None
    ):
        return "it answers with errors"
    if isinstance(error, requests.RequestException):
        return type(error).__name__
    return trouble(error.__cause__ or error.__context__)


def _may_pass(status: int) -> bool:
    """Whether an HTTP status is one that a later attempt may not meet: busy, timeout, trouble inside."""
    return status >= 500 or status in (408, 429)
