"""A command that is stopped ends at once and in its own words, whatever it is doing at that moment."""

import os
import pty
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from processes import HEARING, prepare, runs

TINY = ("data=digits", "debug=smoke", "evaluation=scores", "tracking.log_model=false", "training.epochs=50")
SWEEP = ("-m", "seed=0,1", "hydra.launcher.workers=2")
SECONDS = 8.0
"""By then training has begun."""

HANGUP = pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="this system has no SIGHUP")


def hears(pid: int, number: int) -> bool:
    """Whether the process answers the signal: before, it is Python's, which has not come to our code yet."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    (mask,) = (int(line.split()[1], 16) for line in lines if line.startswith("SigCgt"))
    return bool(mask >> (number - 1) & 1)


def stopped(store: Path, moment: float, number: int, *arguments: str) -> tuple[int, str]:
    """The exit code and the output of a command that gets the signal so many seconds after its start."""
    process = subprocess.Popen(
        [sys.executable, "-c", HEARING, *TINY, *arguments, f"tracking.dir={prepare(store)}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    while not hears(process.pid, signal.SIGTERM):
        time.sleep(0.001)
    time.sleep(moment)
    os.killpg(process.pid, number)  # as a terminal does
    output, _ = process.communicate(timeout=60)
    return process.returncode, output


def assert_stopped(store: Path, code: int, output: str, number: int) -> None:
    assert code == 128 + number, output
    assert output.count("stopped; the same command goes on") == 1, output
    assert "Traceback" not in output
    assert "ignored" not in output
    assert {run.info.status for run in runs(store)} <= {"KILLED"}


def moments(count: int) -> list[float]:
    """Random ones, spread over the whole time."""
    chance = random.Random(count)
    return [SECONDS * (place + chance.random()) / count for place in range(count)]


@pytest.mark.parametrize("sweep", [(), SWEEP], ids=["run", "sweep"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, pytest.param("SIGHUP", marks=HANGUP)])
@pytest.mark.parametrize("moment", [pytest.param(m, marks=pytest.mark.long) for m in moments(40)])
def test_at_any_moment(tmp_path, moment, number, sweep):
    number = signal.Signals[number] if isinstance(number, str) else number
    assert_stopped(tmp_path, *stopped(tmp_path, moment, number, *sweep), number)


@pytest.mark.parametrize(
    ("moment", "number"), list(zip(moments(8), 4 * [signal.SIGINT, signal.SIGTERM], strict=True))
)
def test_at_some_moments(tmp_path, moment, number):
    """Real starts, as it is them that are stopped: 4 s each on average."""
    assert_stopped(tmp_path, *stopped(tmp_path, moment, number), number)


@HANGUP
@pytest.mark.parametrize(
    ("sweep", "text"), [((), ""), ((), "to train"), ((), "epoch "), (SWEEP, ""), (SWEEP, "begins")]
)
def test_a_closed_terminal(tmp_path, sweep, text):
    """The terminal is gone once it has shown the text, so that nothing can be written any more."""
    command = [sys.executable, "-c", HEARING, *TINY, *sweep, f"tracking.dir={prepare(tmp_path)}"]
    pid, terminal = pty.fork()
    if not pid:
        os.execv(sys.executable, command)
    while not hears(pid, signal.SIGTERM):
        time.sleep(0.001)
    shown = ""
    while text not in shown:
        shown += os.read(terminal, 9999).decode()
    time.sleep(0.3)
    os.close(terminal)
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 128 + signal.SIGHUP
    assert {run.info.status for run in runs(tmp_path)} <= {"KILLED"}
