"""A small HTTP server with Basic authentication, and TLS where it is wanted, in front of another server."""

import base64
import http.client
import shutil
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest

needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")


class Gate:
    """Forwards to ``target`` what comes with the user name and password, and answers 401 to the rest.

    Attributes:
        uri: its address, without user name and password.
        status: what refused requests are answered with.
        refused: the paths of requests that were refused.
        headers: those of the last request that was let in.
        refuses: whether a path is refused whoever asks.
        more: headers of refusals.
    """

    def __init__(self, target: str, username: str, password: str, tls: Path | None = None) -> None:
        self.target, self.status = target, 401
        self.refused: list[str] = []
        self.headers: dict[str, str] = {}
        self.refuses: Callable[[str], bool] = lambda path: False
        self.more: dict[str, str] = {}
        token = base64.b64encode(f"{username}:{password}".encode()).decode()
        self.accepted = {f"Basic {token}"}
        gate = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = _body(self)
                if self.headers.get("Authorization") not in gate.accepted or gate.refuses(self.path):
                    gate.refused.append(self.path)
                    more = {"Location": "/login", **gate.more} if gate.status == 302 else gate.more
                    status = 200 if self.path == "/login" else gate.status
                    return _answer(self, status, b"<html>refused</html>", more=more)
                gate.headers = dict(self.headers)
                passed = {name: value for name, value in self.headers.items() if name in PASSED}
                try:
                    there = http.client.HTTPConnection(urlsplit(gate.target).netloc, timeout=30)
                    with closing(there):
                        there.request(self.command, self.path, body, passed)
                        answer = there.getresponse()
                        _answer(self, answer.status, answer.read(), answer.headers.get("Content-Type", ""))
                except OSError:
                    _answer(self, 502, b"nobody there")

            do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        if tls is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(tls)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        scheme = "http" if tls is None else "https"
        self.uri = f"{scheme}://127.0.0.1:{self.server.server_address[1]}"


PASSED = ("Content-Type", "Accept")


def _body(request: BaseHTTPRequestHandler) -> bytes:
    if request.headers.get("Transfer-Encoding") != "chunked":
        return request.rfile.read(int(request.headers.get("Content-Length", 0)))
    body = b""
    while size := int(request.rfile.readline(), 16):
        body += request.rfile.read(size)
        request.rfile.readline()
    request.rfile.readline()
    return body


def _answer(
    request: BaseHTTPRequestHandler,
    status: int,
    body: bytes,
    kind: str = "text/html",
    more: Mapping[str, str] | None = None,
) -> None:
    request.send_response(status)
    for name, value in (more or {}).items():
        request.send_header(name, value)
    request.send_header("Content-Type", kind)
    request.send_header("Content-Length", str(len(body)))
    request.end_headers()
    request.wfile.write(body)


@contextmanager
def gate(target: str, username: str, password: str, tls: Path | None = None) -> Iterator[Gate]:
    """A ``Gate`` that answers, gone with the block."""
    found = Gate(target, username, password, tls)
    thread = threading.Thread(target=found.server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield found
    finally:
        found.server.shutdown()
        found.server.server_close()
        thread.join()


def self_signed(folder: Path) -> Path:
    """A key and its certificate for 127.0.0.1, signed by itself, in one file."""
    file = folder / "server.pem"
    names = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    key = ["-newkey", "rsa:2048", "-nodes", "-days", "2", "-keyout", str(file), "-out", str(folder / "cert")]
    subprocess.run(["openssl", "req", "-x509", *key, *names], check=True, capture_output=True)
    file.write_text(file.read_text() + (folder / "cert").read_text())
    return file
