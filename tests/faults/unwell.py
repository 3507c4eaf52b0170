"""A real HTTP server in front of a real MLflow server, unwell from a moment on, for a while or for good."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler

from forwarding import ask, new_server, read_body, send, serving

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
        self.server = new_server(self._answer_unless_gone)
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

    def _answer_unless_gone(self, request: BaseHTTPRequestHandler) -> None:
        with suppress(OSError):  # the client may go away
            self.answer(request)

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        body = read_body(request)
        if not self._is_unwell(request.path, body):
            return send(request, *ask(self.target, request, body))
        self.refused.append(request.path)
        request.close_connection = True
        if self.trouble in STATUSES:
            more = {"Retry-After": "1"} if self.trouble == "429" else {}
            return send(request, STATUSES[self.trouble], PAGE, more=more)
        if self.trouble == "taken without answer":
            ask(self.target, request, body)
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


@contextmanager
def unwell(target: str) -> Iterator[Unwell]:
    """An ``Unwell`` that is well yet, gone with the block."""
    with serving(Unwell(target)) as found:
        try:
            yield found
        finally:
            found.heal()
