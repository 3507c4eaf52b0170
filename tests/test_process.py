"""Signals and streams, in processes of their own."""

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress

import pytest
from processes import needs_full_disk

from dae_lab.process import STOP_SIGNALS, blocked_signals, deferred_signals

WAIT = """
import signal, time
signal.signal(signal.SIGHUP, signal.HEARD)
from dae_lab.process import StopSignals, Terminated, deferred_signals, ignored_signals
StopSignals().catch()
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


def test_a_signal_whose_exception_python_drops_is_sent_again():
    body = """class Dropping:
        def __del__(self):
            signal.raise_signal(signal.SIGTERM)
    Dropping()
    time.sleep(20)"""
    process = started(body)
    assert process.communicate(timeout=10)[0] == f"terminated by {int(signal.SIGTERM)}\n"


def test_what_nohup_ignores_stays_ignored():
    process = started("time.sleep(0.5)", hangup="SIG_IGN")
    process.send_signal(signal.SIGHUP)
    assert process.communicate(timeout=10)[0] == ""
    assert process.returncode == 0


def test_a_second_signal_does_not_break_the_closing():
    process = started("with ignored_signals():\n        time.sleep(0.7)\n        print('closed')")
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGTERM)
    assert process.communicate(timeout=10)[0] == "closed\n"


def test_a_signal_is_heard_once_the_block_has_ended():
    body = "with deferred_signals():\n        time.sleep(0.7)\n        print('done')\n    print('not said')"
    process = started(body)
    time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    assert process.communicate(timeout=10)[0] == f"done\nterminated by {int(signal.SIGTERM)}\n"


@pytest.fixture
def heard():
    """The signals that were answered; Ctrl-C is an exception, too."""
    answered = []

    def answer(number, frame):
        answered.append(number)
        if number == signal.SIGINT:
            raise KeyboardInterrupt

    before = {number: signal.signal(number, answer) for number in STOP_SIGNALS}
    yield answered
    for number, handler in before.items():
        signal.signal(number, handler)


def test_of_signals_that_wait_the_first_whose_answer_raises_is_the_last(heard):
    with pytest.raises(KeyboardInterrupt), deferred_signals():
        [signal.raise_signal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)]
    assert heard == [signal.SIGTERM, signal.SIGINT]


def test_signals_wait_for_the_outermost_block_however_it_ends(heard):
    others = [number for number in STOP_SIGNALS if number != signal.SIGINT]
    with suppress(KeyError), deferred_signals():
        with deferred_signals():
            for number in others:
                signal.raise_signal(number)
        assert heard == []
        raise KeyError
    assert heard == others


def until_ctrl_c(seconds):
    threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGINT)).start()
    while True:
        with deferred_signals():
            pass


def test_a_signal_at_any_moment_leaves_all_signals_answered(heard):
    """One may arrive while the answers are replaced or put back."""
    for moment in range(50):
        with pytest.raises(KeyboardInterrupt):
            until_ctrl_c(0.0005 + 0.00001 * moment)
    heard.clear()
    signal.raise_signal(signal.SIGTERM)
    signal.raise_signal(signal.SIGHUP)
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    assert heard == [signal.SIGTERM, signal.SIGHUP, signal.SIGINT]


def test_what_is_ignored_is_ignored_in_a_block_too():
    process = started(
        "with deferred_signals():\n        time.sleep(0.7)\n    print('said')", hangup="SIG_IGN"
    )
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


@needs_full_disk
def test_comments_that_cannot_be_written_are_dropped():
    code = (
        "import sys; from dae_lab.process import prepare_streams as p; p(); "
        "[print('x' * 9999, file=sys.stderr) for _ in range(3)]; print('done')"
    )
    command = ["sh", "-c", 'exec "$0" -c "$1" 2>/dev/full', sys.executable, code]
    shown = subprocess.run(command, capture_output=True, check=False)
    assert (shown.returncode, shown.stdout) == (0, b"done\n")


def test_warnings_that_would_be_errors_are_shown():
    asked = (
        "import warnings; from dae_lab.process import show_warnings; show_warnings(); warnings.warn('look')"
    )
    here = {**os.environ, "PYTHONWARNINGS": "error"}
    done = subprocess.run([sys.executable, "-c", asked], env=here, capture_output=True, text=True, check=True)
    assert "UserWarning: look" in done.stderr


def test_processes_are_started_undisturbed_though_another_thread_hears_signals():
    """One that is half started reads nothing and ends with a traceback."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    over, reached = threading.Event(), []
    threading.Thread(target=over.wait, daemon=True).start()

    def start():
        with blocked_signals(signal.SIGINT):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.1)
            reached.append("the end")

    try:
        with pytest.raises(KeyboardInterrupt):
            start()
    finally:
        over.set()
        signal.signal(signal.SIGINT, before)
    assert reached
