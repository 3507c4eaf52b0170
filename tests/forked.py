"""The command in a real process of its own, forked from one that has imported what it needs."""

import atexit
import os
import runpy
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import chdir
from multiprocessing import forkserver, get_context
from multiprocessing.connection import Connection
from pathlib import Path

FORKS = get_context("forkserver")
FORKS.set_forkserver_preload(["preloaded"])


class Forked:
    """Start it; like ``subprocess.Popen`` with pipes of text.

    Importing is two thirds of a small run. A process with an environment of its own cannot be had this way:
    libraries read theirs when they are imported.
    """

    def __init__(self, *arguments: str) -> None:
        (out, theirs), (err, their_err) = FORKS.Pipe(duplex=False), FORKS.Pipe(duplex=False)
        with chdir(Path(__file__).parent):  # where it finds what it is to import
            forkserver.ensure_running()
        self._process = FORKS.Process(target=_become, args=(arguments, {**os.environ}, theirs, their_err))
        self._process.start()
        theirs.close()
        their_err.close()
        self.pid: int = self._process.pid
        self.stdout, self.stderr = (os.fdopen(os.dup(end.fileno()), errors="replace") for end in (out, err))

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def poll(self) -> int | None:
        return self.returncode

    def wait(self, timeout: float | None = None) -> int | None:
        self._process.join(timeout)
        return self.returncode

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """What is left of its output and errors, once it has ended; a command that takes longer is killed."""
        with self.stdout, self.stderr, ThreadPoolExecutor() as pool:
            try:
                streams = (self.stdout, self.stderr)
                output, errors = pool.map(lambda stream: stream.read(), streams, timeout=timeout)
            except TimeoutError:
                os.killpg(self.pid, signal.SIGKILL)
                raise
        self.wait(timeout)
        return output, errors

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def _become(arguments: tuple[str, ...], environment: dict[str, str], *streams: Connection) -> None:
    """Be ``python -m dae_lab.run``, in a session of its own and deaf to no signal."""
    os.setsid()
    for number, stream in enumerate(streams, start=1):
        os.dup2(stream.fileno(), number)
    sys.stdout = os.fdopen(1, "w", closefd=False)
    sys.stderr = os.fdopen(2, "w", buffering=1, closefd=False)
    os.environ.clear()
    os.environ |= environment
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    sys.argv = ["run.py", *arguments]
    try:
        runpy.run_module("dae_lab.run", run_name="__main__", alter_sys=True)
    finally:
        atexit._run_exitfuncs()  # as at the end of any process; a fork leaves them out
