"""Writes that wait on disk for their server; no server is needed for that."""

import json
import math
import os
from dataclasses import asdict

import pytest
import requests
from mlflow.exceptions import MlflowException, RestException

from dae_lab.actions import push_records
from dae_lab.errors import TrackingError
from dae_lab.tracking.reader import SpooledRun
from dae_lab.tracking.server_errors import is_unavailable
from dae_lab.tracking.spool import Spool
from dae_lab.tracking.store_files import StoreFiles
from dae_lab.tracking.sync import push_spool, push_spools
from dae_lab.tracking.writes import Batch, Files, Status


@pytest.fixture
def spool(tmp_path):
    about = {"uri": "http://127.0.0.1:9", "lock": "cd34" * 8, "name": "a run"}
    return Spool(tmp_path / "spool" / "ab12", about)


def delivered(spool):
    taken = []
    spool.deliver(
        lambda write, folder: taken.append(
            (write, sorted(str(path.relative_to(folder)) for path in folder.rglob("*.txt")))
        )
    )
    return taken


def test_writes_come_back_in_order_and_bit_for_bit_in_another_process(spool, tmp_path):
    values = [0.1, 1 / 3, 5e-324, 1e300, -0.0, math.inf]
    for step, value in enumerate(values):
        spool.add(Batch(metrics=[("val/mse", value, 1_700_000_000_000, step)]))
    (tmp_path / "files" / "figures").mkdir(parents=True)
    (tmp_path / "files" / "figures" / "a.txt").write_text("σ")
    spool.add(Files(), tmp_path / "files")
    again = Spool(spool.folder)
    assert len(again) == 7
    taken = delivered(again)
    points = [write.metrics[0] for write, _ in taken[:-1]]
    assert [point[1].hex() for point in points] == [value.hex() for value in values]
    assert [point[3] for point in points] == list(range(6))
    assert taken[-1] == (Files(), ["figures/a.txt"])
    assert not spool.folder.exists()


def test_nan_waits_too(spool):
    spool.add(Batch(metrics=[("watch/x", math.nan, 1, 0)]))
    ((write, _),) = delivered(Spool(spool.folder))
    assert math.isnan(write.metrics[0][1])


def test_what_could_not_be_delivered_stays_in_order(spool):
    for number in range(5):
        spool.add(Batch(tags={"number": str(number)}))
    taken = []

    def take(write, folder):
        if len(taken) == 2:
            raise ConnectionError
        taken.append(write.tags["number"])

    with pytest.raises(ConnectionError):
        spool.deliver(take)
    spool.add(Batch(tags={"number": "5"}))
    rest = [write.tags["number"] for write, _ in delivered(Spool(spool.folder))]
    assert taken + rest == ["0", "1", "2", "3", "4", "5"]


def test_a_write_that_was_cut_is_not_there(spool, tmp_path):
    spool.add(Batch(tags={"a": "1"}))
    (spool.folder / "00000002.json.new").write_text('{"kind": "ba')  # died before it was renamed
    (spool.folder / "00000002").mkdir()
    (spool.folder / "00000002" / "half.txt").write_text("ha")
    again = Spool(spool.folder)
    assert len(again) == 1
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "whole.txt").write_text("whole")
    again.add(Files(), tmp_path / "files")
    assert [names for _, names in delivered(Spool(spool.folder))] == [[], ["whole.txt"]]


def test_who_waits_for_which_server_is_known(spool, tmp_path):
    spool.add(Batch(tags={"a": "1"}))
    assert StoreFiles(tmp_path).spooled_runs() == ["ab12"]
    assert StoreFiles(tmp_path).spooled_runs("http://127.0.0.1:9") == ["ab12"]
    assert StoreFiles(tmp_path).spooled_runs("http://127.0.0.1:10") == []
    assert json.loads((spool.folder / "run.json").read_text())["name"] == "a run"


