"""What small HTTP servers of the tests, in front of another server, have in common."""

import http.client
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeVar
from urllib.parse import urlsplit

S = TypeVar("S", bound=Any)

PASSED = ("Content-Type", "Accept")
"""Headers of a request that are passed on."""


def new_server(answer: Any) -> ThreadingHTTPServer:
    """A server on a free port of this machine whose requests, of all methods, ``answer`` is called with."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer(self)

        do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    return server


@contextmanager
def serving(found: S) -> Iterator[S]:
    """``found``, whose attribute ``server`` answers inside the block."""
    thread = threading.Thread(target=found.server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield found
    finally:
        found.server.shutdown()
        found.server.server_close()
        thread.join()


def read_body(request: BaseHTTPRequestHandler) -> bytes:
    if request.headers.get("Transfer-Encoding") != "chunked":
        return request.rfile.read(int(request.headers.get("Content-Length", 0)))
    body = b""
    while size := int(request.rfile.readline(), 16):
        body += request.rfile.read(size)
        request.rfile.readline()
    request.rfile.readline()
    return body


def ask(target: str, request: BaseHTTPRequestHandler, body: bytes) -> tuple[int, bytes, str]:
    """Status, body and type of what the server at ``target`` answers to ``request``."""
    passed = {name: request.headers[name] for name in PASSED if name in request.headers}
    with closing(http.client.HTTPConnection(urlsplit(target).netloc, timeout=60)) as there:
        there.request(request.command, request.path, body, passed)
        found = there.getresponse()
        return found.status, found.read(), found.headers.get("Content-Type", "")


def send(
    request: BaseHTTPRequestHandler,
    status: int,
    body: bytes,
    kind: str = "text/html",
    more: Mapping[str, str] | None = None,
) -> None:
    """Answer ``request``; more: headers."""
    request.send_response(status)
    for name, value in (more or {}).items():
        request.send_header(name, value)
    request.send_header("Content-Type", kind)
    request.send_header("Content-Length", str(len(body)))
    request.end_headers()
    request.wfile.write(body)
