"""Locks of runs: what records say of them is checked, and one that is gone or damaged ends no command."""

import os
from dataclasses import replace
from pathlib import Path

import pytest
from processes import client

from dae_lab.errors import TrackingError
from dae_lab.files import open_lock
from dae_lab.tracking.locks import is_lock_name, is_run_id
from dae_lab.tracking.relocate import relocate
from dae_lab.tracking.store import RunStore

THESIS = b"four years of work"


@pytest.fixture
def victim(tmp_path_factory):
    """A file of a person's, in a folder that is no store's."""
    file = tmp_path_factory.mktemp("victim") / "thesis.tex"
    file.write_bytes(THESIS)
    return file


def outside(path, store):
    """``path`` as a name that leads to it from the store's locks."""
    return os.path.relpath(path, store.folder / "locks")


def died(store, fingerprint="9" * 64, checkpoint=False):
    """A run whose process has died."""
    record = store.writers.create(store.experiment_id, "died", fingerprint, {})
    if checkpoint:
        record.checkpoints.mkdir()
        (record.checkpoints / "checkpoint.npz").write_text("{}")
    record.lock.release()
    return record


def lock_file(record):
    return Path(record.lock.lock_file)


@pytest.mark.parametrize(
    "name", ["../../thesis.tex", "/etc/passwd", "", "..", "store", "a" * 31, "a" * 33, 7]
)
def test_names_that_no_lock_of_a_run_has_are_refused(name):
    assert not is_lock_name(name)
    assert is_lock_name("0123456789abcdef" * 2)


@pytest.mark.parametrize("name", ["../x", "a/b", ".", "..", "", "a\n", "a" * 65, None])
def test_names_that_no_run_has_are_refused(name):
    assert not is_run_id(name)
    assert is_run_id("0123456789abcdef" * 2)


def test_a_lock_named_by_a_tag_deletes_no_file_outside_the_store(tracking, victim):
    store = RunStore(tracking)
    record = died(store)
    client(store.folder).set_tag(record.run_id, "lock", outside(victim, store))
    with RunStore(tracking).open_run("next", "e" * 64, {}):
        pass
    assert store.recovery.mark_failed("9" * 64, "its process died") == ""
    assert victim.read_bytes() == THESIS
    assert [*victim.parent.iterdir()] == [victim]
    assert client(store.folder).get_run(record.run_id).info.status == "KILLED"


def test_a_lock_named_by_a_tag_creates_no_file_outside_the_store(tracking, victim):
    store = RunStore(tracking)
    record = died(store, checkpoint=True)
    client(store.folder).set_tag(record.run_id, "lock", outside(victim.with_name("new"), store))
    with RunStore(tracking).open_run("died", "9" * 64, {}) as again:
        assert again.run_id == record.run_id
    assert [*victim.parent.iterdir()] == [victim]
    assert {path.name for path in (store.folder / "locks").iterdir()} <= {"store", lock_file(record).name}


def damage(file, kind, victim):
    file.unlink()
    if kind == "folder":
        file.mkdir()
        (file / "inside").touch()
    elif kind == "FIFO":
        os.mkfifo(file)
    elif kind == "dangling link":
        file.symlink_to(victim.with_name("nowhere"))
    elif kind == "link":
        file.symlink_to(victim)


@pytest.mark.parametrize("kind", ["gone", "folder", "FIFO", "dangling link", "link"])
@pytest.mark.parametrize("checkpoint", [True, False])
def test_a_run_whose_lock_is_gone_or_damaged_has_died(tracking, victim, kind, checkpoint):
    store = RunStore(tracking)
    record = died(store, checkpoint=checkpoint)
    damage(lock_file(record), kind, victim)
    with RunStore(tracking).open_run("died", "9" * 64, {}) as again:
        assert (again.run_id == record.run_id) == checkpoint
    assert client(store.folder).get_run(record.run_id).info.status == ("FINISHED" if checkpoint else "KILLED")
    assert victim.read_bytes() == THESIS
    assert [*victim.parent.iterdir()] == [victim]
    assert not lock_file(record).exists()


@pytest.mark.parametrize("kind", ["folder", "FIFO", "dangling link", "link"])
@pytest.mark.parametrize("name", ["store", f"turn-{'f' * 64}", "sweeps"])
def test_damaged_locks_of_the_store_are_replaced(tracking, victim, kind, name):
    store = RunStore(tracking)
    file = store.folder / "locks" / name
    file.touch()
    damage(file, kind, victim)
    store = RunStore(tracking)
    with store.exclusive("f" * 64), store.open_summary("sweep", "abcdef01"):
        pass
    assert file.is_file()
    assert not file.is_symlink()
    assert victim.read_bytes() == THESIS
    assert relocate(store.folder) is None


def test_runs_of_other_programs_are_left_alone(tracking):
    store = RunStore(tracking)
    foreign = client(store.folder).create_run(store.experiment_id).info.run_id
    with store.open_run("next", "e" * 64, {}):
        pass
    assert client(store.folder).get_run(foreign).info.status == "RUNNING"


def test_a_missing_lock_says_nothing_of_a_run_of_another_machine(compose, well, tmp_path):
    here, there = (
        RunStore(compose(f"tracking.uri={well.uri}", f"tracking.dir={tmp_path}/{name}").tracking)
        for name in ("here", "there")
    )
    with there.open_run("elsewhere", "9" * 64, {}) as record:
        with here.open_run("next", "9" * 64, {}) as again:
            assert again.run_id != record.run_id
        assert here.recovery.mark_failed("9" * 64, "its process died") == ""
        assert well.client().get_run(record.run_id).info.status == "RUNNING"


def test_a_server_that_gives_a_path_as_the_id_of_a_run_is_not_believed(tracking, victim):
    store = RunStore(tracking)
    run = store.gateway.create_run(store.experiment_id, "a run", {})
    run = replace(run, run_id=f"../{outside(victim.parent, store)}")
    with pytest.raises(TrackingError, match="as the id of a run"):
        store.writers.make(run, open_lock(store.folder / "locks" / "store"))
    assert victim.read_bytes() == THESIS
