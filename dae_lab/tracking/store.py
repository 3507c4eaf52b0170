"""The store of runs: opened once, it finds runs, reads them, and opens new ones to be recorded."""

import logging
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from functools import cache
from typing import NamedTuple

from filelock import Timeout

from dae_lab.commands import format_module_command
from dae_lab.config.run import Tracking
from dae_lab.config.server import environment_notes
from dae_lab.environment import user_name
from dae_lab.errors import TrackingError, TrainingError
from dae_lab.process import deferred_signals
from dae_lab.tracking.error_messages import StoreErrors, error_cause, failure_reason
from dae_lab.tracking.gateway import ClientErrors
from dae_lab.tracking.locks import is_run_id
from dae_lab.tracking.opening import get_experiment, open_gateway
from dae_lab.tracking.queries import RunQueries
from dae_lab.tracking.reader import RunReader, SpooledRun
from dae_lab.tracking.recovery import Recovery
from dae_lab.tracking.run_data import RunData
from dae_lab.tracking.server import check_server
from dae_lab.tracking.server_errors import query_errors
from dae_lab.tracking.store_files import StoreFiles
from dae_lab.tracking.sync import push_spool, push_waiting
from dae_lab.tracking.writer import RunWriter
from dae_lab.tracking.writer_factory import WriterFactory

log = logging.getLogger(__name__)

STOPPED = "stopped from outside"
"""The reason of a run that Ctrl-C or a signal has ended."""


class UiLinks(NamedTuple):
    """How a run is seen in MLflow's UI.

    command: opens the UI; None where the store is a server. run: the run's page. charts: those of all runs.
    """

    command: str | None
    run: str
    charts: str


