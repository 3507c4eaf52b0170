"""A store that was moved, renamed or copied, and runs whose files are gone."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import mlflow
import numpy as np
import pytest
from filelock import FileLock
from processes import assert_refused, client, prepare, run, runs

from dae_lab.errors import TrackingError
from dae_lab.tracking.relocate import relocate
from dae_lab.tracking.store import RunStore

TINY = ("data=digits", "debug=smoke", "evaluation=scores")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A store with one finished run and its model, never changed."""
    folder = tmp_path_factory.mktemp("trained") / "mlruns"
    code, _, errors = run(*TINY, store=folder)
    assert code == 0, errors
    return folder


@pytest.fixture
def moved(trained, tmp_path):
    """A copy of it as it is after a move: where it was is gone."""
    old, new = tmp_path / "old name" / "mlruns", tmp_path / "new 'name" / "mlruns"
    shutil.copytree(trained, old)
    relocate(old)
    new.parent.mkdir()
    old.rename(new)
    return old, new


def places(folder):
    """All places of artifacts that the database of the store in ``folder`` has."""
    query = (
        "SELECT artifact_location FROM experiments WHERE experiment_id > 0 "
        "UNION SELECT artifact_uri FROM runs UNION SELECT artifact_location FROM logged_models"
    )
    with closing(sqlite3.connect(folder / "mlflow.db")) as database:
        return [place for (place,) in database.execute(query)]


def opened(compose, folder):
    place = str(folder).replace("'", "\\'")
    return RunStore(compose(f"tracking.dir='{place}'").tracking)


def test_a_moved_store_is_refused_with_a_command_that_mends_it(moved, tmp_path):
    old, new = moved
    link = tmp_path / "link"  # processes.start does not quote
    link.symlink_to(new)
    code, _, errors = run(*TINY, "seed=1", store=link)
    assert_refused(code, errors, f"was moved or copied from {old}")
    assert "Starting TensorFlow" not in errors
    assert not old.exists()
    code, output, errors = run("relocate=true", store=link)
    assert (code, f"relocated from {old} to {link}" in output) == (0, True), errors
    code, output, errors = run(*TINY, store=link)
    assert (code, "has finished before" in output) == (0, True), errors
    assert not old.exists()


