"""The display: silent when quick, lines in a file, a bar on a terminal."""

import os
import sys
import threading
import time

import pytest

from dae_lab.progress import progress


def test_what_is_quick_is_silent(capfd):
    with progress("Reading images", total=3) as advance:
        advance()
    assert capfd.readouterr() == ("", "")


def test_plain_lines_where_there_is_no_terminal(capfd):
    with progress("Reading images", total=3, patience=0.05) as advance:
        advance()
        time.sleep(0.3)
    assert capfd.readouterr().err == "Reading images … 1 of 3\n"


@pytest.mark.parametrize("total", [3, None])
def test_no_plain_line_is_said_twice(capfd, monkeypatch, total):
    monkeypatch.setattr("dae_lab.progress.INTERVAL", 0.05)
    with progress("Looking at codes", total=total, patience=0.01):
        time.sleep(0.4)
    assert capfd.readouterr().err == f"Looking at codes …{' 0 of 3' * (total == 3)}\n"


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="needs a pseudo-terminal")
@pytest.mark.parametrize("total", [3, None])
def test_a_bar_on_a_terminal(monkeypatch, total):
    master, slave = os.openpty()
    monkeypatch.setenv("TERM", "xterm")
    with os.fdopen(slave, "w") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        with progress("Reading images", total=total, patience=0.05) as advance:
            advance()
            time.sleep(0.4)
        shown = os.read(master, 100_000).decode(errors="replace")
    os.close(master)
    assert "Reading images" in shown
    assert "━" in shown
    assert ("1 of 3" in shown) == (total == 3)


def test_an_error_in_the_block_ends_the_display():
    before = threading.active_count()
    with pytest.raises(KeyError), progress("Reading images", patience=0.01):
        raise KeyError
    assert threading.active_count() <= before
