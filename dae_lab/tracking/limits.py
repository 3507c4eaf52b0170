"""MLflow's client of a server, none of whose answers is waited for without end."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from threading import Thread, local
from types import MethodType
from typing import Any, TypeVar

import requests
from mlflow.environment_variables import MLFLOW_HTTP_REQUEST_TIMEOUT
from mlflow.tracking import MlflowClient

T = TypeVar("T")

SLOWEST = 20_000
"""Bytes a second: files that are sent or fetched more slowly are sent or fetched later."""

LARGEST = 200_000_000
"""Bytes that are allowed for where it is not known how large files are."""

_limited = local()


def within(seconds: float, act: Callable[[], T]) -> T:
    """What ``act`` gives, if it does so within ``seconds``; what it goes on to do after that is lost.

    The time limits of HTTP libraries count from one byte to the next, so a server that sends a byte now and
    then holds up its client for ever.

    Raises:
        requests.Timeout: it does not.
    """
    answer: list[T] = []
    errors: list[BaseException] = []

    def work() -> None:
        _limited.here = True
        try:
            answer.append(act())
        except BaseException as error:  # it is raised where the answer is waited for
            errors.append(error)

    thread = Thread(target=work, daemon=True)
    thread.start()
    thread.join(seconds)
    if errors:
        raise errors[0]
    if not answer:
        raise requests.Timeout(f"no whole answer within {seconds:g} s")
    return answer[0]


class ServerClient(MlflowClient):
    """MLflow's client, whose calls end: after two of MLflow's time limits, and more where files are sent."""

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        if name.startswith("_") or not isinstance(found, MethodType) or getattr(_limited, "here", False):
            return found

        @wraps(found)
        def limited(*args: Any, **kwargs: Any) -> Any:
            seconds = 2 * MLFLOW_HTTP_REQUEST_TIMEOUT.get() + _bytes(name, args) / SLOWEST
            return within(seconds, lambda: found(*args, **kwargs))

        return limited


def _bytes(call: str, args: tuple[Any, ...]) -> int:
    """The size of the files that a call sends; ``LARGEST`` where it fetches some."""
    if call == "download_artifacts":
        return LARGEST
    if "artifact" not in call or len(args) < 2 or not Path(str(args[1])).exists():
        return 0
    place = Path(str(args[1]))
    return sum(file.stat().st_size for file in [place, *place.rglob("*")] if file.is_file())
