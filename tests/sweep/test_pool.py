"""Processes that do runs: they live on between batches, and what happens to them happens to no other run."""

import multiprocessing
import os
import signal
import time

import pytest
from hydra.core.plugins import Plugins
from hydra.plugins.launcher import Launcher
from processes import finish, start, sweep_status
from sweeps import job

TINY = ("data=digits", "training.epochs=2", "training.batches=4", "evaluation=scores")


@pytest.fixture
def runner():
    """One process; its runs here are refused as soon as they begin, before TensorFlow is imported."""
    (local,) = [one for one in Plugins.instance().discover(Launcher) if one.__name__ == "LocalPool"]
    made = local(workers=1)
    yield made
    made.close()


def done(runner, folder, number):
    """The one process that did a run, after it."""
    ((_, outcome),) = runner.run_jobs([job(number, "an arm", 0, log=str(folder / f"{number}.log"))])
    assert outcome.status == "failed"
    (process,) = multiprocessing.active_children()
    return process


def test_a_process_does_one_batch_after_the_other(runner, tmp_path):
    assert done(runner, tmp_path, 0).pid == done(runner, tmp_path, 1).pid


def test_one_that_dies_between_batches_is_replaced(runner, tmp_path):
    first = done(runner, tmp_path, 0)
    os.kill(first.pid, signal.SIGKILL)
    first.join(10)
    deadline = time.monotonic() + 30
    while runner._pool.usable:  # until it is noticed
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert done(runner, tmp_path, 1).pid != first.pid


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_before_the_first_run_leaves_all_to_be_done(tmp_path, sent):
    seeds = "seed=" + ",".join(map(str, range(40)))
    process = start("-m", *TINY, seeds, "sweep.fail_fast=true", store=tmp_path)
    line = next(line for line in process.stderr if "40 to train" in line)
    process.send_signal(sent)
    code, output, errors = finish(process)
    assert code == 128 + sent, line + errors
    assert "FAILED" not in output + errors
    assert "40 unfinished" in output
    assert "given up" not in output
    assert sweep_status(tmp_path) == "KILLED"
