"""Is the MLflow server there, and does it let us in?"""

import re
import time

import requests
from mlflow.exceptions import MlflowException, RestException
from mlflow.utils.credentials import get_default_host_creds
from mlflow.utils.rest_utils import http_request

from dae_lab.config.server import PASSWORD, TOKEN, USERNAME
from dae_lab.errors import TrackingError
from dae_lab.tracking.limits import within

ClientErrors = (MlflowException, requests.RequestException)
"""What MLflow's client raises where a server refuses, cannot be reached, or is none."""

KNOCK = 2.0
"""Seconds a server may take to say that it lives. A busy one that takes longer is told everything later."""


NO_JSON = "API request to endpoint was successful but the response body was not"
STATUS = re.compile(r"API request to endpoint .* failed with error code (\d{3})")
"""How MLflow's client begins its messages about answers that are no JSON text; checked with MLflow 3.17."""

LONGEST_PAUSE = 600.0
"""Seconds: a server that wants to be left alone for longer is asked all the same."""


class ForeignAnswerError(requests.RequestException):
    """Something else answers in place of an MLflow server, as the login page of a network."""


def reach(uri: str) -> None:
    """Raise a TrackingError at once if no MLflow server answers at ``uri``, or it does not let us in."""
    try:
        answer = _health(uri, timeout=5)
    except Exception as error:  # requests', MLflow's, or an OSError where a file of certificates is missing
        raise TrackingError(_complaint(uri, error)) from error
    if answer.strip() != "OK":
        raise TrackingError(f"tracking.uri: {uri} answers, but is no MLflow server")


def _health(uri: str, timeout: float) -> str:
    """What the server at ``uri`` says of its health.

    Asked as MLflow's client asks everything, with its credentials, headers and certificates. MLflow documents
    the variables that set these, but no function: ``mlflow.utils`` is checked with MLflow 3.17.

    Raises:
        requests.RequestException, MlflowException: it does not answer, or is not well.
    """
    request = {"timeout": timeout, "max_retries": 0, "raise_on_status": False}
    credentials = get_default_host_creds(uri.rstrip("/"))
    answer = within(timeout, lambda: http_request(credentials, "/health", "GET", **request))
    answer.raise_for_status()
    return str(answer.text)


def _complaint(uri: str, error: Exception) -> str:
    """Why ``uri`` cannot be used, and what to do."""
    if denied(error):
        return f"tracking.uri: {denial(uri, error)}"
    cause = _cause(error, requests.exceptions.SSLError)
    if cause is not None and "CERTIFICATE_VERIFY_FAILED" in str(cause):
        return (
            f"tracking.uri: the certificate of {uri} cannot be verified; set "
            f"MLFLOW_TRACKING_SERVER_CERT_PATH to the file of the authority that signed it, or "
            f"MLFLOW_TRACKING_INSECURE_TLS=true to trust any"
        )
    if not away(error):
        return f"tracking.uri: {uri} cannot be asked: {' '.join(str(error).split())}"
    return (
        f"tracking.uri: no MLflow server answers at {uri} ({trouble(error)}); start it "
        f"there, or give tracking.uri=null for a database in tracking.dir"
    )


