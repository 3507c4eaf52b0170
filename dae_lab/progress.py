"""A display for what takes long, silent about what does not."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import TextIO

PATIENCE = 2.0  # seconds without a display
INTERVAL = 10.0  # seconds between plain lines, where standard error is no terminal


@contextmanager
def progress(
    label: str, total: int | None = None, patience: float = PATIENCE, stream: TextIO | None = None
) -> Iterator[Callable[[], None]]:
    """Show on standard error how far the block is, once it has run for ``patience`` seconds.

    Args:
        label: what is going on, as ``Reading images``.
        total: number of steps; None where it is not known, then the time is shown.
        patience: seconds.
        stream: where to show it, if not on standard error.

    Yields:
        A function to call after every step.
    """
    done, over = [0], Event()

    def advance() -> None:
        done[0] += 1

    thread = Thread(
        target=_show, args=(label, total, done, over, patience, stream or sys.stderr), daemon=True
    )
    thread.start()
    try:
        yield advance
    finally:
        over.set()
        thread.join()


def _show(
    label: str, total: int | None, done: list[int], over: Event, patience: float, stream: TextIO
) -> None:
    if over.wait(patience):
        return
    if stream.isatty():
        _show_bar(label, total, done, over, stream)
    else:
        _show_lines(label, total, done, over, stream)


def _show_lines(label: str, total: int | None, done: list[int], over: Event, stream: TextIO) -> None:
    said = ""
    while True:
        state = "" if total is None else f" {done[0]:,} of {total:,}"
        if said != (said := f"{label} …{state}"):  # a line that says nothing new is not repeated
            print(said, file=stream, flush=True)
        if over.wait(INTERVAL):
            return


def _show_bar(label: str, total: int | None, done: list[int], over: Event, stream: TextIO) -> None:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = [TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn()]
    if total is not None:
        columns.insert(2, TextColumn("{task.completed:,} of {task.total:,}"))
    with Progress(*columns, console=Console(file=stream), transient=True) as bar:
        task = bar.add_task(label, total=total)
        while not over.wait(0.1):
            bar.update(task, completed=done[0])
