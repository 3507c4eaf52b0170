"""What tests of SLURM and Ray share: a sweep, what it gives undisturbed, and who does its runs."""

import os
import time
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from processes import Command, finished, run

from dae_lab.provenance import cores

TINY = ("-m", "data=digits", "training.batches=4", "evaluation=scores", "tracking.log_model=false")
SWEEP = (*TINY, "training.epochs=2", "loss=bce,mse", "seed=0")
LONG = (*TINY, "training.epochs=40", "training.checkpoint_s=0", "tracking.grids=0")


@cache
def undisturbed() -> dict[str, dict]:
    """What the runs of SWEEP give in a local pool, with one thread each."""
    with TemporaryDirectory() as folder:
        code, _, errors = run(*SWEEP, f"hydra.launcher.workers={cores()}", store=Path(folder))
        assert code == 0, errors
        return finished(Path(folder))


def doing(process: Command, store: Path, number: int, words: str, seconds: float = 180) -> int:
    """The id of the process that does run ``number`` of the sweep, once it has logged ``words``."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        for log in store.glob(f"sweeps/*/logs/{number}.log"):
            holder = _writing_to(log)
            if holder and words in log.read_text():
                return holder
        time.sleep(0.1)
    raise AssertionError(f"run {number} has not said {words!r}", process.communicate())


def _writing_to(log: Path) -> int | None:
    """The id of the process whose standard output goes to ``log``."""
    for entry in Path("/proc").glob("[0-9]*/fd/1"):
        try:
            if os.readlink(entry) == str(log):
                return int(entry.parts[2])
        except OSError:  # it has just ended, or is another user's
            continue
    return None
