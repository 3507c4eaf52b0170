"""Files of a store, damaged in every way: the same command gives the same numbers, or one sentence."""

import random
import shutil
from pathlib import Path

import pytest
from harm import DAMAGES, KINDS, damage, files, restore, table
from processes import finish, kill_all, runs, start, trajectory, wait_for_epoch

RUN = ("data=digits", "training.epochs=4", "training.batches=8", "evaluation=scores")
EVERY = "training.checkpoint_s=0"
SECONDS = 120

SAMPLE = [
    ("database", "empty", "finished"),
    ("journal", "bit flipped", "cut"),
    ("lock of the run", "FIFO", "cut"),
    ("checkpoint", "truncated", "cut"),
    ("artifact", "removed", "finished"),
]


class Stores:
    """A store in which the run was cut, and one in which it has finished, as often as they are wanted.

    Attributes:
        store: where they are. snapshots: what they hold, by name. numbers: those of the undisturbed run.
    """

    def __init__(self, folder: Path) -> None:
        self.store, self.victim = folder / "store", folder / "victim"
        self.victim.mkdir()
        (self.victim / "thesis.tex").write_text("four years of work")
        self.snapshots = {"cut": folder / "cut", "finished": folder / "finished"}
        process = self.start()
        wait_for_epoch(process, 2)
        kill_all(process)
        shutil.copytree(self.store, self.snapshots["cut"])
        code, _, errors = finish(self.start())
        assert code == 0, errors
        shutil.copytree(self.store, self.snapshots["finished"])
        self.numbers = [trajectory(self.store, run) for run in runs(self.store)]

    def start(self):
        return start(*RUN, EVERY, store=self.store)

    def try_damage(self, kind: str, how: str, state: str, chance: random.Random) -> str:
        """Damage a file of this kind, and give the command again; gives what was wrong, if anything."""
        restore(self.snapshots[state], self.store)
        found = files(self.store, kind)
        if not found:
            return "no such file"
        damage(chance.choice(found), how, chance)
        process = start(
            *RUN, f"evaluation.cache={self.store}/cache", f"tracking.dir={self.store}", store=None
        )
        try:
            code, output, errors = finish(process, SECONDS)
        except TimeoutError:
            return f"not within {SECONDS} s"
        if code not in (0, 1) or "Traceback" in output + errors:
            return f"{state}: exit code {code}: {errors[-300:]}"
        if code == 1:
            return "" if errors.count("error:") == 1 else f"{state}: {errors[-300:]}"
        done = [run for run in runs(self.store) if run.info.status == "FINISHED"]
        if any(run.info.status == "RUNNING" for run in runs(self.store)):
            return f"{state}: left RUNNING"
        if [trajectory(self.store, run) for run in done][-1:] != self.numbers:
            return f"{state}: other numbers"
        untouched = [path.read_text() for path in self.victim.iterdir()] == ["four years of work"]
        return "" if untouched else f"{state}: files outside the store have changed"


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    return Stores(tmp_path_factory.mktemp("faults"))


@pytest.mark.parametrize(("kind", "how", "state"), SAMPLE)
def test_a_damaged_file_gives_the_same_numbers_or_a_sentence(stores, kind, how, state):
    assert stores.try_damage(kind, how, state, random.Random(f"{kind} {how}")) == ""


@pytest.mark.long  # ten minutes: every kind of file, damaged in every way
def test_every_damage_of_every_file_gives_the_same_numbers_or_a_sentence(stores):
    chance, results = random.Random(19), {}
    for kind in KINDS:
        for how in DAMAGES:
            states = [state for state, place in stores.snapshots.items() if files(place, kind)]
            results[kind, how] = [stores.try_damage(kind, how, state, chance) for state in states]
            print(kind, how, states, results[kind, how], flush=True)
    print(f"\n{table(results)}")
    assert not [text for texts in results.values() for text in texts if text]
