"""Runs that were cut off: closed where their process has died, resumed where they have a checkpoint."""

import logging
import os
import uuid
from pathlib import Path

from filelock import FileLock, Timeout

from dae_lab.errors import TrackingError
from dae_lab.tracking.gateway import Gateway
from dae_lab.tracking.locks import is_lock_name, is_run_id, remove_lock
from dae_lab.tracking.queries import RunQueries, tag_query
from dae_lab.tracking.run_data import RunData
from dae_lab.tracking.store_files import StoreFiles
from dae_lab.tracking.sync import push_spool
from dae_lab.tracking.writer import RunWriter
from dae_lab.tracking.writer_factory import WriterFactory

log = logging.getLogger(__name__)

LOCK_TIMEOUT = 30.0
"""Seconds for which another process may hold a run's lock only to examine the run."""


class Recovery:
    """What becomes of the runs of a store that were cut off.

    A process holds a lock file for as long as it trains a run, so a run marked RUNNING whose lock nobody
    holds has died without a word, whatever killed it. In a database, a run without a lock file has died too;
    on a server it may be a run of another machine.

    Args:
        writers: makes the writers of runs that are closed or resumed.
    """

    def __init__(
        self,
        gateway: Gateway,
        queries: RunQueries,
        files: StoreFiles,
        writers: WriterFactory,
    ) -> None:
        self._gateway, self._queries, self._files = gateway, queries, files
        self._writers, self._is_server = writers, queries.database is None

    def mark_failed(self, fingerprint: str, reason: str) -> str:
        """Close the run with this fingerprint whose process has died, as FAILED.

        Returns:
            its id; empty if there is none, or if the store is unavailable: the next start closes the run.
        """
        query = f"tags.fingerprint = '{fingerprint}' and attributes.status = 'RUNNING'"
        try:
            runs = self._queries.search(query)
        except TrackingError:
            return ""
        for run in runs:
            lock = self._acquire_lock(run)
            if lock is None:
                continue
            if self._gateway.read_run(run.run_id).status == "RUNNING":  # now that nobody can change it
                self._writers.make(run, lock).close("FAILED", reason, keep=True, timed=False)
                return run.run_id
            lock.release()
        return ""

    def find_resumable(self, kind: str, name: str) -> set[str]:
        """Return the fingerprints of the runs of a sweep or claim that can be resumed from a checkpoint.

        Args:
            kind: ``sweep`` or ``claim``, the tag that lists those that a run is part of.
        """
        found = set()
        for run in self._queries.search(f"{tag_query(kind, name)} and attributes.status != 'FINISHED'"):
            lock = self._acquire_lock(run)
            if lock is not None:
                lock.release()
                if self._files.has_checkpoint(run.run_id):
                    found.add(run.tags.get("fingerprint", ""))
        return found

    def resume(self, fingerprint: str, name: str) -> RunWriter | None:
        """Resume a run with this fingerprint that was cut off and has a checkpoint, under this name.

        All other runs of this folder that have died, in any experiment, are closed. They are those that are
        RUNNING while nobody holds their lock.

        Args:
            fingerprint: empty: only close those that have died.
        """
        candidates = self._queries.search("attributes.status = 'RUNNING'", self._queries.all_experiments())
        for status in ("KILLED", "FAILED"):
            query = f"tags.fingerprint = '{fingerprint}' and attributes.status = '{status}'"
            candidates += self._queries.search(query)
        self._push_undescribed_spools(candidates)
        resumed = None
        for run in candidates:
            same = run.tags.get("fingerprint") == fingerprint
            lock = self._acquire_lock(run, LOCK_TIMEOUT if same else 0)
            if lock is None:
                continue
            if self._files.spool(run.run_id):  # died a moment ago, or the server refuses what it left
                lock.release()
                continue
            current = self._gateway.read_run(run.run_id)  # as it is now that nobody can change it
            if resumed is None and self._can_resume(current, fingerprint):
                resumed = self._reopen(current, lock, name)
            else:
                self._close_or_release(current, lock)
        return resumed

    def _is_whole(self, run: RunData) -> bool:
        """Whether no part of the run's record was lost."""
        return not self._files.spool(run.run_id).damaged.exists()

    def _can_resume(self, run: RunData, fingerprint: str) -> bool:
        return (
            run.tags.get("fingerprint") == fingerprint
            and run.experiment_id == self._queries.experiment_id
            and run.status != "FINISHED"
            and self._is_whole(run)
            and self._files.has_checkpoint(run.run_id)
        )

    def _reopen(self, run: RunData, lock: FileLock, name: str) -> RunWriter:
        """Mark a run as running again, and read what it has recorded so far."""
        writer = self._writers.make(run, lock)
        writer.load_points()
        self._gateway.resume_run(run.run_id, name)
        log.info("resuming the run %s, which was interrupted", run.run_id)
        writer.set_tag("resumed", str(int(run.tags.get("resumed", 0)) + 1))
        if "reason" in run.tags:
            self._gateway.delete_tag(run.run_id, "reason")
            del writer.tags["reason"]
        return writer

    def _close_or_release(self, run: RunData, lock: FileLock) -> None:
        """Close a run if its process has died; else release its lock, removed if no longer needed."""
        has_checkpoints = self._files.checkpoints(run.run_id).exists()
        if run.status == "RUNNING":
            keep = self._is_whole(run) and has_checkpoints  # whoever wants that run resumes it
            reason = "the process ended without closing its run"
            self._writers.make(run, lock).close("KILLED", reason, keep=keep, timed=False)
        elif has_checkpoints:
            lock.release()
        else:
            remove_lock(lock)

    def _push_undescribed_spools(self, runs: list[RunData]) -> None:
        """Push the spools of dead runs whose ``run.json`` was damaged: the server knows what was in it."""
        if not self._is_server:
            return
        for run in runs:
            lock = self._acquire_lock(run)
            if lock is None:
                continue
            spool = self._files.spool(run.run_id)
            if spool and not spool.read_description():
                self._writers.spool(run, lock).write_description()
                lock.release()
                push_spool(self._files, run.run_id, self._gateway.uri)
            lock.release()

    def _acquire_lock(self, run: RunData, seconds: float = 0) -> FileLock | None:
        """Acquire the run's lock; None if another process holds it or the run is not of this folder.

        Args:
            seconds: for which a process is waited for that may only be examining the run.
        """
        name = run.tags.get("lock", "")
        if not name or not is_run_id(run.run_id):
            return None
        if not is_lock_name(name) or not os.path.lexists(self._files.lock_path(name)):
            has_ended = run.status != "RUNNING" and not self._files.has_checkpoint(run.run_id)
            if self._is_server or has_ended:
                return None
        lock = self._files.lock(name if is_lock_name(name) else uuid.uuid4().hex)
        try:
            lock.acquire(timeout=seconds)
        except (Timeout, PermissionError):  # the latter: another user's
            return None
        if Path(lock.lock_file).name != name:
            self._gateway.set_tag(run.run_id, "lock", Path(lock.lock_file).name)
        return lock
