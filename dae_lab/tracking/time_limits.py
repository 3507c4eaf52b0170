"""Time limits for whole calls to a server.

The time limits of HTTP libraries count from one byte to the next, so a server that sends a byte now and then
holds up its client for ever.
"""

from collections.abc import Callable
from pathlib import Path
from threading import Thread
from typing import Any, TypeVar

import requests

from dae_lab.tracking.gateway import request_timeout

T = TypeVar("T")

MIN_TRANSFER_RATE = 20_000
"""Bytes a second: a transfer of files that is slower is given up, and tried again later."""

MAX_DOWNLOAD = 200_000_000
"""Bytes that a download is allowed for, whose size is not known beforehand."""


def run_within(seconds: float, act: Callable[[], T]) -> T:
    """Return what ``act`` returns, if it does so within ``seconds``.

    It runs in a thread of its own; what it does after the time limit is dropped.

    Raises:
        requests.Timeout: it takes longer.
    """
    answer: list[T] = []
    errors: list[BaseException] = []

    def work() -> None:
        try:
            answer.append(act())
        except BaseException as error:  # it is raised by the thread that waits
            errors.append(error)

    thread = Thread(target=work, daemon=True)
    thread.start()
    thread.join(seconds)
    if errors:
        raise errors[0]
    if not answer:
        raise requests.Timeout(f"no whole answer within {seconds:g} s")
    return answer[0]


def call_within_limit(method: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    """Call a method of MLflow's client within ``time_limit``; a guard of the gateway."""
    return run_within(time_limit(method.__name__, args), lambda: method(*args, **kwargs))


def time_limit(call: str, args: tuple[Any, ...]) -> float:
    """Return how many seconds a call may take: two of MLflow's own limits, and more to transfer files.

    Args:
        call: the name of the method of MLflow's client.
        args: its arguments; the second is the file or folder that is uploaded.
    """
    return 2 * request_timeout() + _transferred_bytes(call, args) / MIN_TRANSFER_RATE


def _transferred_bytes(call: str, args: tuple[Any, ...]) -> int:
    if call == "download_artifacts":
        return MAX_DOWNLOAD
    if "artifact" not in call or len(args) < 2 or not Path(str(args[1])).exists():
        return 0
    place = Path(str(args[1]))
    return sum(file.stat().st_size for file in [place, *place.rglob("*")] if file.is_file())
