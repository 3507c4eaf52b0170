"""The store of runs: how it is opened, the record of a run, new or taken up, and of a sweep as a whole."""

import errno
import logging
import platform
import shutil
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryFile

from filelock import Timeout
from mlflow.tracking import MlflowClient

from dae_lab.commands import format_code_command, format_text
from dae_lab.config.run import Tracking
from dae_lab.config.server import environment_notes
from dae_lab.environment import user_name
from dae_lab.errors import TrackingError, TrainingError
from dae_lab.process import deferred_signals
from dae_lab.tracking.causes import first_sentence, opening_trouble, reason, store_trouble
from dae_lab.tracking.cut import CutRuns
from dae_lab.tracking.database import DatabaseClient, need_intact
from dae_lab.tracking.disks import disk_complaint
from dae_lab.tracking.limits import ServerClient
from dae_lab.tracking.locks import remove_lock
from dae_lab.tracking.record import Record
from dae_lab.tracking.recorded import Recorded
from dae_lab.tracking.relocate import KIND, need_in_place
from dae_lab.tracking.server import ClientErrors, away, denial, denied, reach, trouble
from dae_lab.tracking.sync import push, waiting

log = logging.getLogger(__name__)

STOPPED_FROM_OUTSIDE = "stopped from outside"


@cache
def _log_once(note: str) -> None:
    """Log ``note`` unless this process has: a command opens its store several times."""
    log.info("%s", note)


