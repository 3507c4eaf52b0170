"""Commands killed at random moments: the same command again gives the same numbers, and nothing twice."""

import random
import time

import pytest
from harm import Results, assert_survived
from processes import finish, kill_all
from test_files import EVERY, RUN, SWEPT
from world import World

COMMANDS = {
    "run": (*RUN, "tracking.log_model=false", EVERY),
    "sweep": (*SWEPT, EVERY),
    "sweep of two workers": (*SWEPT, EVERY, "hydra.launcher.workers=2"),
}
KILLS = {"run": 20, "sweep": 8, "sweep of two workers": 8}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """By command, its numbers and how many seconds it took."""
    found = {}

    def of(name):
        if name not in found:
            world = World(tmp_path_factory.mktemp("undisturbed") / "world")
            finish(world.start("--help"))  # what commands are forked from has imported all by then
            began = time.monotonic()
            world.learn(*COMMANDS[name])
            found[name] = world.numbers, time.monotonic() - began
        return found[name]

    return of


def try_kills(world: World, name: str, seconds: float, times: int, chance: random.Random) -> str:
    """Kill the command so often, each time within ``seconds``; then let it end."""
    for _ in range(times):
        process = world.start(*COMMANDS[name])
        time.sleep(seconds * chance.random())
        try:
            kill_all(process)
        except ProcessLookupError:  # it was faster
            finish(process)
    return world.attempt(*COMMANDS[name]) or world.trained_twice()


@pytest.mark.parametrize("name", ["run"])
def test_a_command_killed_twice(undisturbed, tmp_path, name):
    world = World(tmp_path / "world")
    world.numbers, seconds = undisturbed(name)
    assert try_kills(world, name, seconds, 2, random.Random(19)) == ""


@pytest.mark.long
@pytest.mark.parametrize("name", COMMANDS)
def test_commands_killed_at_random_moments(undisturbed, tmp_path, name):
    numbers, seconds = undisturbed(name)
    results: Results = {}
    for number in range(KILLS[name]):
        world = World(tmp_path / f"{number}" / "world")
        world.numbers = numbers
        chance, times = random.Random(number), 1 + number % 3
        said = try_kills(world, name, seconds, times, chance)
        results.setdefault((name, f"killed {times} times"), []).append(said)
        print(name, number, said or "survived", flush=True)
    assert_survived(results)
