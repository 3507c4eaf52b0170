"""A recorded run, trained again from its record."""

import sqlite3
from pathlib import Path

import pytest
from processes import (
    QUICK,
    assert_refused,
    finish,
    kill_all,
    run,
    runs,
    start,
    trajectory,
    wait_for_epoch,
)

from dae_lab.config.sources import recorded_config
from dae_lab.errors import ConfigError

TINY = ("data=digits", "debug=smoke", "tracking.log_model=false", "evaluation.report=false")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A store with one finished run."""
    folder = tmp_path_factory.mktemp("store")
    code, _, errors = run(*TINY, "loss=mse", "seed=3", store=folder)
    assert code == 0, errors
    return folder


def test_the_same_numbers_come_out_again(store):
    first = runs(store)[0]
    code, output, errors = run(f"replay={first.info.run_id}", store=store)
    assert code == 0, errors
    again = runs(store)[-1]
    assert again.data.tags["replay_of"] == first.info.run_id
    assert again.data.tags["fingerprint"] == first.data.tags["fingerprint"]
    assert trajectory(store, again) == trajectory(store, first)
    assert "Same numbers: all " in output


def test_other_numbers_are_named(store):
    """The record is changed behind the run's back, in one value's last digit."""
    first = runs(store)[0]
    database = sqlite3.connect(store / "mlflow.db")
    of = (first.info.run_id, "val/mse")
    [(value,)] = database.execute("select value from metrics where run_uuid=? and key=? and step=1", of)
    database.execute("update metrics set value=? where run_uuid=? and key=? and step=1", (value + 1e-16, *of))
    database.commit()
    database.close()
    code, _, errors = run(f"replay={first.info.run_id}", store=store)
    assert code == 1
    assert errors.count("error: other numbers: 1 of ") == 1
    assert f"val/mse at step 1 was {value + 1e-16!r}, is {value!r}" in errors


CHANGES = {
    "a secret": ("name: default", "name: ${oc.env:HOME}", "it holds ${…}"),
    "a reference": ("name: default", "name: a ${seed}", "it holds ${…}"),
    "a program": ("dae_lab.losses.Mse", "os.getcwd", "loss._target_ must be one of"),
    "hydra": ("name: default", "name: default\nhydra: {run: {dir: x}}", "hydra: there is no such key"),
    "a letter": ("name: default", 'name: "\\x1b[31mred"', "name must not contain control characters"),
    "no YAML": ("name: default", "name: [", "this is no config"),
    "itself": ("name: default", "name: &a [*a]", "contains itself"),
}


@pytest.mark.parametrize("kind", CHANGES)
def test_a_record_of_somebody_else_s_is_only_read(store, kind):
    """The recorded config is changed behind the run's back."""
    first = runs(store)[0]
    file = Path(first.info.artifact_uri.removeprefix("file://"), "config.yaml")
    whole = file.read_text()
    old, new, message = CHANGES[kind]
    assert old in whole
    try:
        file.write_text(whole.replace(old, new))
        code, _, errors = run(f"replay={first.info.run_id}", store=store)
    finally:
        file.write_text(whole)
    assert_refused(code, errors, message)


@pytest.mark.parametrize("text", ["- a", "3", "a: b: c", "\x00", "[" * 2000])
def test_what_is_no_config_is_refused(text):
    with pytest.raises(ConfigError, match="here: "):
        recorded_config(text, "here")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([f"replay={'a' * 5000}"], "replay must have at most 250 characters"),
        (["replay=no_such_run"], "there is no run no_such_run"),
        (["replay=ID", "seed=4"], "leave seed=4 away"),
        (["replay=ID,ID"], "give it without plan=true, claims and several values"),
    ],
)
def test_what_cannot_be_replayed_is_refused(store, arguments, message):
    known = runs(store)[0].info.run_id
    code, _, errors = run(*(item.replace("ID", known) for item in arguments), store=store)
    assert_refused(code, errors, message)


@pytest.mark.long
def test_a_run_that_went_on_with_other_threads_says_so(tmp_path):
    """Killed in a pool of two, whose runs have a thread each, and resumed alone."""
    victim = start(*QUICK, "training.checkpoint_s=0", store=tmp_path, TF_NUM_INTRAOP_THREADS="1")
    wait_for_epoch(victim, 2)
    kill_all(victim)
    code, _, errors = finish(start(*QUICK, store=tmp_path, TF_NUM_INTRAOP_THREADS="2"))
    assert code == 0
    assert "with other threads" in errors
    (resumed,) = runs(tmp_path)
    threads = {name: value for name, value in resumed.data.params.items() if "threads" in name}
    (epoch,) = {name.rpartition("_")[2] for name in threads if "after" in name}
    assert threads == {"machine/threads": "1", f"machine/threads/after_epoch_{epoch}": "2"}
    assert resumed.data.tags["resumed_on"] == f"after epoch {epoch}: machine/threads 2 (began with 1)"
    code, _, errors = finish(
        start(f"replay={resumed.info.run_id}", store=tmp_path, TF_NUM_INTRAOP_THREADS="2")
    )
    assert_refused(code, errors, "other numbers: ")
    assert resumed.data.tags["resumed_on"] in errors
