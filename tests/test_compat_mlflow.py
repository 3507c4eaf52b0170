"""The private names of MLflow are there, and do what they are used for."""

import base64
from types import SimpleNamespace

import pytest
from forwarding import new_server, send, serving

from dae_lab.compat import request_mlflow_server


def test_a_request_has_the_credentials_of_mlflow_s_client(monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "me")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "secret")
    asked = []

    def answer(request):
        asked.append((request.path, request.headers["Authorization"]))
        send(request, 503, b"not now")

    with serving(SimpleNamespace(server=new_server(answer))) as found:
        uri = f"http://127.0.0.1:{found.server.server_address[1]}"
        response = request_mlflow_server(uri, "/health", timeout=5)
    assert asked == [("/health", f"Basic {base64.b64encode(b'me:secret').decode()}")]
    assert (response.status_code, response.text) == (503, "not now")
    with pytest.raises(Exception, match="refused"):
        request_mlflow_server(uri, "/health", timeout=5)
