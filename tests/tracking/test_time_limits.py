"""No answer of a server is waited for without end, however slowly it comes."""

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests
from mlflow.exceptions import MlflowException

from dae_lab.errors import TrackingError
from dae_lab.tracking.server import check_server, open_server, ping
from dae_lab.tracking.server_errors import is_unavailable
from dae_lab.tracking.time_limits import MIN_TRANSFER_RATE, run_within, time_limit


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


def test_a_server_that_answers_for_ever_is_is_unavailable(slow, monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")

    def ask():
        with pytest.raises((requests.RequestException, MlflowException)) as found:
            open_server(slow).read_run("0" * 32)
        assert is_unavailable(found.value)

    assert seconds(ask) < 10


def test_so_it_is_when_it_is_asked_whether_it_is_well(slow):
    def ask():
        with pytest.raises(requests.RequestException) as found:
            ping(slow)
        assert is_unavailable(found.value)

    assert seconds(ask) < 10
    with pytest.raises(TrackingError, match="no MLflow server answers"):
        check_server(slow)


def test_what_is_raised_is_raised_where_the_answer_is_waited_for():
    with pytest.raises(ZeroDivisionError):
        run_within(5, lambda: 1 // 0)
    assert run_within(5, lambda: 7) == 7


def test_files_are_given_the_time_that_a_slow_line_takes(tmp_path):
    (tmp_path / "inside").mkdir()
    (tmp_path / "inside" / "file").write_bytes(bytes(3 * MIN_TRANSFER_RATE))
    upload, query = time_limit("log_artifacts", ("0" * 32, str(tmp_path))), time_limit("get_run", ("0" * 32,))
    assert upload - query >= 3
    assert time_limit("download_artifacts", ("0" * 32, "file")) > upload
