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

STOP_SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)
"""What stops a process from outside, and can be answered; Windows has no SIGHUP."""

STOP_MESSAGE = "stopped; the same command goes on from the last checkpoint, if there is one"
"""What a command says last that was stopped from outside."""


class Terminated(BaseException):
    """SIGTERM or SIGHUP arrived: like Ctrl-C, a run is closed as KILLED and can go on later."""


class BestEffortStream(io.TextIOWrapper):
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
        sys.stderr = BestEffortStream(own, stream.encoding, "replace", line_buffering=True)


def show_warnings() -> None:
    """Show the warnings that ``PYTHONWARNINGS=error`` or ``-W error`` would turn into errors.

    They are about libraries, and an error would end a run in the middle.
    """
    for action, message, category, module, line in list(warnings.filters):
        if action == "error" and message is None and module is None:
            warnings.simplefilter("default", category, line)


def discard_output() -> None:
    """Have standard output go nowhere from now on: nobody reads it, or it cannot be written."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def exit_on_stop_signals() -> None:
    """End the process at once on signals of ``STOP_SIGNALS``, unless they are ignored: while nothing is open.

    What is raised in the middle of an import may be dropped, or shown as another error.
    """
    for number in STOP_SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _exit)


def _exit(number: int, frame: Any) -> None:
    with suppress(OSError):
        bar = b"\r\x1b[K\x1b[?25h" if os.isatty(2) else b""  # clears its line, shows the cursor again
        os.write(2, bar + STOP_MESSAGE.encode() + b"\n")
    os._exit(128 + number)


def ignore_stop_signals() -> None:
    """Ignore the signals of ``STOP_SIGNALS`` from now on."""
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)


class StopSignals:
    """Answers signals that stop this process by an exception, and remembers which came.

    Attributes:
        received: the signals that were answered since ``catch``, in their order.
    """

    def __init__(self) -> None:
        self.received: list[int] = []
        self._before: dict[int, Any] = {}
        self._unraisable = sys.unraisablehook

    def catch(self, *numbers: int) -> None:
        """Raise ``Terminated`` on SIGTERM and SIGHUP, or ``numbers``, unless ignored, as under nohup.

        On SIGINT, if it is among ``numbers``, KeyboardInterrupt is raised. Where Python drops what is raised,
        as in a destructor, the signal is sent again.
        """
        self.received.clear()
        if sys.unraisablehook != self._send_again:
            self._unraisable, sys.unraisablehook = sys.unraisablehook, self._send_again
        for number in numbers or [number for number in STOP_SIGNALS if number != signal.SIGINT]:
            before = signal.getsignal(number)
            if before not in (signal.SIG_IGN, self._answer):
                self._before[number] = before
                signal.signal(number, self._answer)

    def release(self) -> None:
        """Have signals answered as before ``catch``."""
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before.clear()
        if sys.unraisablehook == self._send_again:
            sys.unraisablehook = self._unraisable
        self.received.clear()

    @contextmanager
    def caught(self, *numbers: int) -> Iterator[None]:
        """``catch`` inside the block alone."""
        self.catch(*numbers)
        try:
            yield
        finally:
            self.release()

    @contextmanager
    def told_from_errors(self) -> Iterator[None]:
        """Raise a stop again where the block ends in an error after it.

        The error is then that of the stop: a library has raised its own in the place of ``Terminated``, or a
        terminal that was closed cannot be written any more.
        """
        try:
            yield
        except Exception as error:
            if not self.received:
                raise
            raise _stop(self.received[0]) from error

    def _answer(self, number: int, frame: Any) -> None:
        self.received.append(number)
        raise _stop(number)

    def _send_again(self, dropped: Any) -> None:
        """Answer an exception that Python drops."""
        if not issubclass(dropped.exc_type, (KeyboardInterrupt, Terminated)):
            self._unraisable(dropped)
        elif self.received:
            with suppress(RuntimeError):  # the process is ending
                threading.Thread(target=_send_soon, args=(self.received[-1],), daemon=True).start()


def _stop(number: int) -> BaseException:
    return KeyboardInterrupt() if number == signal.SIGINT else Terminated(number)


def _send_soon(number: int) -> None:
    time.sleep(0.01)  # by then the main thread has left the destructor
    send_signal_to_self(number)


@contextmanager
def kept_handlers() -> Iterator[None]:
    """Put back what answers signals when the block ends: a library has its own answers."""
    before = {number: signal.getsignal(number) for number in STOP_SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def send_signal_to_self(number: int) -> None:
    """Send the signal ``number`` to this process, from any of its threads."""
    if os.name == "nt":  # os.kill would end the process on the spot
        _thread.interrupt_main(signal.Signals(number))
    else:
        os.kill(os.getpid(), number)


@contextmanager
def deferred_signals() -> Iterator[None]:
    """Let signals of ``STOP_SIGNALS`` that Python answers wait until the block has ended.

    Then they are answered, in the order in which they came, until an answer raises.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    answers: dict[int, Any] = {number: signal.getsignal(number) for number in STOP_SIGNALS}
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
def blocked_signals(*numbers: int) -> Iterator[None]:
    """Have signals wait until the block has ended; processes and threads that it starts never hear them.

    Windows cannot do the latter. That the signals are blocked is not enough for the former: the system hands
    them to a thread that a library has started before, and Python answers them in the main thread.
    """
    with deferred_signals():
        if not hasattr(signal, "pthread_sigmask"):
            yield
            return
        before = signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
        try:
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def ignored_signals() -> Iterator[None]:
    """Let a second Ctrl-C or SIGTERM not break what the block is closing."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, signal.SIG_IGN) for number in STOP_SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
