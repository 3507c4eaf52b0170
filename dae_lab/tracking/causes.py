"""Why the store of runs has failed, in a few words, and what a person can do about it."""

import re
from pathlib import Path

from dae_lab.errors import describe_error
from dae_lab.tracking.disks import is_full

ASIDE = re.compile(r"\(raised as a result of |\(Background on this error|\[SQL:|\[parameters:")
"""How lines of SQLAlchemy's begin that are not the cause, or that hold what was to be written."""

KIND = re.compile(r"^\([\w.]+(?:Error|Warning)\)\s*")
"""``(sqlite3.OperationalError)``: what SQLAlchemy puts before the cause."""

VARIABLES = {
    r"\b(MLFLOW_[A-Z_]+)\b": "",
    r"poolclass": "MLFLOW_SQLALCHEMYSTORE_POOLCLASS",
    r"workspace": "MLFLOW_ENABLE_WORKSPACES",
}
"""What MLflow says where it cannot use one of its variables, as a pattern, and the variable it means."""


def first_sentence(error: BaseException) -> str:
    """The first line of what a library says that tells the cause, without its statements and stack."""
    lines = [line for line in str(error).strip().splitlines() if line.strip() and not ASIDE.match(line)]
    said = lines[0] if lines else type(error).__name__
    return KIND.sub("", said.partition("[SQL:")[0]).strip()


def reason(error: Exception) -> str:
    """As a run's record says why it has failed: the kind of the error, and its cause."""
    return f"{type(error).__name__}: {first_sentence(error)}" if str(error).strip() else describe_error(error)


def store_trouble(error: Exception, folder: Path) -> str:
    """Why the local store in ``folder`` has failed with ``error``."""
    if not folder.is_dir():
        return f"the store's folder {folder} is gone"
    if not (folder / "mlflow.db").exists():
        return f"the store's database {folder / 'mlflow.db'} is gone"
    return first_sentence(error)


def opening_trouble(error: Exception, folder: Path) -> str:
    """Why the local store in ``folder`` cannot be opened, and what to do."""
    said = first_sentence(error)  # the database may not be there yet
    other = "choose another tracking.dir"
    if name := _variable(said):
        return f"{said}; unset {name}, or give it a value that MLflow takes"
    if "disk is full" in said or is_full(folder):
        return f"{said}; make room on the disk of {folder}, or {other}"
    if "readonly" in said or "unable to open" in said:
        return f"{said}; allow this user to write {folder} and the files in it, or {other}"
    if "locked" in said:
        return f"{said}; close what holds it, or {other}"
    return f"{said}; close what holds it, move a damaged file away, or {other}"


def _variable(said: str) -> str:
    """The variable of MLflow's that ``said`` is about; empty where it is about none."""
    for pattern, name in VARIABLES.items():
        if found := re.search(pattern, said):
            return name or found[1]
    return ""
