"""Private names of libraries, each with the reason, and the version that it was checked with.

They are imported inside the functions that use them. ``tests/test_compat*.py`` fails when one goes.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import requests


def request_mlflow_server(uri: str, path: str, timeout: float) -> "requests.Response":
    """Send one GET request to an MLflow server, as MLflow's client sends its own.

    MLflow's client has the credentials, tokens, headers, certificates and request plugins of a person's
    environment, but offers no call for ``/health``. ``mlflow.utils`` is checked with MLflow 3.17.

    Args:
        uri: the server's address.
        path: of the request, as ``/health``.
        timeout: seconds from one byte of the answer to the next.

    Raises:
        requests.RequestException, MlflowException: it does not answer.
    """
    from mlflow.utils.credentials import get_default_host_creds
    from mlflow.utils.rest_utils import http_request

    credentials = get_default_host_creds(uri.rstrip("/"))
    return http_request(credentials, path, "GET", timeout=timeout, max_retries=0, raise_on_status=False)