class RunStore:
    """All runs, in a sqlite database on this machine or on an MLflow server.

    Args:
        tracking: the section ``tracking`` of the config.

    Attributes:
        folder: what belongs to the store on this machine.
        uri: of the database, or of the server.
        experiment_id: the experiment that runs are recorded in.
        queries: which runs there are, and how long they take.
        recovery: runs that were cut off.
        writers: makes writers of runs.

    Raises:
        TrackingError: the store cannot be opened, written or reached.
    """

    def __init__(self, tracking: Tracking) -> None:
        self.tracking, self.files = tracking, StoreFiles(tracking.dir)
        self.folder = self.files.folder
        self.uri = tracking.uri or f"sqlite:///{self.files.database}"
        self._artifacts = None if tracking.uri else self.folder / "artifacts"
        self._errors = StoreErrors(self.uri, self.folder, local=not tracking.uri)
        self.files.prepare()
        for note in environment_notes(tracking.uri, tracking.experiment, self.folder):
            _log_once(note)
        if tracking.uri:
            check_server(tracking.uri)
        try:
            with self.files.lock("store"):  # two that open a new database at once break each other
                self.gateway = open_gateway(tracking.uri, self.files)
                self.experiment_id = get_experiment(self.gateway, tracking.experiment, self._artifacts)
        except TrackingError:
            raise
        except Exception as error:  # MLflow's, or whatever the database's own library raises
            raise TrackingError(self._errors.describe_opening(error)) from error
        database = None if tracking.uri else self.files.database
        self.queries = RunQueries(self.gateway, database, self.experiment_id)
        self.writers = WriterFactory(self.gateway, self.files, bool(tracking.uri), tracking.patience)
        self.recovery = Recovery(self.gateway, self.queries, self.files, self.writers)
        if tracking.uri:
            push_waiting(self.files, tracking.uri)

    # Finding and reading runs

    def find_finished(self, fingerprint: str, kept: Collection[str] = ()) -> RunReader | None:
        """Return the last run of this experiment that has finished under ``fingerprint``, replays aside.

        A run whose files are gone does not count.

        Args:
            kept: what it must have kept, see ``dae_lab.config.fingerprint.kept``.
        """
        return self._choose(self.queries.finished([fingerprint]), kept)

    def find_all_finished(
        self, wanted: Sequence[tuple[str, Collection[str]]], sweep: str
    ) -> list[RunReader | None]:
        """Return ``find_finished`` for many runs of one sweep; from a database with one query.

        Args:
            wanted: fingerprint and what must have been kept, of each run.
            sweep: its name, by which most of the runs are found on a server.
        """
        runs: dict[str, list[RunData]] = {}
        for run in self.queries.finished({fingerprint for fingerprint, _ in wanted}, sweep):
            runs.setdefault(run.tags["fingerprint"], []).append(run)
        found = [self._choose(runs.get(fingerprint, []), kept) for fingerprint, kept in wanted]
        if self.tracking.uri:
            found = [run or self.find_finished(*one) for run, one in zip(found, wanted, strict=True)]
        return found

    def _choose(self, runs: Iterable[RunData], kept: Collection[str]) -> RunReader | None:
        """Return the first run that has kept everything, and still has it."""
        complaints: list[str] = []
        for run in runs:
            if not set(kept) <= set(run.tags.get("kept", "").split()):
                continue
            reader = RunReader(self.gateway, run)
            missing = reader.missing_artifacts(kept)
            if not missing:
                return reader
            complaints.append(f"run {run.run_id} has finished before, but its {missing[0]} is gone")
        if complaints:
            log.warning("%s: it is trained again", complaints[0])
        return None

    def read(self, run_id: str) -> RunReader:
        """Return one run; from its spool if it has ended while its server was unavailable and still is.

        Raises:
            TrackingError: there is none, or the server is unavailable.
        """
        try:
            if run_id in self.files.spooled_runs(self.uri):
                push_spool(self.files, run_id, self.uri)
            with query_errors(self.uri):
                return RunReader(self.gateway, self.gateway.read_run(run_id))
        except (*ClientErrors, TrackingError) as error:
            known = self.files.spool(run_id).read_description().get("known") if is_run_id(run_id) else None
            if known:
                return SpooledRun(self.gateway, known)
            if isinstance(error, TrackingError):
                raise
            raise TrackingError(f"{self.uri}: there is no run {run_id}: {error_cause(error)}") from error

    def ui_links(self, run: RunReader) -> UiLinks:
        """Return how ``run`` is seen in MLflow's UI."""
        is_server = self.uri.startswith("http")
        command = format_module_command("mlflow", "ui", "--workers", "1", "--backend-store-uri", self.uri)
        server = self.uri.rstrip("/") if is_server else "http://127.0.0.1:5000"
        runs = f"{server}/#/experiments/{run.experiment_id}/runs"
        return UiLinks(
            None if is_server else command, f"{runs}/{run.run_id}", f"{runs}?compareRunsMode=CHART"
        )

    # Recording runs

    @contextmanager
    def exclusive(self, fingerprint: str) -> Iterator[None]:
        """Keep other processes from the run with this fingerprint; wait until none is training it."""
        lock = self.files.lock(f"turn-{fingerprint}")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            log.info("another process is training this very run: waiting for it")
            lock.acquire()
        try:
            if self.tracking.uri:
                push_waiting(self.files, self.tracking.uri)  # the other may have left there what it finished
            yield
        finally:
            lock.release()

    @contextmanager
    def open_run(
        self, name: str, fingerprint: str, tags: Mapping[str, str], resume: bool = True
    ) -> Iterator[RunWriter]:
        """Open one run, new or resumed, to be recorded; it is closed whatever happens inside.

        It ends as FINISHED, or KILLED after Ctrl-C and SIGTERM, or FAILED with the reason.

        Args:
            resume: resume a run with this fingerprint that was cut off.
        """
        with ExitStack() as stack:
            with self._undisturbed():  # until there is what closes the run
                run = self._resume_or_create(name, fingerprint, tags, resume)
                stack.enter_context(self._closing(run))
            yield run

    def _resume_or_create(
        self, name: str, fingerprint: str, tags: Mapping[str, str], resume: bool
    ) -> RunWriter:
        try:
            resumed = self.recovery.resume(fingerprint if resume else "", name)
            return resumed or self.writers.create(self.experiment_id, name, fingerprint, tags)
        except ClientErrors as error:
            raise TrackingError(self._errors.describe_refusal(error)) from error

    @contextmanager
    def open_summary(
        self, kind: str, name: str, members: Iterable[RunReader] = (), status: str = "FINISHED"
    ) -> Iterator[RunWriter]:
        """Open the summary run of a sweep or a claim, always the same one; others wait meanwhile.

        It is in an experiment of its own, so that charts of the runs show runs alone. The name is added to
        the tag ``kind`` of ``members``.

        Args:
            kind: ``sweep`` or ``claim``.
            status: how it has ended.
        """
        with self.files.lock(f"{kind}s") as lock:
            experiment_id = get_experiment(
                self.gateway, f"{self.tracking.experiment} {kind}s", self._artifacts
            )
            found = self.queries.search(f"tags.{kind} = '{name}'", [experiment_id])
            with self._undisturbed():
                if not found:
                    tags = {kind: name, "mlflow.source.name": "dae_lab.run", "mlflow.user": user_name()}
                    found = [self.gateway.create_run(experiment_id, f"{kind} {name}", tags)]
                if found[0].status != status:  # it is written to all the same
                    self.gateway.end_run(found[0].run_id, status)
            for run in members:
                known = run.tags.get(kind, "").split()
                if name not in known:
                    self.gateway.set_tag(run.run_id, kind, " ".join([*known, name]))
            yield self.writers.make(found[0], lock)

    @contextmanager
    def _closing(self, run: RunWriter) -> Iterator[None]:
        """Close ``run`` as the block ends: FINISHED, FAILED or KILLED."""
        try:
            yield
        except TrainingError as error:
            run.close("FAILED", str(error))
            raise
        except Exception as error:  # a full disk, a lost server, a bug: what was trained is kept
            run.close("FAILED", failure_reason(error), keep=True)
            if message := self._errors.describe_failure(error):
                raise TrackingError(message) from error
            raise
        except BaseException as error:
            run.close("KILLED", f"{type(error).__name__}: {STOPPED}", keep=True)
            raise
        run.close("FINISHED")

    def _undisturbed(self) -> AbstractContextManager[None]:
        """Let Ctrl-C, SIGTERM and SIGHUP wait inside the block, unless a server may be slow to answer."""
        return nullcontext() if self.tracking.uri else deferred_signals()


@cache
def _log_once(note: str) -> None:
    """Log ``note`` unless this process has: a command may open its store several times."""
    log.info("%s", note)
