"""A session leaves the process as it was."""

import signal
import sys

import pytest

from dae_lab.process import STOP_SIGNALS, Terminated
from dae_lab.session import Session


def state():
    handlers = [signal.getsignal(number) for number in STOP_SIGNALS]
    return sys.stdout, sys.stderr, sys.unraisablehook, handlers


def test_streams_and_answers_to_signals_are_put_back():
    before = state()
    with Session() as session:
        session.signals.catch(*STOP_SIGNALS)
        assert state() != before
    assert state() == before


def broken_by_a_stop(signals):
    """Raises an error of its own in the place of the stop, as libraries do."""
    with signals.told_from_errors():
        try:
            signal.raise_signal(signal.SIGTERM)
        except Terminated:
            raise OSError("what a library makes of it") from None


def test_an_error_after_a_stop_is_the_stop():
    with Session() as session:
        session.signals.catch(signal.SIGTERM)
        with pytest.raises(Terminated) as stop:
            broken_by_a_stop(session.signals)
    assert stop.value.args == (signal.SIGTERM,)
    assert isinstance(stop.value.__cause__, OSError)


def test_an_error_without_a_stop_stays():
    with Session() as session:
        session.signals.catch(signal.SIGTERM)
        with pytest.raises(OSError, match="a full disk"), session.signals.told_from_errors():
            raise OSError("a full disk")


def test_two_sessions_know_nothing_of_each_other():
    with Session() as first, Session() as second:
        second.signals.catch(signal.SIGTERM)
        with pytest.raises(Terminated):
            signal.raise_signal(signal.SIGTERM)
        assert (first.signals.received, second.signals.received) == ([], [signal.SIGTERM])
