"""What is kept comes back; what is damaged, locked or not to be written costs time and no more."""

import os
import shutil
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from dae_lab.baselines.cache import Cache, digest, without_resample
from dae_lab.baselines.evaluate import evaluate_baselines
from dae_lab.provenance import PACKAGE, packages
from dae_lab.snapshot import sources


def cache(folder) -> Cache[float]:
    return Cache(folder, lambda value: {"value": np.array(value)}, lambda arrays: float(arrays["value"]))


def refuse() -> float:
    raise AssertionError("it was computed again")


def test_what_is_kept_is_not_computed_again(tmp_path):
    assert cache(tmp_path).load("x") is None
    assert cache(tmp_path / "made").load_or_compute("x", lambda: 1.5) == 1.5
    assert cache(tmp_path / "made").load("x") == 1.5
    assert cache(tmp_path / "made").load_or_compute("x", refuse) == 1.5
    assert cache(tmp_path / "made").load("y") is None


def pickled(path):
    np.savez(path, value=np.array({"an": "object"}, dtype=object))


DAMAGES = {
    "empty": lambda path: path.write_bytes(b""),
    "cut": lambda path: path.write_bytes(path.read_bytes()[:-30]),
    "flipped": lambda path: path.write_bytes(
        path.read_bytes().replace(np.float64(1.5).tobytes(), b"12345678")
    ),
    "text": lambda path: path.write_text("not at all a zip"),
    "another": lambda path: np.savez(path, other=1),
    "another's": lambda path: (
        cache(path.parent).load_or_compute("y", lambda: 2.0),
        shutil.copyfile(path.with_name("y.npz"), path),
    ),
    "pickle": pickled,
    "folder": lambda path: (path.unlink(), path.mkdir()),
    "FIFO": lambda path: (path.unlink(), os.mkfifo(path)),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_warned_of_once_and_computed_again(tmp_path, caplog, damage):
    kept = cache(tmp_path)
    kept.load_or_compute("x", lambda: 1.5)
    DAMAGES[damage](tmp_path / "x.npz")
    assert kept.load("x") is None
    assert kept.load_or_compute("x", lambda: 2.5) == 2.5
    first, *rest = caplog.messages
    assert first.startswith(f"{tmp_path / 'x.npz'} cannot be read: ")
    assert first.endswith("; it is computed again")
    assert len(rest) == (damage == "folder")  # which cannot be replaced by a file either
    assert "\n" not in first
    if damage != "folder":
        assert cache(tmp_path).load("x") == 2.5


def test_a_lock_that_is_a_link_empties_no_file(tmp_path):
    (tmp_path / "cache" / "locks").mkdir(parents=True)
    (tmp_path / "thesis.tex").write_text("four years of work")
    (tmp_path / "cache" / "locks" / "x").symlink_to(tmp_path / "thesis.tex")
    assert cache(tmp_path / "cache").load_or_compute("x", lambda: 1.5) == 1.5
    assert (tmp_path / "thesis.tex").read_text() == "four years of work"


def test_a_folder_that_cannot_be_written_is_warned_of_once(tmp_path, caplog):
    (tmp_path / "file").write_text("in the way")
    kept = cache(tmp_path / "file" / "folder")
    assert kept.load("x") is None
    assert [kept.load_or_compute(name, lambda: 1.5) for name in "xyz"] == [1.5] * 3
    (message,) = caplog.messages
    assert message.startswith(f"{tmp_path / 'file' / 'folder'} cannot be written")


def test_nothing_half_written_is_left(tmp_path):
    cache(tmp_path).load_or_compute("x", lambda: 1.5)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["locks", "x.npz"]


def test_who_comes_second_waits_and_takes_what_the_first_has_computed(tmp_path):
    computed = []

    def compute() -> float:
        time.sleep(0.2)
        computed.append(1)
        return 1.5

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: cache(tmp_path).load_or_compute("x", compute), range(4)))
    assert found == [1.5] * 4
    assert len(computed) == 1


def test_a_lock_is_given_back_when_computing_fails(tmp_path):
    with pytest.raises(ZeroDivisionError):
        cache(tmp_path).load_or_compute("x", lambda: 1 / 0)
    assert cache(tmp_path).load_or_compute("x", lambda: 1.5) == 1.5


def test_digest_tells_apart_what_differs():
    array = np.arange(6, dtype=np.float32)
    parts = [
        ("a", "b"), ("ab",), ({"a": 1, "b": 2},), ({"b": 2, "a": 1},), (None,), (1,), (1.5,),
        (array,), (array.reshape(2, 3),), (array.view(np.int32),), (array[::-1],),
    ]  # fmt: skip
    assert len({digest(*part) for part in parts}) == len(parts)
    assert digest(array[::2]) == digest(array[::2].copy())


def test_resample_is_left_out_at_every_depth():
    steps = {"one": {"sigma": 0.5, "resample": "once"}, "two": {"amount": 0.1, "resample": "epoch"}}
    assert without_resample(
        {"clip": True, "resample": "once", "steps": steps, "more": [{"resample": 1}]}
    ) == {
        "clip": True,
        "steps": {"one": {"sigma": 0.5}, "two": {"amount": 0.1}},
        "more": [{}],
    }


def add_statement(file: Path) -> None:
    file.write_text(file.read_text(encoding="utf-8") + "\nADDED = 1\n", encoding="utf-8")


def test_the_code_is_part_of_the_name(problem, tmp_path, monkeypatch):
    """A statement in what can change a number gives every file another name; one elsewhere gives none."""
    made = problem()

    def names() -> frozenset[str]:
        sources.cache_clear()  # as another process, started now, would have them
        folder = Path(tempfile.mkdtemp(dir=tmp_path))
        sets = (made.data, made.corruption, {}, made.test, made.validation)
        evaluate_baselines("trivial", *sets, code_size=6, seed=0, cache=folder)
        return frozenset(path.name for path in folder.rglob("*.npz"))

    original = names()
    package = shutil.copytree(PACKAGE, tmp_path / "dae_lab", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr("dae_lab.provenance.PACKAGE", package)
    assert names() == original  # the folder is no part of it
    for file in ("report/text.py", "figures/style.py", "tracking/store.py"):
        add_statement(package / file)
    assert names() == original

    seen = [original]
    for file in ("metrics.py", "noise.py", "pixels.py", "scoring.py", "seeds.py", "baselines/moments.py"):
        add_statement(package / file)
        seen.append(names())
    (package / "baselines" / "more.py").write_text("")
    seen.append(names())
    (package / "baselines" / "more.py").rename(package / "baselines" / "renamed.py")
    seen.append(names())
    monkeypatch.setattr("dae_lab.baselines.cache.packages", lambda: {**packages(), "scipy": "0.1"})
    seen.append(names())
    assert {len(found) for found in seen} == {4}
    assert len(frozenset.union(*seen)) == 4 * len(seen)