def harm(path, kind):
    """Damage the file ``path`` in one of the ways in which files get damaged."""
    content = path.read_bytes()
    if kind == "cut":
        path.write_bytes(content[: len(content) // 2])
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "binary":
        path.write_bytes(bytes(range(256)))
    elif kind == "bit":
        path.write_bytes(content.replace(b"1", b"3", 1))
    elif kind == "other JSON":
        path.write_text("[" * 5000)
    else:
        path.unlink()
        {"folder": path.mkdir, "FIFO": lambda: os.mkfifo(path), "link": lambda: path.symlink_to("/x")}[kind]()


KINDS = ["cut", "empty", "binary", "bit", "other JSON", "folder", "FIFO", "link"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_write_is_set_aside_and_the_rest_delivered_in_order(spool, kind, caplog):
    for number in range(1, 4):
        spool.add(Batch(tags={"number": str(number)}))
    spool.add(Status("FINISHED", 7))
    harm(spool.folder / "00000001.json", kind)
    taken = [write for write, _ in delivered(Spool(spool.folder))]
    assert "00000001.json" in taken[0].tags["reason"]
    assert [write.tags["number"] for write in taken[1:3]] == ["2", "3"]
    assert taken[3] == Status("FAILED", 7)  # its record has a gap
    assert not spool.folder.exists()
    assert os.path.lexists(spool.damaged / "00000001.json")
    assert caplog.text.count("is damaged") == 1


@pytest.mark.parametrize("kind", ["bit", "cut", "empty", "FIFO", "link"])
def test_damaged_files_of_a_write_are_not_delivered(spool, tmp_path, kind):
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "a.txt").write_text("1234")
    spool.add(Files(), tmp_path / "files")
    harm(spool.folder / "00000001" / "a.txt", kind)
    ((write, _),) = delivered(Spool(spool.folder))
    assert "a.txt" in write.tags["reason"]


@pytest.mark.parametrize(
    "write",
    [
        {"kind": "rm"},
        {},
        {"kind": "batch", "metrics": 7, "params": {}, "tags": {}},
        {"kind": "batch", "metrics": [[1, 2]], "params": {}, "tags": {}},
        {"kind": "batch", "metrics": [], "params": {"a": 1}, "tags": {}},
        {"kind": "status"},
    ],
)
def test_what_is_no_write_is_set_aside(spool, write):
    spool.add(Batch(tags={"a": "1"}))
    (spool.folder / "00000001.json").write_text(json.dumps(write))
    ((taken, _),) = delivered(Spool(spool.folder))
    assert "reason" in taken.tags


def test_writes_of_a_version_without_checksums_are_delivered(spool):
    spool.add(Batch(tags={"a": "1"}))
    (spool.folder / "00000001.json").write_text(json.dumps(asdict(Batch(tags={"a": "1"}))))
    assert [write for write, _ in delivered(Spool(spool.folder))] == [Batch(tags={"a": "1"})]


@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_description_is_said_once_and_keeps_nobody(spool, tmp_path, kind, caplog):
    spool.add(Batch(tags={"a": "1"}))
    harm(spool.folder / "run.json", kind)
    assert [StoreFiles(tmp_path).spooled_runs(), StoreFiles(tmp_path).spooled_runs()] == [[], []]
    assert caplog.text.count("is damaged") == 1
    assert len(Spool(spool.folder)) == 1  # its writes stay


@pytest.mark.parametrize(
    "more",
    [
        {"lock": "../../victim/thesis.tex"},
        {"lock": "store"},
        {"lock": 7},
        {"name": None},
        {"uri": "file:///etc"},
        {"known": {"run_id": "other"}},
        {"known": 7},
    ],
)
def test_a_description_of_anything_but_its_run_is_not_believed(spool, tmp_path, more):
    spool.add(Batch(tags={"a": "1"}))
    spool.write_description(**more)
    assert StoreFiles(tmp_path).spooled_runs() == []


def test_a_spool_that_is_a_link_is_left_alone(spool, tmp_path):
    spool.add(Batch(tags={"a": "1"}))
    there = spool.folder.rename(tmp_path / "there")
    spool.folder.symlink_to(there)
    assert StoreFiles(tmp_path).spooled_runs() == []
    assert len(Spool(spool.folder)) == 0
    assert len(list(there.iterdir())) == 2


def test_nothing_is_sent_to_an_address_that_only_a_spool_names(spool, tmp_path, capsys, compose):
    spool.add(Batch(tags={"a": "1"}))
    with pytest.raises(TrackingError, match="1 of 1 records wait for a server"):
        push_records(compose(f"tracking.dir={tmp_path}").tracking)
    output = capsys.readouterr().out
    assert """sync=true 'tracking.uri="http://127.0.0.1:9"'""" in output
    assert StoreFiles(tmp_path).spooled_runs() == ["ab12"]


def test_a_run_is_readable_from_what_it_left():
    known = {
        "run_id": "ab12",
        "name": "a run",
        "experiment_id": "1",
        "status": "FINISHED",
        "began": 7,
        "artifact_uri": "http://127.0.0.1:9",
        "tags": {"collapse": "none"},
        "settings": {"seed": "3"},
        "values": {"test/mse": 0.5},
        "curves": {"val/mse": [[0, 1.0], [1, 0.5]]},
    }
    left = SpooledRun(None, known)
    assert (left.run_id, left.started, left.values["test/mse"]) == ("ab12", 7, 0.5)
    assert (left.params["seed"], left.tags["collapse"]) == ("3", "none")
    assert left.curve("val/mse") == [(0, 1.0), (1, 0.5)]
    assert left.curve("nothing") == []


def answered(status):
    response = requests.Response()
    response.status_code = status
    return requests.HTTPError(str(status), response=response)


def wrapped(error):
    """As MLflow's client raises it: the reason is only in the error's context."""
    try:
        try:
            raise error
        except Exception:
            raise MlflowException("API request failed")  # noqa: B904 (that is how MLflow does it)
    except MlflowException as found:
        return found


@pytest.mark.parametrize(
    ("error", "is_away"),
    [
        (requests.ConnectionError("refused"), True),
        (wrapped(requests.ConnectionError("refused")), True),
        (wrapped(requests.ReadTimeout("hangs")), True),
        (wrapped(requests.exceptions.RetryError("too many 503 error responses")), True),
        (answered(502), True),
        (answered(413), False),
        (RestException({"error_code": "TEMPORARILY_UNAVAILABLE", "message": "no database"}), True),
        (RestException({"error_code": "RESOURCE_ALREADY_EXISTS", "message": "there already"}), False),
        (RestException({"error_code": "INVALID_PARAMETER_VALUE", "message": "changed"}), False),
        (MlflowException("a mistake of ours"), False),
        (OSError("disk full"), False),
    ],
)
def test_away_is_told_from_refused(error, is_away):
    assert is_unavailable(error) == is_away


def test_pushing_what_is_no_spool_does_nothing(tmp_path):
    assert push_spool(StoreFiles(tmp_path), "nobody", "http://127.0.0.1:9") is None
    (tmp_path / "spool" / "cut").mkdir(parents=True)
    assert list(push_spools(StoreFiles(tmp_path), None)) == []
