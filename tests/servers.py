"""Real MLflow servers for tests, that can be killed, stopped and started again; and a real PostgreSQL."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from mlflow.tracking import MlflowClient


def until(condition: Callable[[], object], what: str, seconds: float = 120) -> None:
    """Wait for ``condition``."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not within {seconds} s"
        time.sleep(0.05)


class Server:
    """``mlflow server`` on a loopback port of its own; its database and artifacts outlive it."""

    def __init__(self, folder: Path, backend: str = "") -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.uri = f"http://127.0.0.1:{self.port}"
        self.folder, self.backend = folder, backend or f"sqlite:///{folder}/server.db"
        self.process: subprocess.Popen | None = None

    def start(self) -> None:
        """Start it; returns when it answers."""
        command = [sys.executable, "-m", "mlflow", "server", "--workers", "1", "--port", str(self.port)]
        places = ["--backend-store-uri", self.backend, "--artifacts-destination", f"{self.folder}/artifacts"]
        environment = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # a dozen processes that nobody here needs
        }
        with (self.folder / "server.log").open("a") as log:
            self.process = subprocess.Popen(
                [*command, *places], env=environment, stdout=log, stderr=log, start_new_session=True
            )
        until(self.answers, "mlflow server")

    def answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, (self.folder / "server.log").read_text()[-2000:]
        try:
            urllib.request.urlopen(f"{self.uri}/health", timeout=1).close()
        except OSError:
            return False
        return True

    def send(self, number: signal.Signals) -> None:
        """SIGSTOP: it hangs; SIGCONT: it goes on."""
        if self.process is not None:
            os.killpg(self.process.pid, number)

    def kill(self) -> None:
        """From now on it refuses connections."""
        if self.process is not None:
            self.send(signal.SIGKILL)
            self.process.wait(10)
            self.process = None

    def client(self) -> MlflowClient:
        return MlflowClient(self.uri)


def postgresql_programs() -> Path | None:
    """The folder of PostgreSQL's programs, as Debian lays them out or on the path."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    chosen = found[-1] if found else shutil.which("initdb")
    return Path(chosen).parent if chosen else None


class PostgreSQL:
    """A database cluster in a folder of its own, reached by a socket in it and by nothing else."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self.programs, self.folder = programs, folder
        self.uri = f"postgresql+psycopg2://tests@/postgres?host={folder}"
        self._run("initdb", "--auth=trust", "--username=tests", "--no-sync", "-D", f"{folder}/data")

    def start(self) -> None:
        settings = f"-c listen_addresses='' -c unix_socket_directories={self.folder} -c fsync=off"
        self._run(
            "pg_ctl", "start", "-w", "-D", f"{self.folder}/data", "-l", f"{self.folder}/log", "-o", settings
        )

    def stop(self) -> None:
        self._run("pg_ctl", "stop", "-w", "-m", "immediate", "-D", f"{self.folder}/data")

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self.programs / program), *arguments]
        done = subprocess.run(
            command,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            timeout=120,
            user="postgres" if os.geteuid() == 0 else None,  # it refuses to run as root
        )
        assert done.returncode == 0, command


@contextmanager
def postgresql(programs: Path) -> Iterator[PostgreSQL]:
    """A running database, gone with the block."""
    with tempfile.TemporaryDirectory(prefix="dae_lab-postgresql-") as name:
        folder = Path(name)
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres")
        database = PostgreSQL(programs, folder)
        database.start()
        try:
            yield database
        finally:
            database.stop()