def test_the_command_that_is_printed_can_be_pasted(moved, compose, monkeypatch):
    import shlex
    import sys

    from dae_lab.run import main

    with pytest.raises(TrackingError) as refusal:
        opened(compose, moved[1])
    _, module, *arguments = shlex.split(str(refusal.value).partition("python ")[2])
    assert module == "dae_lab.run"
    monkeypatch.setattr(sys, "argv", ["run.py", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    opened(compose, moved[1])


def test_a_relocated_store_has_its_model_and_its_backup(moved, compose):
    _, new = moved
    done = relocate(new)
    assert all(place.startswith(f"{new.as_uri()}/artifacts/") for place in places(new))
    assert done.places == 3  # of the experiment, the run, its model
    with closing(sqlite3.connect(done.backup)) as database:
        assert "new" not in database.execute("SELECT artifact_uri FROM runs").fetchone()[0]
    store = opened(compose, new)
    (only,) = runs(new)
    mlflow.set_tracking_uri(store.uri)
    model = mlflow.pyfunc.load_model(f"runs:/{only.info.run_id}/model")
    assert model.predict(np.zeros((1, 8, 8, 1), np.float32)).shape == (1, 8, 8, 1)
    assert store.find_finished(only.data.tags["fingerprint"], ["model"]).run_id == only.info.run_id


def test_to_relocate_twice_changes_nothing(moved):
    _, new = moved
    relocate(new)
    before = (new / "mlflow.db").read_bytes()
    assert relocate(new) is None
    assert (new / "mlflow.db").read_bytes() == before


def test_a_copy_becomes_a_store_of_its_own(moved, compose, tmp_path):
    _, new = moved
    relocate(new)
    copy = tmp_path / "copy"
    shutil.copytree(new, copy)
    with pytest.raises(TrackingError, match="stays as it is"):
        opened(compose, copy)
    before = {file: file.stat().st_mtime_ns for file in new.rglob("*")}
    relocate(copy)
    with opened(compose, copy).open_run("a run", "f" * 64, {}) as record:
        record.log_text("hello", "file.txt")
    assert Path(record.locate_artifact("file.txt")).is_relative_to(copy)
    assert {file: file.stat().st_mtime_ns for file in new.rglob("*")} == before


def test_what_was_recorded_in_the_old_folder_after_a_move_is_fetched(moved, compose):
    old, new = moved
    (only,) = runs(new)
    name = only.info.run_id
    (old / "artifacts" / "dae_lab").mkdir(parents=True)
    (new / "artifacts" / "dae_lab" / name).rename(old / "artifacts" / "dae_lab" / name)
    assert relocate(new).fetched == 1
    assert opened(compose, new).read(name).missing_artifacts(["model"]) == []
    assert (old / "artifacts" / "dae_lab" / name / "artifacts" / "config.yaml").exists()


def test_a_relocation_that_fails_changes_nothing(moved):
    """A file is in the way of what is to be fetched."""
    old, new = moved
    (only,) = runs(new)
    source, target = (folder / "artifacts" / "dae_lab" / only.info.run_id for folder in (old, new))
    source.parent.mkdir(parents=True)
    target.rename(source)
    target.write_text("in the way")
    before = places(new)
    with pytest.raises(TrackingError, match="is as it was"):
        relocate(new)
    assert places(new) == before


def test_a_store_in_use_is_not_relocated(moved):
    _, new = moved
    with FileLock(new / "locks" / "0123"), pytest.raises(TrackingError, match="a run is being trained"):
        relocate(new)


def test_a_folder_without_a_store_is_refused_and_stays_as_it_is(tmp_path):
    with pytest.raises(TrackingError, match="there is no store"):
        relocate(tmp_path / "nothing")
    assert list(tmp_path.iterdir()) == []


def test_a_link_to_a_store_is_the_same_store(trained, compose, tmp_path):
    (tmp_path / "link").symlink_to(trained)
    opened(compose, tmp_path / "link")


def test_an_experiment_with_a_place_of_its_own_is_left_alone(compose, tmp_path):
    store = opened(compose, prepare(tmp_path / "store"))
    there = (tmp_path / "big disk" / "artifacts" / "mine").as_uri()
    client(store.folder).create_experiment("mine", artifact_location=there)
    assert relocate(tmp_path / "store") is None
    opened(compose, tmp_path / "store")


def test_relocate_is_not_swept(tmp_path):
    code, _, errors = run("relocate=true", "seed=0,1", store=tmp_path)
    assert_refused(code, errors, "give it without plan=true")


def copied(trained, folder):
    shutil.copytree(trained, folder)
    relocate(folder)
    return folder, runs(folder)[0]


@pytest.mark.parametrize("gone", ["config.yaml", "model"])
def test_a_finished_run_whose_files_are_gone_is_trained_again(trained, tmp_path, gone):
    folder, before = copied(trained, tmp_path / "store")
    artifacts = folder / "artifacts" / "dae_lab"
    if gone == "model":
        shutil.rmtree(artifacts / "models")
    else:
        (artifacts / before.info.run_id / "artifacts" / gone).unlink()
    code, output, errors = run("-m", *TINY, "plan=true", store=folder)
    assert "1 to train" in output, errors
    code, output, errors = run(*TINY, store=folder)
    assert (code, f"its {gone} is gone" in errors) == (0, True), errors
    assert [item.info.status for item in runs(folder)] == ["FINISHED"] * 2
    code, output, errors = run(*TINY, store=folder)
    assert (code, "has finished before" in output, "is gone" in errors) == (0, True, False)


def test_a_model_that_is_gone_is_not_missed_where_none_is_kept(trained, tmp_path):
    folder, _ = copied(trained, tmp_path / "store")
    shutil.rmtree(folder / "artifacts" / "dae_lab" / "models")
    code, output, errors = run(*TINY, "tracking.log_model=false", store=folder)
    assert (code, "has finished before" in output) == (0, True), errors


def test_artifacts_that_cannot_be_written_are_one_sentence(tracking):
    store = RunStore(tracking)
    (store.folder / "artifacts").write_text("a file is in the way")
    message = r"tracking\.dir: .* cannot be written .* goes on from the last checkpoint"
    with pytest.raises(TrackingError, match=message), store.open_run("a run", "f" * 64, {}) as record:
        record.log_text("hello", "file.txt")
