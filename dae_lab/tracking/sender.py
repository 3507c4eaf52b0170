"""How a run's writes reach its store: at once, or, where a server is away, as soon as it is back."""

import logging
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from mlflow.tracking import MlflowClient

from dae_lab.tracking.server import away, denied, knock, retry_after, trouble
from dae_lab.tracking.spool import Spool
from dae_lab.tracking.writes import WITH_FILES, Write, send

log = logging.getLogger(__name__)

SHARE = 20
"""Looking whether a server is back takes at most one SHARE-th of the time."""

PAUSE = 2.0
"""Seconds that pass at least between two such looks."""

TRUST = 1.0
"""Seconds after an answer within which a server is not asked again whether it lives."""


def send_surely(client: MlflowClient, run_id: str, write: Write, folder: Path) -> None:
    """Send ``write`` to a server, and make sure that it was the server which took its files.

    A page that answers in the server's place, as of a network that wants a login, answers uploads as well.

    Raises:
        MlflowException, requests.RequestException: it was not, or it refuses.
    """
    send(client, run_id, write, folder)
    if write["kind"] in WITH_FILES:
        knock(client.tracking_uri)


class Sender:
    """Sends a run's writes. While its server is away they wait in the spool, and training goes on.

    Args:
        client, run_id: what is written to.
        spool: None where the store is a database, which is never away.
    """

    def __init__(self, client: MlflowClient, run_id: str, spool: Spool | None = None) -> None:
        self.client, self.run_id, self.spool = client, run_id, spool
        self.trouble = ""  # why the server is away
        self._send: Callable[[Write, Path], None] = partial(
            send if spool is None else send_surely, client, run_id
        )
        self._heard_at, self._look_at, self._pause = float("-inf"), 0.0, 0.0

    def send(self, write: Write, files: Path | None = None) -> None:
        """Have the server take ``write`` and what is in the folder ``files``, or the spool.

        Raises:
            MlflowException, requests.RequestException: the server refuses it, or what waited before it.
        """
        if self.spool is None:
            self._send(write, files or Path())
        elif self.spool or not self._reached(partial(self._send, self.spool.amend(write), files or Path())):
            self.spool.add(write, files)
            if time.monotonic() >= self._look_at:
                self.push()

    def push(self) -> bool:
        """Try to empty the spool; gives whether it is empty.

        Raises:
            MlflowException, requests.RequestException: the server refuses what waits.
        """
        if not self.spool:
            return True
        count = len(self.spool)
        done = self._reached(partial(self.spool.deliver, self._send))
        if done:
            log.info("the server is back: %d writes that waited for it were pushed", count)
        return done

    def wait(self, seconds: float) -> bool:
        """Try for ``seconds`` to empty the spool, once at least; gives whether it is empty."""
        deadline = time.monotonic() + seconds
        while not self.push():
            if time.monotonic() >= deadline:
                return False
            time.sleep(min(max(1.0, self._pause), max(0.0, deadline - time.monotonic())))
        return True

    def _reached(self, act: Callable[[], None]) -> bool:
        """Do ``act``, which talks to the server; gives False if that is away or lets us in no more."""
        began = time.monotonic()
        try:
            if began - self._heard_at > TRUST:
                knock(self.client.tracking_uri)
            act()
        except Exception as error:
            if not (away(error) or denied(error)):
                raise
            self._missed(error, time.monotonic() - began)
            return False
        self._heard_at, self.trouble = time.monotonic(), ""
        return True

    def _missed(self, error: Exception, took: float) -> None:
        assert self.spool is not None
        if not self.trouble:
            log.warning(
                "the server at %s is away (%s): the run goes on, and what it records waits in %s",
                self.client.tracking_uri,
                trouble(error),
                self.spool.folder,
            )
        self.trouble = trouble(error)
        self._heard_at = float("-inf")
        self._pause = retry_after(error)
        self._look_at = time.monotonic() + max(PAUSE, SHARE * took, self._pause)