class Store(CutRuns):
    """All runs, in a sqlite database or behind an MLflow server.

    Raises:
        TrackingError: the store cannot be opened, written or reached.
    """

    def __init__(self, tracking: Tracking) -> None:
        self.tracking = tracking
        self.folder = Path(tracking.dir).expanduser().absolute()
        self.uri = tracking.uri or f"sqlite:///{self.folder}/mlflow.db"
        for talkative in ("mlflow", "alembic"):
            logging.getLogger(talkative).setLevel(logging.CRITICAL)  # what matters comes as an exception
        self._prepare_folder()
        for note in environment_notes(tracking.uri, tracking.experiment, self.folder):
            _log_once(note)
        if tracking.uri:
            reach(tracking.uri)
        try:
            with self._lock("store"):  # two fresh openings at once break each other
                self.client = ServerClient(self.uri) if tracking.uri else self._database()
                if not tracking.uri:
                    need_in_place(self.client, self.folder)
                self.experiment_id = self._experiment(tracking)
        except TrackingError:
            raise
        except Exception as error:  # MLflow's, or whatever the database's own library raises
            if tracking.uri:
                raise TrackingError(f"tracking.uri: {self._refusal(error)}") from error
            if "mlflow db upgrade" in str(error):  # a command that would be refused, too
                raise TrackingError(
                    f"{self.uri}: the store of runs was written by another version of MLflow; use that "
                    f"version, or choose another tracking.dir"
                ) from error
            raise TrackingError(
                f"{self.uri}: the store of runs cannot be opened: {opening_trouble(error, self.folder)}"
            ) from error
        if tracking.uri:
            self._push_what_waits()

    def _refusal(self, error: Exception) -> str:
        """Why the store cannot be used, where ``error`` is what it answers to the first questions."""
        if denied(error):
            return denial(self.uri, error)
        if away(error):
            return (
                f"the server at {self.uri} cannot be used now ({trouble(error)}); once it can, give the same "
                f"command again"
            )
        return f"{self.uri}: no run can be recorded: {self._cause(error)}"

    def _cause(self, error: Exception) -> str:
        """What has gone wrong, in the words of the server's or the database's library."""
        return first_sentence(error) if self.tracking.uri else store_trouble(error, self.folder)

    def _database(self) -> DatabaseClient:
        """The database; made under another name first: one that is cut in the middle can never be opened."""
        made = self.folder / "mlflow.db"
        if not made.exists():
            if any(self.folder.glob("artifacts/*/*")):
                log.warning("%s is gone: a new one begins, which does not know the runs in artifacts/", made)
            unfinished = self.folder / f"mlflow.db.unfinished-{uuid.uuid4().hex}"
            MlflowClient(f"sqlite:///{unfinished}")
            copy = Path(shutil.copyfile(unfinished, f"{unfinished}-copy"))
            copy.rename(made)  # MLflow keeps the other one open, which Windows then does not rename
            for left in self.folder.glob("mlflow.db.unfinished*"):
                with suppress(PermissionError):  # nor delete
                    left.unlink()
        need_intact(made)
        return DatabaseClient(self.uri)

    def _push_what_waits(self) -> None:
        """Push the records that an earlier outage of this server kept from it, where nobody writes them."""
        for run_id in waiting(self.folder, self.uri):
            try:
                pushed = push(self.folder, run_id, self.uri)
            except TrackingError as error:
                log.warning("%s", error)
                return
            if pushed and (pushed.writes or pushed.refused):
                log.log(logging.WARNING if pushed.refused else logging.INFO, "%s", pushed.sentence())

    def _prepare_folder(self) -> None:
        try:
            for name in ("locks", "checkpoints"):
                (self.folder / name).mkdir(parents=True, exist_ok=True)
            TemporaryFile(dir=self.folder / "locks").close()
        except OSError as error:
            full = error.errno == errno.ENOSPC
            advice = "make room on its disk" if full else "choose a folder you may write to, tracking.dir=…"
            raise TrackingError(
                f"tracking.dir: {self.folder} cannot be written ({error.strerror}); {advice}"
            ) from error

    def _experiment(self, tracking: Tracking) -> str:
        found = self.client.get_experiment_by_name(tracking.experiment)
        if found is not None and found.lifecycle_stage == "deleted":
            client = f"MlflowClient({format_text(self.uri)})"  # its command line takes no address
            restore = f"{client}.restore_experiment({format_text(found.experiment_id)})"
            raise TrackingError(
                f"tracking.experiment: {tracking.experiment} was deleted in MLflow; choose another, or "
                f"restore it: {format_code_command(f'from mlflow import MlflowClient; {restore}')}"
            )
        if found is not None:
            return str(found.experiment_id)
        place = None if tracking.uri else (self.folder / "artifacts" / tracking.experiment).as_uri()
        kind = {KIND: "custom_model_development"}  # not one of language models
        return str(self.client.create_experiment(tracking.experiment, artifact_location=place, tags=kind))

    @contextmanager
    def turn(self, fingerprint: str) -> Iterator[None]:
        """Wait until no other process is about the run with this fingerprint, and keep others from it."""
        lock = self._lock(f"turn-{fingerprint}")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            log.info("another process is training this very run: waiting for it")
            lock.acquire()
        try:
            if self.tracking.uri:
                self._push_what_waits()  # the other may have left there what it finished
            yield
        finally:
            lock.release()

    @contextmanager
    def record(
        self, name: str, fingerprint: str, tags: Mapping[str, str], afresh: bool = False
    ) -> Iterator[Record]:
        """The record of one run, new or taken up where it was cut; closed whatever happens inside.

        FINISHED, or KILLED after Ctrl-C and SIGTERM, or FAILED with the reason.

        Args:
            afresh: do not take up what was cut.
        """
        with ExitStack() as stack:
            with self._undisturbed():  # until there is what closes the run
                record = self._opened(name, "" if afresh else fingerprint, fingerprint, tags)
                stack.enter_context(self._closed(record))
            yield record

    def _undisturbed(self) -> AbstractContextManager[None]:
        """A block in which Ctrl-C, SIGTERM and SIGHUP wait, but where a server may be long in answering."""
        return nullcontext() if self.tracking.uri else deferred_signals()

    def _opened(self, name: str, cut: str, fingerprint: str, tags: Mapping[str, str]) -> Record:
        """The record of the run with the fingerprint ``cut`` that was interrupted, or a new one."""
        try:
            return self._interrupted(cut, name) or self._begin(name, fingerprint, tags)
        except ClientErrors as error:
            raise TrackingError(self._refusal(error)) from error

    @contextmanager
    def _closed(self, record: Record) -> Iterator[None]:
        """Close ``record`` as the block ends: FINISHED, FAILED or KILLED."""
        try:
            yield
        except TrainingError as error:
            record.close("FAILED", str(error))
            raise
        except Exception as error:  # a full disk, a lost server, a bug: what was trained is kept
            record.close("FAILED", reason(error), keep=True)
            complaint = disk_complaint(error, self.folder)
            if complaint:
                raise TrackingError(complaint) from error
            if isinstance(error, ClientErrors):
                why = denial(self.uri, error) if denied(error) else self._cause(error)
                raise TrackingError(
                    f"{self.uri}: the run cannot be recorded any more: {why}; the same command goes on from "
                    f"the last checkpoint, if there is one"
                ) from error
            raise
        except BaseException as error:
            record.close("KILLED", f"{type(error).__name__}: {STOPPED_FROM_OUTSIDE}", keep=True)
            raise
        record.close("FINISHED")

    def _begin(self, name: str, fingerprint: str, tags: Mapping[str, str]) -> Record:
        lock = self._lock(uuid.uuid4().hex)
        lock.acquire()  # before the run exists, so that there is no moment without
        own = {
            "fingerprint": fingerprint,
            "host": platform.node(),
            "lock": Path(lock.lock_file).name,
            "mlflow.source.name": "dae_lab.run",
            "mlflow.source.type": "LOCAL",
            "mlflow.user": user_name(),
        }
        try:
            run = self.client.create_run(self.experiment_id, tags={**own, **tags}, run_name=name)
        except ClientErrors as error:
            if not away(error):  # else the server may yet do it: the next start sees that nobody has the lock
                remove_lock(lock)
            lock.release()
            raise
        return self._as_record(run, lock)

    @contextmanager
    def summary_record(
        self, kind: str, name: str, members: Iterable[Recorded] = (), status: str = "FINISHED"
    ) -> Iterator[Record]:
        """The record of a sweep or a claim as a whole, always the same; others wait while it is written.

        It is in an experiment of its own, so that charts of the runs show runs alone. ``members`` get the
        name into their tag ``kind``, beside others that they have.

        Args:
            kind: ``sweep`` or ``claim``.
            status: how it has ended.
        """
        with self._lock(f"{kind}s") as lock:
            home = self._experiment(replace(self.tracking, experiment=f"{self.tracking.experiment} {kind}s"))
            found = self._search(f"tags.{kind} = '{name}'", [home])
            with self._undisturbed():
                if not found:
                    tags = {kind: name, "mlflow.source.name": "dae_lab.run", "mlflow.user": user_name()}
                    found = [self.client.create_run(home, tags=tags, run_name=f"{kind} {name}")]
                if found[0].info.status != status:  # it is written to all the same
                    self.client.set_terminated(found[0].info.run_id, status)
            for run in members:
                known = run.tags.get(kind, "").split()
                if name not in known:
                    self.client.set_tag(run.run_id, kind, " ".join([*known, name]))
            yield self._as_record(found[0], lock)
