"""A store, a cache and a person's files in one folder; commands in it, and what is to come of each."""

import hashlib
import math
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from processes import Command, finish, kill_all, prepare, start

SECONDS = 120
"""No command here takes as long, unless it hangs."""

Numbers = dict[str, list[tuple[int, float | str]]]
"""Every metric of a run but the times: (step, value) as logged; NaN, which is equal to nothing, as a text."""


@dataclass(frozen=True)
class Run:
    """What a database says of a run."""

    run_id: str
    status: str
    fingerprint: str
    numbers: Numbers


class World:
    """One folder.

    Attributes:
        folder: what no command may change but in ``store`` and ``cache``, which are in it.
        numbers: those of undisturbed runs, by fingerprint.
        experiment: where runs are looked for.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.store, self.cache = folder, folder / "store", folder / "cache"
        self.snapshots: dict[str, Path] = {}
        self.numbers: dict[str, Numbers] = {}
        self.experiment = "dae_lab"
        (folder / "victim").mkdir(parents=True)
        (folder / "victim" / "thesis.tex").write_text("four years of work")

    @property
    def database(self) -> Path:
        return self.store / "mlflow.db"

    def start(self, *arguments: str) -> Command:
        if not self.store.exists():
            prepare(self.store)
        places = f"tracking.dir={self.store}", f"evaluation.cache={self.cache}"
        return start(*arguments, *places, store=None)

    def runs(self) -> list[Run]:
        """All runs of the experiment, oldest first."""
        return list(recorded(self.database, self.experiment))

    def learn(self, *arguments: str) -> None:
        """Do an undisturbed command, and keep its numbers."""
        code, output, errors = finish(self.start(*arguments))
        assert code == 0, output + errors
        self.numbers |= {run.fingerprint: run.numbers for run in self.runs() if run.status == "FINISHED"}

    def snapshot(self, name: str) -> None:
        """Keep the store and the cache as they are; places of artifacts are absolute."""
        self.snapshots[name] = self.folder.with_name(f"{self.folder.name}-{name}")
        for part in (self.store, self.cache):
            if part.exists():
                shutil.copytree(part, self.snapshots[name] / part.name, symlinks=True)

    def cut_then_finish(self, process: Command, *arguments: str) -> None:
        """Kill ``process``, and let the same command end; as snapshots ``cut`` and ``finished``."""
        kill_all(process)
        self.snapshot("cut")
        self.learn(*arguments)
        self.snapshot("finished")

    def restore(self, name: str) -> None:
        for part in (self.store, self.cache):
            shutil.rmtree(part, ignore_errors=True)
            if (self.snapshots[name] / part.name).exists():
                shutil.copytree(self.snapshots[name] / part.name, part, symlinks=True)

    def surroundings(self) -> dict[str, str]:
        """Everything in the folder that is neither store nor cache: what it is, and its content."""
        return dict(self._surroundings())

    def _surroundings(self) -> Iterator[tuple[str, str]]:
        for path in self.folder.rglob("*"):
            name = path.relative_to(self.folder)
            if name.parts[0] in ("store", "cache"):
                continue
            regular = path.is_file() and not path.is_symlink()
            content = hashlib.sha256(path.read_bytes()).hexdigest() if regular else ""
            yield str(name), f"{path.lstat().st_mode} {content}"

    def attempt(self, *arguments: str, other_data: bool = False) -> str:
        """Do a command; gives what was wrong with how it ended and what it recorded, if anything.

        Args:
            other_data: what the runs learn from has changed, so they may be others.
        """
        code, said = self.answer(*arguments)
        return said or self.complaint(finished=not code, other_data=other_data)

    def answer(self, *arguments: str) -> tuple[int, str]:
        """Do a command; gives its exit code, and what was wrong with how it ended, if anything."""
        before = self.surroundings()
        try:
            code, output, errors = finish(self.start(*arguments), SECONDS)
        except TimeoutError:
            return 0, f"not within {SECONDS} s"
        if "Traceback" in output + errors or code not in (0, 1, 2):
            return code, f"exit code {code}: {errors[-1000:]}"
        if code and errors.count("error:") != 1:
            return code, f"exit code {code}, and not one sentence: {errors[-1000:]}"
        if self.surroundings() != before:
            return code, "files outside the store and the cache have changed"
        return code, ""

    def complaint(self, finished: bool, other_data: bool = False) -> str:
        """What is wrong with the runs that are recorded, if anything.

        Args:
            finished: the command has ended well, so there is a run.
        """
        try:
            found = self.runs()
        except sqlite3.Error as error:
            return f"the database cannot be read: {error}" if finished else ""
        done = [run for run in found if run.status == "FINISHED"]
        if finished and not done:
            return "no finished run"
        if any(run.status == "RUNNING" for run in found):
            return "left RUNNING" if finished else ""
        unknown = [run for run in done if run.fingerprint not in self.numbers]
        if unknown and not other_data:
            return "a run of another fingerprint"
        others = [run for run in done if run.numbers != self.numbers.get(run.fingerprint, run.numbers)]
        return "other numbers" if others else ""

    def trained_twice(self) -> str:
        done = [run.fingerprint for run in self.runs() if run.status == "FINISHED"]
        return "" if len(done) == len(set(done)) else "trained twice"


def recorded(database: Path, experiment: str) -> Iterator[Run]:
    """What the tables of MLflow's database say; MLflow itself would make a file that is not there."""
    beside = [Path(f"{database}{suffix}") for suffix in ("-journal", "-wal", "-shm")]
    if not database.is_file() or any(file.is_fifo() for file in beside):  # sqlite would wait for ever
        raise sqlite3.OperationalError("there is none that can be opened")
    if database.stat().st_size == 0:
        return
    with closing(sqlite3.connect(f"{database.as_uri()}?mode=rw", uri=True)) as here:
        runs = here.execute(
            "SELECT runs.run_uuid, status, value FROM runs JOIN experiments USING (experiment_id) "
            "LEFT JOIN tags ON tags.run_uuid = runs.run_uuid AND tags.key = 'fingerprint' "
            "WHERE experiments.name = ? ORDER BY start_time",
            [experiment],
        ).fetchall()
        for run_id, status, fingerprint in runs:
            points = here.execute(
                "SELECT key, step, value, is_nan FROM metrics WHERE run_uuid = ? ORDER BY key, step, value",
                [run_id],
            )
            numbers: Numbers = {}
            for key, step, value, is_nan in points:
                if not key.startswith("time/"):
                    shown = "NaN" if is_nan or math.isnan(value) else value
                    numbers.setdefault(key, []).append((step, shown))
            yield Run(run_id, status, fingerprint or "", numbers)
