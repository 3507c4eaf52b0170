"""A store that was moved or copied: MLflow records where artifacts are by absolute paths."""

import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import Timeout

from dae_lab.commands import format_override, format_run_command
from dae_lab.errors import TrackingError
from dae_lab.files import open_lock
from dae_lab.tracking.gateway import Gateway
from dae_lab.tracking.reader import local_path

EXPERIMENT_KIND = "mlflow.experimentKind"
"""A tag of every experiment that dae_lab makes; others may keep their artifacts anywhere."""

COLUMNS = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
    ("trace_tags", "value"),
)
"""Tables of MLflow's database and their columns that hold places of artifacts; checked with MLflow 3.17."""

FOLDER_COLUMNS = COLUMNS[1:3]
"""Those of them that name the folder of one run or one model."""


@dataclass(frozen=True)
class Relocation:
    """What ``relocate`` has done.

    Attributes:
        old: the folders in which the store was before.
        folder: where it is now.
        places: how many recorded places were changed.
        fetched: how many folders were copied from the old ones.
        backup: the database as it was.
    """

    old: list[Path]
    folder: Path
    places: int
    fetched: int
    backup: Path


def need_in_place(gateway: Gateway, folder: Path) -> None:
    """Raise a TrackingError if the experiments of the store in ``folder`` keep artifacts in another store."""
    experiments = gateway.list_experiments(deleted=True)
    old = _old_folders(
        [item.artifact_location for item in experiments if EXPERIMENT_KIND in item.tags], folder
    )
    if old:
        stays = f" ({old[0]} stays as it is)" if old[0].exists() else ""
        raise TrackingError(
            f"tracking.dir: the store in {folder} was moved or copied from {old[0]}, where its artifacts "
            f"are looked for and new ones would be written; to have it use {folder}{stays}: "
            f"{format_run_command('relocate=true', format_override('tracking.dir', str(folder)))}"
        )


def _old_folders(locations: list[str], folder: Path) -> list[Path]:
    """Return the folders of other stores, ``…`` in ``file://…/artifacts/<experiment>``."""
    places = [place for place in map(local_path, locations) if place and place.parent.name == "artifacts"]
    return [
        old for old in dict.fromkeys(place.parents[1] for place in places) if not _is_same_folder(old, folder)
    ]


def _is_same_folder(first: Path, second: Path) -> bool:
    return first == second or (first.exists() and second.exists() and first.samefile(second))


def relocate(folder: Path) -> Relocation | None:
    """Have the store in ``folder`` use that folder; None if it does so already.

    The database is backed up, then changed in one transaction. Artifacts of a run or a model that are in the
    old folder alone are copied from there; nothing is written there.

    Raises:
        TrackingError: there is no store, a run is being trained in it, or it cannot be changed.
    """
    database = folder / "mlflow.db"
    if not database.is_file():
        raise TrackingError(f"tracking.dir: there is no store of runs in {folder}")
    try:
        with _locked(folder), closing(sqlite3.connect(database, isolation_level=None)) as connection:
            return _relocate(connection, folder)
    except (OSError, sqlite3.Error) as error:
        raise TrackingError(
            f"tracking.dir: the store in {folder} cannot be relocated, and is as it was: {error}"
        ) from error


def _relocate(connection: sqlite3.Connection, folder: Path) -> Relocation | None:
    """Change the database, in one transaction."""
    query = (
        "SELECT artifact_location FROM experiments JOIN experiment_tags USING (experiment_id) WHERE key = ?"
    )
    old = _old_folders([location for (location,) in connection.execute(query, [EXPERIMENT_KIND])], folder)
    if not old:
        return None
    backup = folder / f"mlflow.db.before-relocation-{time.strftime('%Y%m%d-%H%M%S')}"
    with closing(sqlite3.connect(backup)) as copy:
        connection.backup(copy)
    connection.execute("BEGIN IMMEDIATE")
    places = fetched = 0
    for before, after in _prefixes(old, folder):
        for table, column in _existing_columns(connection):
            rows = connection.execute(
                f"SELECT rowid, {column} FROM {table} WHERE substr({column}, 1, ?) = ?", [len(before), before]
            ).fetchall()
            moved = [(after + place[len(before) :], row) for row, place in rows]
            connection.executemany(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", moved)
            places += len(moved)
            if (table, column) in FOLDER_COLUMNS:
                pairs = [(place, new) for (_, place), (new, _) in zip(rows, moved, strict=True)]
                fetched += sum(_copy_if_missing(place, new) for place, new in pairs)
    connection.execute("COMMIT")
    return Relocation(old, folder, places, fetched, backup)


def _prefixes(old: list[Path], folder: Path) -> Iterator[tuple[str, str]]:
    """Return the old and the new beginning of recorded places, as addresses and as paths."""
    for before in old:
        yield f"{(before / 'artifacts').as_uri()}/", f"{(folder / 'artifacts').as_uri()}/"
        yield f"{before / 'artifacts'}/", f"{folder / 'artifacts'}/"


def _existing_columns(connection: sqlite3.Connection) -> list[tuple[str, str]]:
    """Return those of ``COLUMNS`` that this database has."""
    return [
        (table, column)
        for table, column in COLUMNS
        if column in [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
    ]


def _copy_if_missing(before: str, after: str) -> bool:
    """Copy the folder ``before`` to ``after`` if only the former exists; return whether it was copied."""
    source, target = local_path(before), local_path(after)
    assert source is not None
    assert target is not None
    if target.exists() or not source.is_dir() or ".." in (*source.parts, *target.parts):
        return False
    unfinished = target.with_name(f"{target.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    shutil.copytree(source, unfinished, symlinks=True)  # what a link points to may be no artifact
    unfinished.rename(target)
    return True


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Keep others from opening the store.

    Raises:
        TrackingError: a run is being trained in it.
    """
    locks = folder / "locks"
    locks.mkdir(exist_ok=True)
    with open_lock(locks / "store"):
        for file in locks.iterdir():
            if file.name != "store" and file.is_file() and not file.is_symlink():
                try:
                    open_lock(file, timeout=0).acquire().lock.release()
                except Timeout as error:
                    raise TrackingError(
                        f"tracking.dir: a run is being trained in {folder}; wait until it has ended"
                    ) from error
        yield
