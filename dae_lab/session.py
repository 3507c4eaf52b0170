"""What lives as long as a process of this program: streams, answers to signals, whether a run failed."""

import sys
from types import TracebackType
from typing import Self

from dae_lab.process import StopSignals, prepare_streams


class Session:
    """Made and closed by the command or by a worker, and handed down to what needs it.

    Inside ``with`` the standard streams can be written whatever they are; after it they are as before, and
    so are the answers to signals.

    Attributes:
        signals: answers to the signals that stop the process.
        failed: whether any run that was asked for has failed.
    """

    def __init__(self) -> None:
        self.signals = StopSignals()
        self.failed = False

    def __enter__(self) -> Self:
        self._streams = sys.stdout, sys.stderr
        prepare_streams()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.signals.release()
        sys.stdout, sys.stderr = self._streams
