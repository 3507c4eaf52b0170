"""What a process owes the one who started it: streams that work, signals that close what is open."""

import _thread
import io
import os
import signal
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

STOPS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
"""What stops a process from outside, and can be answered; Windows has no SIGHUP."""

STOPPED = "stopped; the same command goes on from the last checkpoint, if there is one"
"""What a command says last that was stopped from outside."""

_received: list[int] = []
"""The signals that ``catch_signals`` has answered since it was called."""


class Terminated(BaseException):
    """SIGTERM or SIGHUP arrived: like Ctrl-C, a run is closed as KILLED and can go on later."""


class Unfailing(io.TextIOWrapper):
    """A stream that drops what it cannot write, as on a full disk: a run is not to end for its comments."""

    def write(self, text: str) -> int:
        with suppress(OSError):
            super().write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            super().flush()

    def close(self) -> None:
        with suppress(OSError):
            super().close()


def prepare_streams() -> None:
    """Make standard streams usable that were closed (``2>&-``), cannot show every character, or are full.

    What is said on a process's own standard error is dropped where it cannot be written; what is lost of the
    results, on standard output, raises an OSError.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number, which is this one
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 (for as long as we live)
        elif hasattr(stream, "reconfigure"):
            with suppress(OSError):  # it writes what waits
                stream.reconfigure(errors="replace")
    stream = sys.stderr
    if stream is sys.__stderr__ and isinstance(stream, io.TextIOWrapper):
        own = open(stream.fileno(), "wb", closefd=False)  # noqa: SIM115 (for as long as we live)
        sys.stderr = Unfailing(own, stream.encoding, "replace", line_buffering=True)


def show_warnings() -> None:
    """Show the warnings that ``PYTHONWARNINGS=error`` or ``-W error`` would turn into errors.

    They are about libraries, and an error would end a run in the middle.
    """
    for action, message, category, module, line in list(warnings.filters):
        if action == "error" and message is None and module is None:
            warnings.simplefilter("default", category, line)


def drop_output() -> None:
    """Have standard output go nowhere from now on: nobody reads it, or it cannot be written."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def exit_on_signals() -> None:
    """End the process at once on signals of ``STOPS``, unless they are ignored: while nothing is open.

    What is raised in the middle of an import may be dropped, or shown as another error.
    """
    for number in STOPS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _exit)


def _exit(number: int, frame: Any) -> None:
    with suppress(OSError):
        bar = b"\r\x1b[K\x1b[?25h" if os.isatty(2) else b""  # clears its line, shows the cursor again
        os.write(2, bar + STOPPED.encode() + b"\n")
    os._exit(128 + number)


def ignore_signals() -> None:
    """Ignore the signals of ``STOPS`` from now on."""
    for number in STOPS:
        signal.signal(number, signal.SIG_IGN)


def catch_signals(*numbers: int) -> dict[int, Any]:
    """Raise ``Terminated`` on SIGTERM and SIGHUP, or ``numbers``, unless they are ignored, as under nohup.

    On SIGINT, if it is among ``numbers``, KeyboardInterrupt is raised. Where Python drops what is raised, as
    in a destructor, the signal is sent again.

    Returns:
        what answered them before.
    """
    global _unraisable
    _received.clear()
    if sys.unraisablehook is not _send_again:
        _unraisable, sys.unraisablehook = sys.unraisablehook, _send_again
    wanted = numbers or [number for number in STOPS if number != signal.SIGINT]
    before: dict[int, Any] = {number: signal.getsignal(number) for number in wanted}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, _terminate)
    return before


def stop_signal() -> int:
    """The first signal that ``catch_signals`` has answered since it was called; 0 if there was none.

    It tells whether an error is that of a stop: a library may have raised its own in the place of
    ``Terminated``, and a terminal that is closed cannot be written any more.
    """
    return _received[0] if _received else 0


_unraisable = sys.unraisablehook


def _send_again(dropped: Any) -> None:
    """Answer an exception that Python drops."""
    if not issubclass(dropped.exc_type, (KeyboardInterrupt, Terminated)):
        _unraisable(dropped)
    elif _received:
        with suppress(RuntimeError):  # the process is ending
            threading.Thread(target=_send_soon, args=(_received[-1],), daemon=True).start()


def _send_soon(number: int) -> None:
    time.sleep(0.01)  # by then the main thread has left the destructor
    send_self(number)


@contextmanager
def signals_caught(*numbers: int) -> Iterator[None]:
    """``catch_signals`` inside the block alone."""
    before = catch_signals(*numbers)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        _received.clear()


def _terminate(number: int, frame: Any) -> None:
    _received.append(number)
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    raise Terminated(number)


def send_self(number: int) -> None:
    """Send the signal ``number`` to this process, from any of its threads."""
    if os.name == "nt":  # os.kill would end the process on the spot
        _thread.interrupt_main(signal.Signals(number))
    else:
        os.kill(os.getpid(), number)


@contextmanager
def delayed() -> Iterator[None]:
    """Let signals of ``STOPS`` that Python answers wait until the block has ended.

    Then they are answered, in the order in which they came, until an answer raises.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    answers: dict[int, Any] = {number: signal.getsignal(number) for number in STOPS}
    before = {number: answer for number, answer in answers.items() if callable(answer)}
    came: list[int] = []
    waits = True

    def hear(number: int, frame: Any) -> None:
        if waits:
            came.append(number)
        else:  # an earlier one was answered while this was being put back
            before[number](number, frame)

    try:
        for number in before:
            signal.signal(number, hear)
        yield
    finally:
        waits = False
        for number, answer in before.items():
            signal.signal(number, answer)
        for one in came:
            signal.raise_signal(one)


@contextmanager
def blocked(*numbers: int) -> Iterator[None]:
    """Have signals wait until the block has ended; processes and threads that it starts never hear them.

    Windows cannot do the latter. That the signals are blocked is not enough for the former: the system hands
    them to a thread that a library has started before, and Python answers them in the main thread.
    """
    with delayed():
        if not hasattr(signal, "pthread_sigmask"):
            yield
            return
        before = signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
        try:
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Let a second Ctrl-C or SIGTERM not break what the block is closing."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, signal.SIG_IGN) for number in STOPS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
