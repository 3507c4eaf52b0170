"""No answer of a server is waited for without end, however slowly it comes."""

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests
from mlflow.exceptions import MlflowException

from dae_lab.errors import TrackingError
from dae_lab.tracking.limits import SLOWEST, ServerClient, within
from dae_lab.tracking.server import away, knock, reach


@pytest.fixture
def slow():
    """The address of a server that sends a byte now and then."""
    over = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Length", "100000")
            self.end_headers()
            while not over.wait(0.1):
                try:
                    self.wfile.write(b" ")
                except OSError:
                    return

        do_POST = do_GET  # noqa: N815

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    over.set()
    server.shutdown()
    server.server_close()
    thread.join()


def seconds(act):
    began = time.monotonic()
    act()
    return time.monotonic() - began


def test_a_server_that_answers_for_ever_is_away(slow, monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")

    def ask():
        with pytest.raises((requests.RequestException, MlflowException)) as found:
            ServerClient(slow).get_run("0" * 32)
        assert away(found.value)

    assert seconds(ask) < 10


def test_so_it_is_when_it_is_asked_whether_it_is_well(slow):
    def ask():
        with pytest.raises(requests.RequestException) as found:
            knock(slow)
        assert away(found.value)

    assert seconds(ask) < 10
    with pytest.raises(TrackingError, match="no MLflow server answers"):
        reach(slow)


def test_what_is_raised_is_raised_where_the_answer_is_waited_for():
    with pytest.raises(ZeroDivisionError):
        within(5, lambda: 1 // 0)
    assert within(5, lambda: 7) == 7


def test_files_are_given_the_time_that_a_slow_line_takes(tmp_path, monkeypatch):
    from dae_lab.tracking import limits

    (tmp_path / "inside").mkdir()
    (tmp_path / "inside" / "file").write_bytes(bytes(3 * SLOWEST))
    allowed = []
    monkeypatch.setattr(limits, "within", lambda seconds, act: allowed.append(seconds))
    client = ServerClient("http://127.0.0.1:9")
    client.get_run("0" * 32)
    client.log_artifacts("0" * 32, str(tmp_path))
    assert allowed[1] - allowed[0] >= 3
