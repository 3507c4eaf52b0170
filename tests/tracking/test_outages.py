"""Records whose server is killed, hangs, or comes back late: nothing is lost, nothing counts twice."""

import json
import math
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from filelock import FileLock
from servers import until

from dae_lab.actions import push_records
from dae_lab.errors import TrackingError
from dae_lab.tracking.image_series import SeriesPicture
from dae_lab.tracking.server import PING_TIMEOUT, open_server
from dae_lab.tracking.spool import Spool
from dae_lab.tracking.store import RunStore
from dae_lab.tracking.store_files import StoreFiles
from dae_lab.tracking.sync import push_spools
from dae_lab.tracking.writes import Batch, Status, parse_write

PICTURE = PIL.Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8))


@pytest.fixture
def tracking(compose, tmp_path, well):
    return compose(f"tracking.uri={well.uri}", f"tracking.dir={tmp_path}", "tracking.patience=60").tracking


@pytest.fixture
def impatient(compose, tmp_path, well):
    return compose(f"tracking.uri={well.uri}", f"tracking.dir={tmp_path}", "tracking.patience=0").tracking


def history(server, run_id, metric):
    return [(item.step, item.value) for item in server.client().get_metric_history(run_id, metric)]


def artifacts(server, run_id, folder=None):
    return sorted(item.path for item in server.client().list_artifacts(run_id, folder))


def write_some(record, steps):
    """A little of everything."""
    for step in steps:
        record.log_metrics({"val/mse": 1 / (step + 1), "train/loss": step / 7}, step)
        record.log_picture_series({step: SeriesPicture.encode(PICTURE)}, "reconstructions")
    record.log_params({"a.b": 1, f"more/{step}": "σ"})
    record.log_text("grün", f"texts/{step}.txt")
    record.set_tag("collapse", f"none {step}")
    record.log_dataset("digits", "0" * 64, "scikit-learn", {"train": 9})


def check_all_arrived(server, run_id, steps, folder):
    assert history(server, run_id, "val/mse") == [(step, 1 / (step + 1)) for step in steps]
    assert history(server, run_id, "train/loss") == [(step, step / 7) for step in steps]
    found = server.client().get_run(run_id)
    assert found.info.status == "FINISHED"
    assert found.data.params[f"more/{steps[-1]}"] == "σ"
    assert found.data.tags["collapse"] == f"none {steps[-1]}"
    assert len(found.inputs.dataset_inputs) == 1
    images = artifacts(server, run_id, "images")
    assert [sum(f"+step+{step}+" in path for path in images) for step in steps] == [2] * len(steps)
    text = server.client().download_artifacts(run_id, f"texts/{steps[-1]}.txt")
    assert Path(text).read_text(encoding="utf-8") == "grün"
    assert not list((folder / "spool").glob("*/*"))
    assert {path.name for path in (folder / "locks").iterdir()} <= {"store"}


def test_a_killed_server_stalls_nobody_and_loses_nothing(tracking, well, tmp_path):
    store = RunStore(tracking)
    with store.open_run("a run", "f" * 64, {}) as record:
        write_some(record, range(3))
        well.kill()
        began = time.monotonic()
        write_some(record, range(3, 20))
        assert time.monotonic() - began < 10
        assert len(Spool(tmp_path / "spool" / record.run_id)) == 17 * 2 + 4
        assert record.curve("val/mse") == [(step, 1 / (step + 1)) for step in range(20)]
        assert record.last_step("val/mse") == 19
        well.start()
        until(lambda: time.monotonic() > record.sender.next_attempt, "the next look")
        record.set_tag("server", "back")
        assert not StoreFiles(tmp_path).spooled_runs(), "the spool is emptied while the run goes on"
    check_all_arrived(well, record.run_id, range(20), tmp_path)
    assert well.client().get_run(record.run_id).data.tags["server"] == "back"


def test_a_server_that_hangs_stalls_training_only_while_it_is_looked_at(tracking, well, tmp_path):
    store = RunStore(tracking)
    with store.open_run("a run", "f" * 64, {}) as record:
        write_some(record, range(3))
        time.sleep(1.1)  # an answer that old is not trusted any more
        well.send(signal.SIGSTOP)
        began = time.monotonic()
        write_some(record, range(3, 8))
        assert time.monotonic() - began < PING_TIMEOUT + 10
        assert record.sender.next_attempt - time.monotonic() > 10 * PING_TIMEOUT, "looked at now and then"
        well.send(signal.SIGCONT)
    check_all_arrived(well, record.run_id, range(8), tmp_path)


