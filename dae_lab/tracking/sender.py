"""How a run's writes reach its store: at once or, while a server is unavailable, as soon as it is back."""

import logging
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from dae_lab.tracking.gateway import Gateway
from dae_lab.tracking.server import ping
from dae_lab.tracking.server_errors import denied_status, describe_outage, is_unavailable, retry_after
from dae_lab.tracking.spool import Spool
from dae_lab.tracking.writes import Write

log = logging.getLogger(__name__)

RETRY_FACTOR = 20
"""After an attempt the next one follows after at least so many times its duration: 5 % of the time in all."""

MIN_PAUSE = 2.0
"""Seconds that pass at least between two attempts."""

PING_VALIDITY = 1.0
"""Seconds after an answer within which a server is not asked again whether it answers."""


def send_to_server(gateway: Gateway, run_id: str, write: Write, folder: Path) -> None:
    """Send a write to a server, and make sure that it was the server which took its files.

    A page that answers in the server's place, as of a network that wants a login, answers uploads as well.

    Raises:
        MlflowException, requests.RequestException: it was not, or it refuses.
    """
    write.send(gateway, run_id, folder)
    if write.has_files:
        ping(gateway.uri)


class WriteSender:
    """Sends a run's writes. While its server is unavailable they wait in the spool, and training goes on.

    Args:
        gateway, run_id: where the writes go.
        spool: None where the store is a database, which is always available.

    Attributes:
        outage: why the server is unavailable; empty while it is not.
        next_attempt: the ``time.monotonic`` before which the server is left alone.
    """

    def __init__(self, gateway: Gateway, run_id: str, spool: Spool | None = None) -> None:
        self.spool, self.outage, self.next_attempt = spool, "", 0.0
        self._gateway, self._run_id = gateway, run_id
        self._pause, self._answered_at = 0.0, float("-inf")

    def send(self, write: Write, files: Path | None = None) -> None:
        """Send ``write`` and the content of the folder ``files`` to the server, or keep them in the spool.

        Raises:
            MlflowException, requests.RequestException: the server refuses it, or what waited before it.
        """
        if self.spool is None:
            write.send(self._gateway, self._run_id, files or Path())
            return
        send = partial(self._send, self.spool.correct_status(write), files or Path())
        if self.spool or not self._attempt(send):
            self.spool.add(write, files)
            if time.monotonic() >= self.next_attempt:
                self.empty_spool()

    def empty_spool(self) -> bool:
        """Try once to empty the spool; return whether it is empty.

        Raises:
            MlflowException, requests.RequestException: the server refuses what waits.
        """
        if not self.spool:
            return True
        count = len(self.spool)
        done = self._attempt(partial(self.spool.deliver, self._send))
        if done:
            log.info("the server is back: %d writes that waited for it were pushed", count)
        return done

    def wait_until_empty(self, seconds: float) -> bool:
        """Try for ``seconds`` to empty the spool, once at least; return whether it is empty."""
        deadline = time.monotonic() + seconds
        while not self.empty_spool():
            if time.monotonic() >= deadline:
                return False
            time.sleep(min(max(1.0, self._pause), max(0.0, deadline - time.monotonic())))
        return True

    def _send(self, write: Write, folder: Path) -> None:
        send_to_server(self._gateway, self._run_id, write, folder)

    def _attempt(self, act: Callable[[], None]) -> bool:
        """Do ``act``, which needs the server; return False if that is unavailable or denies access."""
        began = time.monotonic()
        try:
            if began - self._answered_at > PING_VALIDITY:
                ping(self._gateway.uri)
            act()
        except Exception as error:
            if not (is_unavailable(error) or denied_status(error)):
                raise
            self._note_outage(error, time.monotonic() - began)
            return False
        self._answered_at, self.outage = time.monotonic(), ""
        return True

    def _note_outage(self, error: Exception, duration: float) -> None:
        assert self.spool is not None
        if not self.outage:
            log.warning(
                "the server at %s is away (%s): the run goes on, and what it records waits in %s",
                self._gateway.uri,
                describe_outage(error),
                self.spool.folder,
            )
        self.outage = describe_outage(error)
        self._answered_at = float("-inf")
        self._pause = retry_after(error)
        self.next_attempt = time.monotonic() + max(MIN_PAUSE, RETRY_FACTOR * duration, self._pause)
