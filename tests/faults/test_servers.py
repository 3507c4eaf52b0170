"""Servers that answer wrongly, at the worst of moments; spools that were damaged before they are pushed."""

import random
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from harm import DAMAGES, SPOOL, Results, assert_survived, damage
from servers import Server
from test_files import RUN
from unwell import MOMENTS, TROUBLES, unwell
from world import World

COMMAND = (*RUN, "tracking.log_model=false")


class Behind(World):
    """A world whose runs are recorded by a server, in an experiment of its own."""

    def __init__(self, folder: Path, server: Server, uri: str) -> None:
        super().__init__(folder)
        self.experiment, self._database = folder.parent.name, server.folder / "server.db"
        self.places = (f"tracking.uri={uri}", f"tracking.experiment={self.experiment}")

    @property
    def database(self) -> Path:
        return self._database


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    found = Server(tmp_path_factory.mktemp("server"))
    found.start()
    yield found
    found.kill()


@pytest.fixture(scope="module")
def front(server):
    with unwell(server.uri) as found:
        yield found


@pytest.fixture(scope="module")
def numbers(tmp_path_factory):
    """Those of the undisturbed run, in a database of this machine."""
    world = World(tmp_path_factory.mktemp("undisturbed") / "world")
    world.learn(*COMMAND)
    return world.numbers


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "3")


def try_trouble(world: Behind, front, trouble: str, moment: str, seconds: float | None) -> str:
    """A run whose server is unwell; once it is well, what waits is pushed, and the command given again."""
    patience = 0 if seconds is None else 30
    front.ail(trouble, moment, seconds)
    said = world.answer(*COMMAND, *world.places, f"tracking.patience={patience}")[1]
    met = len(front.refused)
    front.heal()
    if said or not met:
        return said or "the trouble was never met"
    said = world.answer("sync=true", *world.places)[1] or world.attempt(*COMMAND, *world.places)
    return said or world.trained_twice()


@pytest.mark.parametrize(
    ("trouble", "moment", "seconds"),
    [("slow answer", "end", None), ("taken without answer", "middle", 1.0)],
)
def test_a_server_that_answers_wrongly(numbers, server, front, tmp_path, trouble, moment, seconds):
    world = Behind(tmp_path / "world", server, front.uri)
    world.numbers = numbers
    assert try_trouble(world, front, trouble, moment, seconds) == ""


@pytest.mark.long
def test_every_wrong_answer_at_every_moment(numbers, server, front, tmp_path):
    results: Results = {}
    for trouble in TROUBLES:
        for moment in MOMENTS:
            for seconds, after in ((2.0, "then well"), (None, "until pushed")):
                world = Behind(tmp_path / f"{trouble} {moment} {after}" / "world", server, front.uri)
                world.numbers = numbers
                said = try_trouble(world, front, trouble, moment, seconds)
                results[trouble, f"{moment}, {after}"] = [said]
                print(trouble, moment, after, said or "survived", flush=True)
    assert_survived(results)


@pytest.mark.long
def test_every_damage_of_every_file_of_a_spool(numbers, server, front, tmp_path):
    """A run whose server goes away in the middle and stays away; then its spool is damaged, then pushed."""
    world = Behind(tmp_path / "world", server, front.uri)
    world.numbers = numbers
    front.ail("no answer", "middle", None)
    assert world.answer(*COMMAND, *world.places, "tracking.patience=0") == (0, "")
    front.heal()
    world.snapshot("left")
    database = tmp_path / "left.db"
    copy_database(world.database, database)
    results: Results = {}
    for kind in SPOOL:
        for how in DAMAGES:
            chance = random.Random(f"{kind.name} {how}")
            world.restore("left")
            copy_database(database, world.database)
            damage(chance.choice([file for file in kind.files(world.folder) if file.is_file()]), how, chance)
            said = world.answer("sync=true", *world.places)[1] or world.attempt(*COMMAND, *world.places)
            results[kind.name, how] = [said]
            print(kind.name, how, said or "survived", flush=True)
    assert_survived(results)


def copy_database(source: Path, target: Path) -> None:
    """Have ``target``, which a server may have open, hold what ``source`` does."""
    with closing(sqlite3.connect(source)) as before, closing(sqlite3.connect(target)) as after:
        before.backup(after)
