"""A real HTTP server in front of a real MLflow server, unwell from a moment on, for a while or for good."""

import http.client
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

STATUSES = {"401": 401, "403": 403, "429": 429, "500": 500, "page": 200}

TROUBLES = (*STATUSES, "no answer", "half an answer", "slow answer", "taken without answer")
"""What may be wrong. A page is what a network that wants a login answers, whatever was asked."""

MOMENTS = ("start", "middle", "end")
"""When it begins: with the first request; with the first curves; when the run's end is to be recorded."""

PAGE = b"<html><body>Please log in</body></html>"


class Unwell:
    """Forwards to ``target`` what it is asked, while it is well.

    Attributes:
        trouble, moment: what is wrong, and from when on.
        seconds: for which it is unwell; None: until ``heal``.
        refused: the paths that were not answered.
    """

    def __init__(self, target: str) -> None:
        self.target = target
        self.trouble, self.moment, self.seconds = "", "", None
        self.refused: list[str] = []
        self._since = 0.0
        self._over = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                with suppress(OSError):  # the client may go away
                    outer.answer(self)

            do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.uri = f"http://127.0.0.1:{self.server.server_address[1]}"

    def ail(self, trouble: str, moment: str, seconds: float | None) -> None:
        """From that moment on, be unwell."""
        self.heal()
        self._over.clear()
        self.trouble, self.moment, self.seconds = trouble, moment, seconds
        self._since, self.refused = 0.0, []

    def heal(self) -> None:
        """Be well."""
        self.trouble = ""
        self._over.set()

    def _is_unwell(self, path: str, body: bytes) -> bool:
        if not self.trouble:
            return False
        signs = {
            "start": True,
            "middle": path.endswith("/runs/log-batch") and b'"train/loss"' in body,
            "end": path.endswith("/runs/update") and b'"FINISHED"' in body,
        }
        if not self._since and signs[self.moment]:
            self._since = time.monotonic()
        if self._since and self.seconds is not None and time.monotonic() > self._since + self.seconds:
            self.heal()
        return bool(self._since) and bool(self.trouble)

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        body = _body(request)
        if not self._is_unwell(request.path, body):
            return self._forward(request, body)
        self.refused.append(request.path)
        request.close_connection = True
        if self.trouble in STATUSES:
            return _send(request, STATUSES[self.trouble], PAGE, "text/html")
        if self.trouble == "taken without answer":
            self._ask(request, body)
        if self.trouble in ("half an answer", "slow answer"):
            request.send_response(200)
            request.send_header("Content-Type", "application/json")
            request.send_header("Content-Length", "100000")
            request.end_headers()
            request.wfile.write(b'{"run": {')
        while self.trouble == "slow answer" and not self._over.wait(0.3):
            request.wfile.write(b" ")
            request.wfile.flush()
        return None

    def _ask(self, request: BaseHTTPRequestHandler, body: bytes) -> tuple[int, bytes, str]:
        passed = {
            name: request.headers[name] for name in ("Content-Type", "Accept") if name in request.headers
        }
        with closing(http.client.HTTPConnection(urlsplit(self.target).netloc, timeout=60)) as there:
            there.request(request.command, request.path, body, passed)
            answer = there.getresponse()
            return answer.status, answer.read(), answer.headers.get("Content-Type", "")

    def _forward(self, request: BaseHTTPRequestHandler, body: bytes) -> None:
        _send(request, *self._ask(request, body))


def _send(request: BaseHTTPRequestHandler, status: int, body: bytes, kind: str) -> None:
    request.send_response(status)
    if status == 429:
        request.send_header("Retry-After", "1")
    request.send_header("Content-Type", kind)
    request.send_header("Content-Length", str(len(body)))
    request.end_headers()
    request.wfile.write(body)


def _body(request: BaseHTTPRequestHandler) -> bytes:
    if request.headers.get("Transfer-Encoding") != "chunked":
        return request.rfile.read(int(request.headers.get("Content-Length", 0)))
    body = b""
    while size := int(request.rfile.readline(), 16):
        body += request.rfile.read(size)
        request.rfile.readline()
    request.rfile.readline()
    return body


@contextmanager
def unwell(target: str) -> Iterator[Unwell]:
    """An ``Unwell`` that is well yet, gone with the block."""
    found = Unwell(target)
    thread = threading.Thread(target=found.server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield found
    finally:
        found.heal()
        found.server.shutdown()
        found.server.server_close()
        thread.join()
