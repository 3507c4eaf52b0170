"""Push the spools that runs have left because their server did not come back in time."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from filelock import Timeout

from dae_lab.commands import format_override, format_run_command
from dae_lab.errors import TrackingError
from dae_lab.tracking.error_messages import error_cause
from dae_lab.tracking.gateway import ClientErrors
from dae_lab.tracking.locks import SUMMARY_LOCKS, remove_lock
from dae_lab.tracking.sender import send_to_server
from dae_lab.tracking.server import check_server, open_server
from dae_lab.tracking.server_errors import denied_status, describe_denial, is_unavailable
from dae_lab.tracking.spool import Spool
from dae_lab.tracking.store_files import StoreFiles

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PushResult:
    """What came of pushing one run's spool.

    Attributes:
        run_id, name: of the run.
        uri: the server it was pushed to.
        writes: how many were pushed.
        obstacle: why the others stay; empty if there are none.
        refused: they stay because the server refused one of them, which a person has to look at.
        elsewhere: they stay because they are meant for another server.
    """

    run_id: str
    name: str
    uri: str
    writes: int
    obstacle: str = ""
    refused: bool = False
    elsewhere: bool = False

    def describe(self) -> str:
        """Return one line for a person."""
        pushed = f"{self.writes} writes pushed to {self.uri}" if self.writes or not self.obstacle else ""
        return f"run {self.run_id} ({self.name}): {'; '.join(filter(None, (pushed, self.obstacle)))}"


def push_spools(files: StoreFiles, uri: str | None = None) -> Iterator[PushResult]:
    """Push every spool of a store that is meant for the server at ``uri``, or whose run that server knows.

    A spool that is still being written is left alone. Nothing is sent to an address that only a spool names,
    because it would get the credentials of the environment.

    Args:
        uri: the server; None: there is none, and nothing is pushed.

    Raises:
        TrackingError: the server is unavailable; what it did not take stays.
    """
    for run_id in files.spooled_runs():
        description = files.spool(run_id).read_description()
        if description and uri != description["uri"] and not (uri and _has_run(uri, run_id)):
            yield _for_another_server(files, run_id, description["name"], description["uri"])
        elif result := push_spool(files, run_id, uri or ""):
            yield result


def push_waiting(files: StoreFiles, uri: str) -> None:
    """Push the spools that are meant for the server at ``uri``, and log what came of it."""
    for run_id in files.spooled_runs(uri):
        try:
            result = push_spool(files, run_id, uri)
        except TrackingError as error:
            log.warning("%s", error)
            return
        if result and (result.writes or result.refused):
            log.log(logging.WARNING if result.refused else logging.INFO, "%s", result.describe())


def push_spool(files: StoreFiles, run_id: str, uri: str) -> PushResult | None:
    """Push the spool of one run to the server at ``uri``; None if another process has just done so.

    Raises:
        TrackingError: the server is unavailable.
    """
    description = files.spool(run_id).read_description()
    if not description:
        return None
    result = partial(PushResult, run_id, description["name"], uri)
    lock_name = description["lock"]
    try:
        with files.lock(lock_name, timeout=0) as lock:
            spool = files.spool(run_id)  # as it is now that nobody can change it
            pushed = _deliver(spool, run_id, uri, result) if spool.read_description() else None
            ended = not spool and "known" in description and not files.checkpoints(run_id).exists()
            if ended and lock_name not in SUMMARY_LOCKS:
                remove_lock(lock)  # the run is closed and cannot be resumed
            return pushed
    except Timeout:
        return result(0, "another process is writing it")


def _deliver(spool: Spool, run_id: str, uri: str, result: "partial[PushResult]") -> PushResult:
    check_server(uri)
    count = len(spool)
    try:
        spool.deliver(partial(send_to_server, open_server(uri), run_id))
    except ClientErrors as error:
        if is_unavailable(error):
            raise TrackingError(
                f"tracking.uri: the server at {uri} went away again; {len(spool)} writes stay in "
                f"{spool.folder}"
            ) from error
        reason = describe_denial(uri, error) if denied_status(error) else error_cause(error)
        refusal = f"the server refuses what is in {spool.folder}: {reason}"
        return result(count - len(spool), refusal, refused=True)
    return result(count)


def _has_run(uri: str, run_id: str) -> bool:
    """Whether the server at ``uri`` has that run, as one that has moved to another address does."""
    check_server(uri)
    try:
        return bool(open_server(uri).read_run(run_id))
    except ClientErrors:
        return False


def _for_another_server(files: StoreFiles, run_id: str, name: str, uri: str) -> PushResult:
    place = format_override("tracking.uri", uri), format_override("tracking.dir", str(files.folder))
    obstacle = f"waits for {uri}, if that is your server: {format_run_command('sync=true', *place)}"
    return PushResult(run_id, name, uri, 0, obstacle, elsewhere=True)
