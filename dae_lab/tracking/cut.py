"""Runs that were cut: which there are, closed where their process died, taken up where they can go on."""

import logging
import os
import uuid
from pathlib import Path

from filelock import FileLock, Timeout
from mlflow.entities import Run

from dae_lab.config.run import Tracking
from dae_lab.errors import TrackingError
from dae_lab.files import open_lock
from dae_lab.tracking.locks import is_lock_name, is_run_id, remove_lock
from dae_lab.tracking.record import Record
from dae_lab.tracking.runs import Runs, part_of
from dae_lab.tracking.sync import push

log = logging.getLogger(__name__)

MOMENT = 30.0
"""Seconds for which another process may hold a run's lock only to look at the run."""

CHECKPOINT = "checkpoint.npz"
"""The file of a run's folder of checkpoints from which it can go on."""


class CutRuns(Runs):
    """What a store has, and what becomes of its runs that were cut.

    A process holds a lock file for as long as it trains a run, so a run marked RUNNING whose lock
    nobody holds has died without a word, whatever killed it. In a database, a run without a lock file
    has died too; behind a server it may be a run of another machine.

    Attributes:
        tracking: how the store was opened.
    """

    tracking: Tracking

    def bury(self, fingerprint: str, reason: str) -> str:
        """Close the run with this fingerprint whose process has died, as FAILED; gives its id, or nothing.

        Nothing too if the store is out of reach: the next start closes the run.
        """
        query = f"tags.fingerprint = '{fingerprint}' and attributes.status = 'RUNNING'"
        try:
            found = self._search(query, [self.experiment_id])
        except TrackingError:
            return ""
        for run in found:
            lock = self._free_lock(run)
            if lock is None:
                continue
            if self.client.get_run(run.info.run_id).info.status == "RUNNING":  # now that nobody can change it
                self._as_record(run, lock).close("FAILED", reason, keep=True, timed=False)
                return str(run.info.run_id)
            lock.release()
        return ""

    def cut_of(self, kind: str, name: str) -> set[str]:
        """The fingerprints of the runs known as ``name``'s that were cut and can go on from a checkpoint."""
        query = f"{part_of(kind, name)} and attributes.status != 'FINISHED'"
        found = set()
        for run in self._search(query, [self.experiment_id]):
            lock = self._free_lock(run)
            if lock is not None:
                lock.release()
                if (self._checkpoints(run) / CHECKPOINT).is_file():
                    found.add(run.data.tags.get("fingerprint", ""))
        return found

    def _interrupted(self, fingerprint: str, name: str) -> Record | None:
        """A run with this fingerprint that was cut and can go on; closes all others found dead.

        Dead is a run of this folder, in any experiment, that is RUNNING while nobody holds its lock.
        """
        cut = f"tags.fingerprint = '{fingerprint}' and attributes.status"
        candidates = self._search("attributes.status = 'RUNNING'", self._experiments())
        for status in ("KILLED", "FAILED"):
            candidates += self._search(f"{cut} = '{status}'", [self.experiment_id])
        self._push_what_nobody_describes(candidates)
        chosen = None
        for candidate in candidates:
            own = candidate.data.tags.get("fingerprint") == fingerprint
            lock = self._free_lock(candidate, MOMENT if own else 0)
            if lock is None:
                continue
            if self._spool_of(candidate.info.run_id):  # died a moment ago, or the server refuses what it left
                lock.release()
                continue
            run = self.client.get_run(candidate.info.run_id)  # as it is now that nobody can change it
            same = run.data.tags.get("fingerprint") == fingerprint
            here = run.info.experiment_id == self.experiment_id and run.info.status != "FINISHED"
            record = self._as_record(run, lock)
            whole = not self._spool_of(run.info.run_id).damaged.exists()
            if chosen is None and same and here and whole and (record.checkpoints / CHECKPOINT).is_file():
                chosen = self._taken_up(run, record, name)
            elif run.info.status == "RUNNING":
                kept = whole and record.checkpoints.exists()  # whoever asks for that run goes on with it
                reason = "the process ended without closing its run"
                record.close("KILLED", reason, keep=kept, timed=False)
            elif record.checkpoints.exists():
                lock.release()
            else:
                remove_lock(lock)  # it has ended, and has nothing to go on with
        return chosen

    def _push_what_nobody_describes(self, candidates: list[Run]) -> None:
        """Push the spools of dead runs whose ``run.json`` was damaged: the server has what was in it."""
        if not self.tracking.uri:
            return
        for run in candidates:
            lock = self._free_lock(run)
            if lock is None:
                continue
            if (spool := self._spool_of(run.info.run_id)) and not spool.about:
                self._spool_of(run.info.run_id, self._about(run, lock)).describe()
                lock.release()
                push(self.folder, run.info.run_id, self.uri)
            lock.release()

    def _taken_up(self, run: Run, record: Record, name: str) -> Record:
        """``record``, marked as running again, with what it says so far, under the name asked for by now."""
        record.recall()
        self.client.update_run(run.info.run_id, status="RUNNING", name=name)
        log.info("taking up the run %s, which was cut", run.info.run_id)
        record.tag("resumed", str(int(run.data.tags.get("resumed", 0)) + 1))
        if "reason" in run.data.tags:
            self.client.delete_tag(run.info.run_id, "reason")
            del record.tags["reason"]
        return record

    def _free_lock(self, run: Run, seconds: float = 0) -> FileLock | None:
        """The run's lock, held by this process now; None if another holds it or it is not of this folder.

        Args:
            seconds: for which it is waited for, where another may only be looking at the run.
        """
        name = run.data.tags.get("lock", "")
        if not name or not is_run_id(run.info.run_id):
            return None
        if not is_lock_name(name) or not os.path.lexists(self.folder / "locks" / name):
            has_ended = run.info.status != "RUNNING" and not (self._checkpoints(run) / CHECKPOINT).is_file()
            if self.tracking.uri or has_ended:
                return None
        lock = self._lock(name if is_lock_name(name) else uuid.uuid4().hex)
        try:
            lock.acquire(timeout=seconds)
        except (Timeout, PermissionError):  # the latter: another user's
            return None
        if Path(lock.lock_file).name != name:
            self.client.set_tag(run.info.run_id, "lock", Path(lock.lock_file).name)
        return lock

    def _lock(self, name: str) -> FileLock:
        return open_lock(self.folder / "locks" / name)

    def _checkpoints(self, run: Run) -> Path:
        return self.folder / "checkpoints" / run.info.run_id

    def _as_record(self, run: Run, lock: FileLock) -> Record:
        if not is_run_id(run.info.run_id):
            raise TrackingError(f"{self.uri}: the store gives {run.info.run_id!r} as the id of a run")
        spool = self._spool_of(run.info.run_id, self._about(run, lock)) if self.tracking.uri else None
        return Record(self.client, run, lock, self._checkpoints(run), spool, self.tracking.patience)

    def _about(self, run: Run, lock: FileLock) -> dict[str, str]:
        """What the spool of ``run`` says of it."""
        return {"uri": self.uri, "lock": Path(lock.lock_file).name, "name": run.info.run_name}
