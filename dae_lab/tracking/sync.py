"""Push what runs left in their spools, because their server did not come back in time."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from filelock import Timeout

from dae_lab.commands import format_override, format_run_command
from dae_lab.errors import TrackingError
from dae_lab.files import open_lock
from dae_lab.tracking.causes import first_sentence
from dae_lab.tracking.limits import ServerClient
from dae_lab.tracking.locks import SUMMARY_LOCKS, is_run_id, remove_lock
from dae_lab.tracking.sender import send_surely
from dae_lab.tracking.server import ClientErrors, away, denial, denied, reach
from dae_lab.tracking.spool import Spool


@dataclass(frozen=True)
class Synced:
    """What came of one run's spool.

    run_id, name: whose it is.
    uri: the server it was pushed to.
    writes: how many were pushed.
    left: why some are left; empty where none are.
    refused: they are left because the server refused one of them, which a person has to look at.
    elsewhere: they are left because they wait for another server.
    """

    run_id: str
    name: str
    uri: str
    writes: int
    left: str = ""
    refused: bool = False
    elsewhere: bool = False

    def sentence(self) -> str:
        """What a person is told."""
        pushed = f"{self.writes} writes pushed to {self.uri}" if self.writes or not self.left else ""
        return f"run {self.run_id} ({self.name}): {'; '.join(filter(None, (pushed, self.left)))}"


def waiting(folder: Path, uri: str | None = None) -> list[str]:
    """The ids of the runs whose record waits in the store's ``folder``, for the server at ``uri`` or any."""
    names = sorted(path.name for path in (folder / "spool").glob("*"))
    abouts = {name: Spool(folder / "spool" / name).about for name in names if is_run_id(name)}
    return [name for name, about in abouts.items() if about and uri in (None, about["uri"])]


def sync(folder: Path, uri: str | None = None) -> Iterator[Synced]:
    """Push every spool in the store's ``folder`` that the server at ``uri`` knows the run of.

    One that is still being written is left alone. Nothing is sent to an address that only a spool names: it
    would get the credentials of the environment.

    Args:
        uri: the server; None: there is none, and nothing is pushed.

    Raises:
        TrackingError: the server is away; what it did not take stays.
    """
    for run_id in waiting(folder):
        about = Spool(folder / "spool" / run_id).about
        if about and uri != about["uri"] and not (uri and _knows(uri, run_id)):
            place = (
                format_override("tracking.uri", about["uri"]),
                format_override("tracking.dir", str(folder)),
            )
            command = format_run_command("sync=true", *place)
            left = f"waits for {about['uri']}, if that is your server: {command}"
            yield Synced(run_id, about["name"], about["uri"], 0, left, elsewhere=True)
            continue
        found = push(folder, run_id, uri or "")
        if found:
            yield found


def _knows(uri: str, run_id: str) -> bool:
    """Whether the server at ``uri`` has that run, as one that has moved to another address does."""
    reach(uri)
    try:
        return bool(ServerClient(uri).get_run(run_id))
    except ClientErrors:
        return False


def push(folder: Path, run_id: str, uri: str) -> Synced | None:
    """Push the spool of one run to the server at ``uri``; None where another process has just done so.

    Raises:
        TrackingError: its server is away.
    """
    spool = Spool(folder / "spool" / run_id)
    about = spool.about
    if not about:
        return None
    said = partial(Synced, run_id, about["name"], uri)
    lock = about["lock"]
    try:
        with open_lock(folder / "locks" / lock, timeout=0) as held:
            spool = Spool(spool.folder)  # as it is now that nobody can change it
            found = _pushed(spool, run_id, uri, said) if spool.about else None
            ended = not spool and "known" in about and not (folder / "checkpoints" / run_id).exists()
            if ended and lock not in SUMMARY_LOCKS:
                remove_lock(held)  # it was closed, and has nothing to go on with
            return found
    except Timeout:
        return said(0, "another process is writing it")


def _pushed(spool: Spool, run_id: str, uri: str, said: "partial[Synced]") -> Synced:
    reach(uri)
    count = len(spool)
    try:
        spool.deliver(partial(send_surely, ServerClient(uri), run_id))
    except ClientErrors as error:
        if away(error):
            raise TrackingError(
                f"tracking.uri: the server at {uri} went away again; {len(spool)} writes stay in "
                f"{spool.folder}"
            ) from error
        why = denial(uri, error) if denied(error) else first_sentence(error)
        refusal = f"the server refuses what is in {spool.folder}: {why}"
        return said(count - len(spool), refusal, refused=True)
    return said(count)
