"""Files, damaged in every way: the same command gives the same numbers, or one sentence."""

import os
import random
import shutil
import time
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from harm import CACHE, DAMAGES, DATA, STORE, SWEEP, Kind, Results, assert_survived, damage
from processes import finish, wait_for_epoch
from world import World

SMALL = ("encoder=mlp", "encoder.units=[16]", "decoder=mlp", "decoder.units=[16]", "evaluation=scores")
RUN = ("data=digits", "training.epochs=4", "training.batches=4", *SMALL)
EVERY = "training.checkpoint_s=0"
ONCE = (*SMALL, "training.epochs=1", "training.batches=2", "tracking.log_model=false")
SWEPT = ("-m", "data=digits", "seed=0,1", *ONCE, "training.epochs=3")


@pytest.fixture(scope="module")
def single(tmp_path_factory):
    """A run that was cut, and the same when it has finished."""
    world = World(tmp_path_factory.mktemp("single") / "world")
    process = world.start(*RUN, EVERY)
    wait_for_epoch(process, 2)
    world.cut_then_finish(process, *RUN)
    return world


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """A sweep whose second run was cut, and the same when it has finished."""
    world = World(tmp_path_factory.mktemp("swept") / "world")
    process = world.start(*SWEPT, EVERY)
    for line in process.stderr:
        if "[2/2]" in line and "begins" in line:
            break
    while not list(world.store.glob("checkpoints/*/checkpoint.npz")) and process.poll() is None:
        time.sleep(0.01)
    world.cut_then_finish(process, *SWEPT)
    return world


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """A run whose precision was measured; damaged, it is measured again, and may be another."""
    world = World(tmp_path_factory.mktemp("measured") / "world")
    for precision in ("float32", "mixed_bfloat16", "auto"):
        world.learn("data=digits", f"training.precision={precision}", *ONCE)
    world.snapshot("finished")
    return world


AFRESH = "tracking.reuse=never"
"""So that what caches and data files hold is read again."""

AUTO = ("data=digits", "training.precision=auto", *ONCE, AFRESH)


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """Runs on a person's own files, and on downloaded ones where there are such."""
    world = World(tmp_path_factory.mktemp("own") / "world")
    images = np.random.default_rng(0).integers(0, 256, (60, 8, 8), dtype=np.uint8)
    (world.folder / "data" / "images").mkdir(parents=True)
    for number, image in enumerate(images):
        PIL.Image.fromarray(image).save(world.folder / "data" / "images" / f"{number:02}.png")
    np.savez_compressed(world.folder / "data" / "images.npz", images=images)
    for command in commands_on_data(world).values():
        world.learn(*command)
    world.snapshot("finished")
    shutil.copytree(world.folder / "data", world.snapshots["finished"] / "data")
    return world


def commands_on_data(world: World) -> dict[str, tuple[str, ...]]:
    """By the name of a kind of ``DATA``, the command that reads it."""
    data = world.folder / "data"
    found = {
        "a person's image": ("data=folder", f"data.path={data}/images", "data.size=[8,8]", *ONCE),
        "a person's arrays": ("data=npz", f"data.path={data}/images.npz", *ONCE),
    }
    return {name: (*command, AFRESH) for name, command in found.items()}


def try_damage(world: World, kind: Kind, how: str, state: str, *command: str) -> str:
    """Damage a file of this kind, and give the command; gives what was wrong, if anything."""
    chance = random.Random(f"{kind.name} {how} {state}")
    world.restore(state)
    found = kind.files(world.folder)
    if not found:
        return f"no {kind.name} in the state {state}"
    damage(chance.choice(found), how, chance)
    said = world.attempt(*command)
    return f"{state}: {said}" if said else ""


def try_data(world: World, kind: Kind, how: str) -> str:
    shutil.rmtree(world.folder / "data")
    shutil.copytree(world.snapshots["finished"] / "data", world.folder / "data")
    chance = random.Random(f"{kind.name} {how}")
    world.restore("finished")
    damage(chance.choice(kind.files(world.folder)), how, chance)
    return world.attempt(*commands_on_data(world)[kind.name], other_data=True)


def named(kinds: list[Kind], name: str) -> Kind:
    return next(kind for kind in kinds if kind.name == name)


@pytest.mark.parametrize(
    ("name", "how", "state"),
    [
        ("database", "empty", "finished"),
        ("journal", "bit flipped", "cut"),
        ("lock of the run", "FIFO", "cut"),
        ("checkpoint", "truncated", "cut"),
        ("artifact", "removed", "finished"),
    ],
)
def test_a_damaged_file_of_a_store(single, name, how, state):
    assert try_damage(single, named(STORE, name), how, state, *RUN) == ""


