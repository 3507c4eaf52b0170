"""Push what runs left in their spools, because their server did not come back in time."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import requests
from filelock import FileLock, Timeout
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from dae_lab.errors import TrackingError
from dae_lab.tracking.locks import remove_lock
from dae_lab.tracking.record import first_sentence
from dae_lab.tracking.server import away, denial, denied, reach
from dae_lab.tracking.spool import Spool
from dae_lab.tracking.writes import send


@dataclass(frozen=True)
class Synced:
    """What came of one run's spool.

    run_id, name: whose it is.
    uri: the server it was pushed to.
    writes: how many were pushed.
    left: why some are left; empty where none are.
    refused: they are left because the server refused one of them, which a person has to look at.
    """

    run_id: str
    name: str
    uri: str
    writes: int
    left: str = ""
    refused: bool = False

    def sentence(self) -> str:
        """What a person is told."""
        pushed = f"{self.writes} writes pushed to {self.uri}" if self.writes or not self.left else ""
        return f"run {self.run_id} ({self.name}): {'; '.join(filter(None, (pushed, self.left)))}"


def waiting(folder: Path, uri: str | None = None) -> list[str]:
    """The ids of the runs whose record waits in the store's ``folder``, for the server at ``uri`` or any."""
    found = {path.parent: Spool(path.parent).about for path in sorted((folder / "spool").glob("*/run.json"))}
    return [path.name for path, about in found.items() if uri in (None, about.get("uri"))]


def sync(folder: Path, uri: str | None = None) -> Iterator[Synced]:
    """Push every spool in the store's ``folder``; one that is still being written is left alone.

    Args:
        uri: the server; None: each spool's own.

    Raises:
        TrackingError: a server is away; what it did not take stays.
    """
    for run_id in waiting(folder):
        found = push(folder, run_id, uri)
        if found:
            yield found


def push(folder: Path, run_id: str, uri: str | None = None) -> Synced | None:
    """Push the spool of one run; None where another process has just done so.

    Raises:
        TrackingError: its server is away.
    """
    spool = Spool(folder / "spool" / run_id)
    about = spool.about
    if not about:
        return None
    address = uri or about["uri"]
    said = partial(Synced, run_id, about["name"], address)
    lock = folder / "locks" / about["lock"]
    try:
        with FileLock(lock, timeout=0) as held:
            spool = Spool(spool.folder)  # as it is now that nobody can change it
            found = _pushed(spool, run_id, address, said) if spool.about else None
            if not spool and "known" in about and not (folder / "checkpoints" / run_id).exists():
                remove_lock(held)  # it was closed, and has nothing to go on with
            return found
    except Timeout:
        return said(0, "another process is writing it")


def _pushed(spool: Spool, run_id: str, uri: str, said: "partial[Synced]") -> Synced:
    reach(uri)
    count = len(spool)
    try:
        spool.deliver(partial(send, MlflowClient(uri), run_id))
    except (MlflowException, requests.RequestException) as error:
        if away(error):
            raise TrackingError(
                f"tracking.uri: the server at {uri} went away again; {len(spool)} writes stay in "
                f"{spool.folder}"
            ) from error
        why = denial(uri, error) if denied(error) else first_sentence(error)
        refusal = f"the server refuses what is in {spool.folder}: {why}"
        return said(count - len(spool), refusal, refused=True)
    return said(count)
