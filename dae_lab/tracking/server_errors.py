"""What an error of MLflow's client says of its server: unavailable, denied, or refused for good."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import requests

from dae_lab.config.server import PASSWORD, TOKEN, USERNAME
from dae_lab.errors import TrackingError
from dae_lab.tracking.gateway import ClientErrors, MlflowException, RestException

NOT_JSON = "API request to endpoint was successful but the response body was not"
STATUS = re.compile(r"API request to endpoint .* failed with error code (\d{3})")
"""How MLflow's client begins its messages about answers that are not JSON; checked with MLflow 3.17."""

FOREIGN_STATUSES = (*range(300, 400), 404, 405, 407)
"""HTTP statuses that, without JSON, come from something in front of the server; MLflow's own have JSON."""

MAX_RETRY_AFTER = 600.0
"""Seconds: a server that asks to be left alone for longer is tried all the same."""


class ForeignAnswerError(requests.RequestException):
    """Something else answers in place of an MLflow server, such as the login page of a network."""


@contextmanager
def query_errors(uri: str) -> Iterator[None]:
    """Raise a TrackingError for an answer that a server cannot or must not give inside the block.

    Raises:
        TrackingError: the server is unavailable, or denies access.
        MlflowException, requests.RequestException: it refuses the query itself.
    """
    try:
        yield
    except ClientErrors as error:
        if denied_status(error):
            raise TrackingError(describe_denial(uri, error)) from error
        if not is_unavailable(error):
            raise
        raise TrackingError(
            f"{uri}: the server has gone away ({describe_outage(error)}); once it is back, give the same "
            f"command again"
        ) from error


def is_unavailable(error: BaseException | None) -> bool:
    """Whether a server could not be reached or could not serve, so that a later attempt may succeed.

    MLflow wraps what its HTTP library raises, so the errors behind ``error`` are examined too.
    """
    if isinstance(error, requests.RequestException):
        return error.response is None or _is_temporary(error.response.status_code)
    if isinstance(error, RestException):
        return _is_temporary(error.get_http_status_code())
    if isinstance(error, MlflowException) and (status := STATUS.match(str(error))):
        return _is_temporary(int(status[1])) or int(status[1]) in FOREIGN_STATUSES
    return error is not None and (_is_foreign_answer(error) or is_unavailable(_cause(error)))


def retry_after(error: BaseException | None) -> float:
    """Return the seconds for which the server asks to be left alone; 0 if it does not ask."""
    if error is None:
        return 0
    answer = error.response if isinstance(error, requests.RequestException) else None
    seconds = answer.headers.get("Retry-After", "") if answer is not None else ""
    if re.fullmatch("[0-9]{1,9}", seconds):
        return min(float(seconds), MAX_RETRY_AFTER)
    return retry_after(_cause(error))


def denied_status(error: BaseException | None) -> int:
    """Return the HTTP status, 401 or 403, if a server denies this user access; else 0."""
    if error is None:
        return 0
    status = 0
    if isinstance(error, requests.RequestException) and error.response is not None:
        status = error.response.status_code
    elif isinstance(error, MlflowException):
        status = error.get_http_status_code()
    return status if status in (401, 403) else denied_status(_cause(error))


def describe_denial(uri: str, error: BaseException) -> str:
    """Say that the server denies this user access, and what to do."""
    if denied_status(error) == 403:
        return (
            f"the server at {uri} does not allow this user to do that (403); ask who runs it for permission"
        )
    return (
        f"the server at {uri} does not accept the user name and password, or there are none (401): set "
        f"{USERNAME} and {PASSWORD}, or {TOKEN}"
    )


def describe_outage(error: BaseException | None) -> str:
    """Say in a few words why a server is unavailable, such as ``ConnectionError`` or ``ReadTimeout``."""
    if status := denied_status(error):
        return f"it does not let this user in ({status}), as where a token has expired"
    if error is not None and _is_foreign_answer(error):
        return "what answers is not MLflow, as the login page of a network"
    if _is_throttled(error):
        return "it is asked too often (429)"
    answers_with_errors = requests.exceptions.RetryError | requests.HTTPError | RestException
    if error is None or isinstance(error, answers_with_errors):
        return "it answers with errors"
    if isinstance(error, requests.RequestException):
        return type(error).__name__
    return describe_outage(_cause(error))


def find_cause(error: BaseException | None, kind: type[Exception]) -> BaseException | None:
    """Return the error of this kind behind ``error``, if there is one."""
    return error if error is None or isinstance(error, kind) else find_cause(_cause(error), kind)


def _cause(error: BaseException) -> BaseException | None:
    return error.__cause__ or error.__context__


def _is_foreign_answer(error: BaseException) -> bool:
    """Whether an answer was not an MLflow server's, but a page, or half of an answer."""
    kinds = (ForeignAnswerError, requests.exceptions.JSONDecodeError)
    return isinstance(error, kinds) or (isinstance(error, MlflowException) and NOT_JSON in str(error))


def _is_throttled(error: BaseException | None) -> bool:
    if error is None:
        return False
    answer = error.response if isinstance(error, requests.RequestException) else None
    return (
        (answer is not None and answer.status_code == 429)
        or "too many 429 error responses" in str(error)
        or _is_throttled(_cause(error))
    )


def _is_temporary(status: int) -> bool:
    """Whether a later attempt may not meet this HTTP status: busy, timeout, an error inside the server."""
    return status >= 500 or status in (408, 429)