@pytest.mark.parametrize(("name", "how"), [("baseline", "FIFO"), ("lock of a baseline", "dangling link")])
def test_a_damaged_file_of_a_cache(single, name, how):
    assert try_damage(single, named(CACHE, name), how, "finished", *RUN, AFRESH) == ""


def replaced(file: Path, how: str, victim: Path) -> None:
    """What was at ``file`` is now a folder, a FIFO, or a link to ``victim``."""
    file.unlink(missing_ok=True)
    file.parent.mkdir(parents=True, exist_ok=True)
    makers = {"folder": file.mkdir, "FIFO": lambda: os.mkfifo(file), "link": lambda: file.symlink_to(victim)}
    makers[how]()


@pytest.mark.parametrize("how", ["folder", "FIFO", "link"])
@pytest.mark.parametrize("name", ["multirun.yaml", pytest.param("NAME/logs/0.log", marks=pytest.mark.long)])
def test_what_is_in_the_way_of_a_sweep_s_files(tmp_path, name, how):
    """A plan says the sweep's name; nothing is trained where the first file cannot be written."""
    world = World(tmp_path / "world")
    assert finish(world.start(*SWEPT, "plan=true"))[0] == 0
    (plan,) = world.store.glob("sweeps/*/plan.json")
    victim = world.folder / "victim" / "thesis.tex"
    replaced(world.store / "sweeps" / name.replace("NAME", plan.parent.name), how, victim)
    code, said = world.answer(*SWEPT)
    assert (code, said) == (int(name == "multirun.yaml"), "")


def everything(world: World, kinds: list[Kind], states: list[str], *command: str) -> Results:
    """Every damage of every kind in every state that has files of it."""
    results: Results = {}
    for kind in kinds:
        for state in states:
            world.restore(state)
            if not kind.files(world.folder):
                continue
            for how in DAMAGES:
                said = try_damage(world, kind, how, state, *command)
                results.setdefault((kind.name, how), []).append(said)
                print(kind.name, how, state, said or "survived", flush=True)
    return results


@pytest.mark.long  # ten minutes
def test_every_damage_of_every_file_of_a_store(single):
    assert_survived(everything(single, STORE, ["cut", "finished"], *RUN))


@pytest.mark.long
def test_every_damage_of_every_file_of_a_cache(single, measured):
    baselines = everything(single, CACHE[:2], ["finished"], *RUN, AFRESH)
    assert_survived(baselines | everything(measured, CACHE[2:], ["finished"], *AUTO))


@pytest.mark.long
def test_every_damage_of_every_file_of_a_sweep(swept):
    assert_survived(everything(swept, SWEEP, ["cut", "finished"], *SWEPT))


@pytest.mark.long
def test_every_damage_of_data(own):
    results = {(kind.name, how): [try_data(own, kind, how)] for kind in DATA[1:] for how in DAMAGES}
    assert_survived(results)


@pytest.mark.long
def test_every_damage_of_downloaded_data(tmp_path, monkeypatch):
    """No other place has them, so a damaged one is said."""
    source = Path(os.environ["DAE_LAB_CACHE"], "mnist")
    if not list(source.glob("*.gz")):
        pytest.skip("MNIST has not been downloaded")
    world = World(tmp_path / "world")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    shutil.copytree(source, world.cache / "mnist")
    rows = ("data.train=[0,200]", "data.validation=[200,250]", "data.test=[60000,60050]")
    command = ("data=mnist", f"data.cache={world.cache}", "data.download=false", *rows, *ONCE)
    world.learn(*command)
    world.snapshot("finished")
    assert_survived(everything(world, DATA[:1], ["finished"], *command, AFRESH))


@pytest.mark.long
def test_every_damage_of_a_store_that_was_moved(tmp_path):
    """Relocated first, in which the damaged file may be needed; then the same command."""
    world = World(tmp_path / "world")
    world.learn(*RUN)
    world.store.rename(world.folder / "before")
    (world.folder / "before").rename(world.folder / "store")
    shutil.copytree(world.store, tmp_path / "elsewhere")
    results: Results = {}
    kinds = [named(STORE, name) for name in ("database", "lock of the store", "artifact", "model")]
    for kind in kinds:
        for how in DAMAGES:
            moved = World(tmp_path / f"{kind.name} {how}")
            shutil.copytree(tmp_path / "elsewhere", moved.store, symlinks=True)
            moved.numbers = world.numbers
            chance = random.Random(f"{kind.name} {how}")
            damage(chance.choice(kind.files(moved.folder)), how, chance)
            said = moved.attempt("relocate=true") or moved.attempt(*RUN)
            results[kind.name, how] = [said]
    assert_survived(results)
    assert finish(world.start(*RUN))[0] == 0, "the store that was copied is as it was"
