"""Runs that fail in ways of their own, side by side with runs that do not."""

import re
import resource
from pathlib import Path

import pytest
from processes import finish, finished, runs, start

TINY = ("data=digits", "training.epochs=2", "training.batches=4", "evaluation=scores")
LEAN = ("tracking.log_model=false", "training.checkpoint_s=0", "tracking.grids=0")

HOOK = """
import os, re, sys

job = [None]

def fail(event, arguments):
    if event != "open" or not isinstance(arguments[0], (str, os.PathLike)):
        return
    name = os.fspath(arguments[0])
    log = re.search(r"/logs/(\\d+)\\.log$", name)
    if log:
        job[0] = int(log[1])
    elif "/checkpoints/" in name:
        if job[0] == 2:
            raise RuntimeError("a bug nobody knew of")
        if job[0] == 5:
            os._exit(17)
        if job[0] == 7:
            bytearray(1 << 40)

sys.addaudithook(fail)
"""
"""For a worker: run 2 raises, run 5 ends its process, run 7 wants 1 TiB, each at its first checkpoint."""

ADDRESSES = 64 * 2**30
"""Bytes of address space a process of the sweep may take, as ``ulimit -v`` sets it."""


@pytest.mark.long
def test_seven_of_ten_are_done_and_three_failures_are_named(tmp_path):
    (tmp_path / "sitecustomize.py").write_text(HOOK)
    limits = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESSES, limits[1]))  # what is started now inherits it
    try:
        seeds = "seed=" + ",".join(map(str, range(10)))
        process = start("-m", *TINY, *LEAN, seeds, store=tmp_path / "store", PYTHONPATH=str(tmp_path))
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limits)
    code, output, errors = finish(process)
    assert code == 1
    assert len(finished(tmp_path / "store")) == 7
    failed = {item.data.tags["seed"]: item for item in runs(tmp_path / "store")}
    reasons = {
        seed: item.data.tags["reason"] for seed, item in failed.items() if item.info.status == "FAILED"
    }
    assert reasons == {
        "2": "RuntimeError: a bug nobody knew of",
        "5": "its process ended with exit code 17 in the middle of the run",
        "7": "MemoryError",
    }
    listed = output[output.index("  FAILED  ") :]
    for seed, words in (("2", "a bug nobody knew of"), ("5", "exit code 17"), ("7", "MemoryError")):
        assert re.search(rf"seed={seed}\b.*{words}", listed), listed
    logs = re.findall(r"log: (\S+)", listed)
    assert "a bug nobody knew of" in Path(logs[0]).read_text()
    assert "Traceback" not in errors, errors
