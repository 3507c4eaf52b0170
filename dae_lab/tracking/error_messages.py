"""Why the store of runs has failed, in a few words, and what to do about it."""

import re
from pathlib import Path

from dae_lab.errors import describe_error
from dae_lab.tracking.disk_errors import describe_disk_error, is_full
from dae_lab.tracking.gateway import ClientErrors
from dae_lab.tracking.server_errors import (
    denied_status,
    describe_denial,
    describe_outage,
    is_unavailable,
)

DETAILS = re.compile(r"\(raised as a result of |\(Background on this error|\[SQL:|\[parameters:")
"""How lines of SQLAlchemy's messages begin that are not the cause, or that hold what was to be written."""

ERROR_KIND = re.compile(r"^\([\w.]+(?:Error|Warning)\)\s*")
"""``(sqlite3.OperationalError)``: what SQLAlchemy puts before the cause."""

VARIABLES = {
    r"\b(MLFLOW_[A-Z_]+)\b": "",
    r"poolclass": "MLFLOW_SQLALCHEMYSTORE_POOLCLASS",
    r"workspace": "MLFLOW_ENABLE_WORKSPACES",
}
"""What MLflow says where it cannot use one of its variables: a pattern, and the variable it means."""


def error_cause(error: BaseException) -> str:
    """Return the line of a library's message that tells the cause, without SQL statements and stack."""
    lines = [line for line in str(error).strip().splitlines() if line.strip() and not DETAILS.match(line)]
    first = lines[0] if lines else type(error).__name__
    return ERROR_KIND.sub("", first.partition("[SQL:")[0]).strip()


def failure_reason(error: Exception) -> str:
    """Return the text of a failed run's tag ``reason``: the kind of the error, and its cause."""
    return f"{type(error).__name__}: {error_cause(error)}" if str(error).strip() else describe_error(error)


def describe_store_error(error: Exception, folder: Path) -> str:
    """Say why the local store in ``folder`` has failed with ``error``."""
    if not folder.is_dir():
        return f"the store's folder {folder} is gone"
    if not (folder / "mlflow.db").exists():
        return f"the store's database {folder / 'mlflow.db'} is gone"
    return error_cause(error)


class StoreErrors:
    """Describes the errors of one store.

    Args:
        uri: of the database or the server.
        local: the store is a database in ``folder``; else a server, for which the folder keeps spools.
    """

    def __init__(self, uri: str, folder: Path, local: bool) -> None:
        self.uri, self.folder, self.local = uri, folder, local

    def describe_opening(self, error: Exception) -> str:
        """Say why the store cannot be opened, and what to do."""
        if not self.local:
            return f"tracking.uri: {self.describe_refusal(error)}"
        if "mlflow db upgrade" in str(error):  # a command that would be refused, too
            return (
                f"{self.uri}: the store of runs was written by another version of MLflow; use that "
                f"version, or choose another tracking.dir"
            )
        return f"{self.uri}: the store of runs cannot be opened: {describe_opening_error(error, self.folder)}"

    def describe_refusal(self, error: Exception) -> str:
        """Say why the store cannot be used, which has answered the first queries with ``error``."""
        if denied_status(error):
            return describe_denial(self.uri, error)
        if is_unavailable(error):
            return (
                f"the server at {self.uri} cannot be used now ({describe_outage(error)}); once it can, give "
                f"the same command again"
            )
        return f"{self.uri}: no run can be recorded: {self.describe_cause(error)}"

    def describe_failure(self, error: Exception) -> str:
        """Say which disk, database or server has ended a run with ``error``; empty if none has."""
        if message := describe_disk_error(error, self.folder):
            return message
        if not isinstance(error, ClientErrors):
            return ""
        cause = describe_denial(self.uri, error) if denied_status(error) else self.describe_cause(error)
        return (
            f"{self.uri}: the run cannot be recorded any more: {cause}; the same command goes on from the "
            f"last checkpoint, if there is one"
        )

    def describe_cause(self, error: Exception) -> str:
        """Say in a few words why the database or the server has failed."""
        return describe_store_error(error, self.folder) if self.local else error_cause(error)


def describe_opening_error(error: Exception, folder: Path) -> str:
    """Say why the local store in ``folder`` cannot be opened, and what to do."""
    cause = error_cause(error)  # the database may not be there yet
    other = "choose another tracking.dir"
    if name := _find_variable(cause):
        return f"{cause}; unset {name}, or give it a value that MLflow takes"
    if "disk is full" in cause or is_full(folder):
        return f"{cause}; make room on the disk of {folder}, or {other}"
    if "readonly" in cause or "unable to open" in cause:
        return f"{cause}; allow this user to write {folder} and the files in it, or {other}"
    if "locked" in cause:
        return f"{cause}; close what holds it, or {other}"
    return f"{cause}; close what holds it, move a damaged file away, or {other}"


def _find_variable(cause: str) -> str:
    """Return the variable of MLflow's that the message is about; empty if there is none."""
    for pattern, name in VARIABLES.items():
        if found := re.search(pattern, cause):
            return name or found[1]
    return ""
