"""A small HTTP server with Basic authentication, and TLS where it is wanted, in front of another server."""

import base64
import shutil
import ssl
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from forwarding import ask, new_server, read_body, send, serving

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
        self.server = new_server(self.answer)
        if tls is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(tls)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        scheme = "http" if tls is None else "https"
        self.uri = f"{scheme}://127.0.0.1:{self.server.server_address[1]}"

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        body = read_body(request)
        if request.headers.get("Authorization") not in self.accepted or self.refuses(request.path):
            self.refused.append(request.path)
            more = {"Location": "/login", **self.more} if self.status == 302 else self.more
            status = 200 if request.path == "/login" else self.status
            return send(request, status, b"<html>refused</html>", more=more)
        self.headers = dict(request.headers)
        try:
            return send(request, *ask(self.target, request, body))
        except OSError:
            return send(request, 502, b"nobody there")


@contextmanager
def gate(target: str, username: str, password: str, tls: Path | None = None) -> Iterator[Gate]:
    """A ``Gate`` that answers, gone with the block."""
    with serving(Gate(target, username, password, tls)) as found:
        yield found


def self_signed(folder: Path) -> Path:
    """A key and its certificate for 127.0.0.1, signed by itself, in one file."""
    file = folder / "server.pem"
    names = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    key = ["-newkey", "rsa:2048", "-nodes", "-days", "2", "-keyout", str(file), "-out", str(folder / "cert")]
    subprocess.run(["openssl", "req", "-x509", *key, *names], check=True, capture_output=True)
    file.write_text(file.read_text() + (folder / "cert").read_text())
    return file