def test_writes_the_server_took_without_answering_count_once(tracking, well, tmp_path):
    """As when the connection breaks between the server's commit and its answer."""
    with RunStore(tracking).open_run("a run", "f" * 64, {}) as record:
        record.sender.spool.add(Batch(tags={"first": "waits"}))
        record.sender.next_attempt = math.inf  # so that all others wait behind it
        write_some(record, range(5))
        record.set_tag("server", "back")
        for place in sorted((tmp_path / "spool" / record.run_id).glob("0*.json")):
            write = parse_write(json.loads(place.read_text()))
            write.send(open_server(well.uri), record.run_id, place.with_suffix(""))
    check_all_arrived(well, record.run_id, range(5), tmp_path)


def test_what_is_left_is_read_pushed_and_reused(tracking, impatient, well, tmp_path, caplog, capsys):
    patient, store = RunStore(tracking), RunStore(impatient)
    first, second = begun(patient, "first", "1" * 64), begun(store, "second", "2" * 64)
    write_some(first, range(2))
    for record in (first, second):
        record.log_text("seed: 0", "config.yaml")  # as every run that can be reused has
    well.kill()
    write_some(first, range(2, 4))
    write_some(second, range(4))
    second.close("FINISHED")
    signal.signal(signal.SIGINT, signal.default_int_handler)  # even if the tests were started deaf to it
    threading.Timer(3, os.kill, (os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):  # a person does not wait for the server
        first.close("FINISHED")
    assert caplog.text.count("sync=true") == 2
    check_what_is_read_without_the_server(store, second)
    check_what_is_refused_without_the_server(impatient, store)
    well.start()
    with FileLock(second.lock.lock_file):
        push_records(impatient)
    output = capsys.readouterr().out
    assert f"run {first.run_id} (first): 10 writes pushed to {well.uri}" in output
    assert f"run {second.run_id} (second): another process is writing it" in output
    assert StoreFiles(tmp_path).spooled_runs() == [second.run_id]
    store = RunStore(impatient)  # pushes what waits for its server
    assert store.find_finished("1" * 64).run_id == first.run_id
    assert store.find_finished("2" * 64).run_id == second.run_id
    for record in (first, second):
        check_all_arrived(well, record.run_id, range(4), tmp_path)
    push_records(impatient)
    assert capsys.readouterr().out == f"nothing waits in {tmp_path}/spool\n"


def check_what_is_read_without_the_server(store, record):
    left = store.read(record.run_id)
    assert (left.status, left.name, left.tags["collapse"]) == ("FINISHED", "second", "none 3")
    assert left.values["val/mse"] == 1 / 4
    assert left.curve("val/mse") == [(step, 1 / (step + 1)) for step in range(4)]
    with pytest.raises(TrackingError, match=r"the server has gone away \(ConnectionError\)"):
        store.read("12ab")


def check_what_is_refused_without_the_server(tracking, store):
    assert store.recovery.mark_failed("2" * 64, "its process died") == ""
    for begin in (push_records, RunStore):
        with pytest.raises(TrackingError, match="no MLflow server answers"):
            begin(tracking)


def test_a_sync_cut_by_sigkill_pushes_no_point_twice(tracking, well, tmp_path):
    run_id, spool = left_by_hand(RunStore(tracking), tmp_path)
    for step in range(1, 151):
        spool.add(Batch(metrics=[("val/mse", 1 / step, 1_700_000_000_000 + step, step)]))
    spool.add(Status("FINISHED", 1_700_000_001_000))
    code = (
        "import sys; from dae_lab.tracking.sync import StoreFiles, push_spools; "
        "list(push_spools(StoreFiles(sys.argv[1]), sys.argv[2]))"
    )
    cut = subprocess.Popen([sys.executable, "-c", code, tmp_path, well.uri])
    until(lambda: len(Spool(spool.folder)) < 120, "some are pushed")
    cut.kill()
    cut.wait()
    assert 0 < len(Spool(spool.folder)) < 120
    (done,) = push_spools(StoreFiles(tmp_path), well.uri)
    assert 0 < done.writes < 121
    assert history(well, run_id, "val/mse") == [(step, 1 / step) for step in range(1, 151)]
    found = well.client().get_run(run_id)
    assert (found.info.status, found.info.end_time) == ("FINISHED", 1_700_000_001_000)
    assert found.data.metrics["val/mse"] == 1 / 150


def begun(store, name, fingerprint):
    return store.writers.create(store.experiment_id, name, fingerprint, {})


def left_by_hand(store, folder):
    """A run whose process has died, and its spool, empty."""
    record = begun(store, "left", "9" * 64)
    record.lock.release()
    return record.run_id, record.sender.spool


def test_what_the_server_refuses_stays_and_keeps_nobody(tracking, well, tmp_path, capsys):
    store = RunStore(tracking)
    (refused, spool), (fine, other) = left_by_hand(store, tmp_path), left_by_hand(store, tmp_path)
    well.client().log_param(refused, "a", "1")
    spool.add(Batch(params={"a": "2"}))
    other.add(Batch(tags={"a": "2"}))
    with pytest.raises(TrackingError, match="sync: 1 of 2 records could not be pushed whole"):
        push_records(tracking)
    assert "Changing param values is not allowed" in capsys.readouterr().out
    assert well.client().get_run(fine).data.tags["a"] == "2"
    assert StoreFiles(tmp_path).spooled_runs() == [refused]
    with RunStore(tracking).open_run("next", "9" * 64, {}):
        pass
    assert well.client().get_run(fine).info.status == "KILLED"
    assert well.client().get_run(refused).info.status == "RUNNING"


def test_a_run_that_died_without_its_server_is_taken_up_with_all_it_wrote(tracking, well, tmp_path):
    run_id, spool = left_by_hand(RunStore(tracking), tmp_path)
    spool.add(Batch(metrics=[("train/loss", 0.5, 1_700_000_000_000, 3)]))
    (tmp_path / "checkpoints" / run_id).mkdir()
    (tmp_path / "checkpoints" / run_id / "checkpoint.npz").write_text("{}")
    with RunStore(tracking).open_run("left", "9" * 64, {}) as record:
        assert record.run_id == run_id
        assert record.last_step("train/loss") == 3
    assert history(well, run_id, "train/loss") == [(3, 0.5)]


def test_a_database_that_goes_away_behind_its_server_loses_nothing(on_postgresql, compose, tmp_path):
    server, database = on_postgresql
    store = RunStore(compose(f"tracking.uri={server.uri}", f"tracking.dir={tmp_path}").tracking)
    with store.open_run("a run", "f" * 64, {}) as record:
        write_some(record, range(2))
        database.stop()
        write_some(record, range(2, 5))
        assert StoreFiles(tmp_path).spooled_runs() == [record.run_id]
        assert record.sender.outage == "it answers with errors"
        database.start()
    check_all_arrived(server, record.run_id, range(5), tmp_path)


def test_a_spool_that_no_file_describes_any_more_is_pushed_by_the_next_run(tracking, well, tmp_path):
    """Its server knows whose it is."""
    run_id, spool = left_by_hand(RunStore(tracking), tmp_path)
    spool.add(Batch(metrics=[("val/mse", 0.5, 1_700_000_000_000, 3)]))
    (spool.folder / "run.json").write_text("{")
    with RunStore(tracking).open_run("next", "8" * 64, {}):
        pass
    assert history(well, run_id, "val/mse") == [(3, 0.5)]
    assert well.client().get_run(run_id).info.status == "KILLED"
    assert not spool.folder.exists()


def test_a_run_whose_record_has_a_gap_is_trained_again(tracking, well, tmp_path):
    """Neither reused nor gone on with."""
    run_id, spool = left_by_hand(RunStore(tracking), tmp_path)
    spool.add(Batch(metrics=[("val/mse", 0.5, 1_700_000_000_000, 3)]))
    spool.add(Batch(tags={"a": "1"}))
    (spool.folder / "00000001.json").write_bytes(b"")
    (tmp_path / "checkpoints" / run_id).mkdir()
    (tmp_path / "checkpoints" / run_id / "checkpoint.npz").write_text("{}")
    with RunStore(tracking).open_run("left", "9" * 64, {}) as record:
        assert record.run_id != run_id
    found = well.client().get_run(run_id)
    assert (found.info.status, found.data.tags["a"]) == ("KILLED", "1")
    assert not (tmp_path / "checkpoints" / run_id).exists()


def test_a_spool_goes_to_the_server_that_is_named_if_that_knows_its_run(tracking, well, tmp_path, capsys):
    """As one that has moved to another address does."""
    run_id, spool = left_by_hand(RunStore(tracking), tmp_path)
    spool.add(Batch(tags={"a": "1"}))
    spool.write_description(uri="http://127.0.0.1:9")
    push_records(tracking)
    assert f"1 writes pushed to {well.uri}" in capsys.readouterr().out
    assert well.client().get_run(run_id).data.tags["a"] == "1"


def test_a_folder_with_a_link_is_not_uploaded(tracking, tmp_path):
    (tmp_path / "page").mkdir()
    (tmp_path / "page" / "key").symlink_to("/etc/hostname")
    with (
        pytest.raises(TrackingError, match=r"page/key: it is a symbolic link"),
        RunStore(tracking).open_run("a run", "f" * 64, {}) as record,
    ):
        record.log_folder(tmp_path / "page")