def wait_for(uri: str, seconds: float) -> None:
    """Return as soon as an MLflow server answers at ``uri``.

    Raises:
        TrackingError: none does within ``seconds``, or it does not let us in.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            return reach(uri)
        except TrackingError as error:
            if time.monotonic() >= deadline or denied(error.__cause__):
                raise
        time.sleep(1)


def knock(uri: str) -> None:
    """Return if a server answers at ``uri`` within ``KNOCK`` seconds.

    A server that hangs would otherwise hold up what is sent to it for the whole timeout of MLflow's client.

    Raises:
        requests.RequestException, MlflowException: it does not answer, or is not well.
    """
    if _health(uri, timeout=KNOCK).strip() != "OK":
        raise ForeignAnswerError("no answer of an MLflow server")


def away(error: BaseException | None) -> bool:
    """Whether ``error`` says that a server could not be reached or could not serve, not that it refused.

    MLflow wraps what its HTTP library raises, so the errors behind ``error`` are looked at too.
    """
    if isinstance(error, requests.RequestException):
        return error.response is None or _may_pass(error.response.status_code)
    if isinstance(error, RestException):
        return _may_pass(error.get_http_status_code())
    if isinstance(error, MlflowException) and (status := STATUS.match(str(error))):
        return _may_pass(int(status[1])) or int(status[1]) in FOREIGN
    return error is not None and (is_foreign(error) or away(error.__cause__ or error.__context__))


def is_foreign(error: BaseException) -> bool:
    """Whether ``error`` says that an answer was not an MLflow server's, but a page, or half of an answer."""
    kinds = (ForeignAnswerError, requests.exceptions.JSONDecodeError)
    return isinstance(error, kinds) or (isinstance(error, MlflowException) and NO_JSON in str(error))


def retry_after(error: BaseException | None) -> float:
    """Seconds for which the server behind ``error`` asks to be left alone, 0 if it asks for nothing."""
    if error is None:
        return 0
    answer = error.response if isinstance(error, requests.RequestException) else None
    seconds = answer.headers.get("Retry-After", "") if answer is not None else ""
    if re.fullmatch("[0-9]{1,9}", seconds):
        return min(float(seconds), LONGEST_PAUSE)
    return retry_after(error.__cause__ or error.__context__)


def denied(error: BaseException | None) -> int:
    """The HTTP status, 401 or 403, if ``error`` says that a server does not let this user in; else 0."""
    status = 0
    if isinstance(error, requests.RequestException) and error.response is not None:
        status = error.response.status_code
    elif isinstance(error, MlflowException):
        status = error.get_http_status_code()
    if status in (401, 403):
        return status
    return denied(error.__cause__ or error.__context__) if error is not None else 0


def denial(uri: str, error: BaseException) -> str:
    """What is said where a server does not let this user in, and what to do."""
    if denied(error) == 403:
        return (
            f"the server at {uri} does not allow this user to do that (403); ask who runs it for permission"
        )
    return (
        f"the server at {uri} does not accept the user name and password, or there are none (401): set "
        f"{USERNAME} and {PASSWORD}, or {TOKEN}"
    )


def trouble(error: BaseException | None) -> str:
    """In a few words, why the server behind ``error`` is away, as ``ConnectionError`` or ``ReadTimeout``."""
    if status := denied(error):
        return f"it does not let this user in ({status}), as where a token has expired"
    if error is not None and is_foreign(error):
        return "what answers is not MLflow, as the login page of a network"
    if _is_throttled(error):
        return "it is asked too often (429)"
    if (
        isinstance(error, requests.exceptions.RetryError | requests.HTTPError | RestException)
        or error is None
    ):
        return "it answers with errors"
    if isinstance(error, requests.RequestException):
        return type(error).__name__
    return trouble(error.__cause__ or error.__context__)


def _cause(error: BaseException | None, kind: type[Exception]) -> BaseException | None:
    """The error of this kind behind ``error``, if there is one."""
    if error is None or isinstance(error, kind):
        return error
    return _cause(error.__cause__ or error.__context__, kind)


FOREIGN = (*range(300, 400), 404, 405, 407)
"""HTTP statuses without JSON that come from something in front of the server; MLflow's own have JSON."""


def _is_throttled(error: BaseException | None) -> bool:
    if error is None:
        return False
    answer = error.response if isinstance(error, requests.RequestException) else None
    return (
        (answer is not None and answer.status_code == 429)
        or "too many 429 error responses" in str(error)
        or _is_throttled(error.__cause__ or error.__context__)
    )


def _may_pass(status: int) -> bool:
    """Whether an HTTP status is one that a later attempt may not meet: busy, timeout, trouble inside."""
    return status >= 500 or status in (408, 429)
