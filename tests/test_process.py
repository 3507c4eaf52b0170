"""Signals and streams, in processes of their own."""

import os
import signal
import subprocess
import sys
import time

import pytest

WAIT = """
import signal, time
signal.signal(signal.SIGHUP, signal.HEARD)
from dae_lab.process import Terminated, catch_signals, delayed, uninterrupted
catch_signals()
try:
    print("ready", flush=True)
    BODY
except Terminated as stop:
    print("terminated by", stop.args[0])
"""


def started(body, hangup="SIG_DFL"):
    code = WAIT.replace("BODY", body).replace("HEARD", hangup)
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_becomes_an_exception(number):
    process = started("time.sleep(20)")
    process.send_signal(number)
    assert process.communicate(timeout=10)[0] == f"terminated by {int(number)}\n"


def test_what_nohup_ignores_stays_ignored():
    process = started("time.sleep(0.5)", hangup="SIG_IGN")
    process.send_signal(signal.SIGHUP)
    assert process.communicate(timeout=10)[0] == ""
    assert process.returncode == 0


def test_a_second_signal_does_not_break_the_closing():
    process = started("with uninterrupted():\n        time.sleep(0.7)\n        print('closed')")
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGTERM)
    assert process.communicate(timeout=10)[0] == "closed\n"


def test_a_signal_is_heard_once_the_block_has_ended():
    body = "with delayed():\n        time.sleep(0.7)\n        print('done')\n    print('not said')"
    process = started(body)
    time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    assert process.communicate(timeout=10)[0] == f"done\nterminated by {int(signal.SIGTERM)}\n"


def test_what_is_ignored_is_ignored_in_a_block_too():
    process = started("with delayed():\n        time.sleep(0.7)\n    print('said')", hangup="SIG_IGN")
    time.sleep(0.1)
    process.send_signal(signal.SIGHUP)
    assert process.communicate(timeout=10)[0] == "said\n"


def test_closed_and_narrow_streams_are_made_usable():
    code = "import os; from dae_lab.process import prepare_streams as p; p(); print('MSE ↓'); os.fstat(2)"
    closed = subprocess.run(["sh", "-c", 'exec "$0" -c "$1" 2>&- >&-', sys.executable, code], check=False)
    assert closed.returncode == 0
    narrow = {**os.environ, "PYTHONIOENCODING": "ascii"}
    shown = subprocess.run([sys.executable, "-c", code], env=narrow, capture_output=True, check=True)
    assert shown.stdout == b"MSE ?\n"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no disk that is always full, /dev/full")
def test_comments_that_cannot_be_written_are_dropped():
    code = (
        "import sys; from dae_lab.process import prepare_streams as p; p(); "
        "[print('x' * 9999, file=sys.stderr) for _ in range(3)]; print('done')"
    )
    command = ["sh", "-c", 'exec "$0" -c "$1" 2>/dev/full', sys.executable, code]
    shown = subprocess.run(command, capture_output=True, check=False)
    assert (shown.returncode, shown.stdout) == (0, b"done\n")
