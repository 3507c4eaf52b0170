"""What a process does before it works: imports TensorFlow and Keras, and keeps the garbage collector away."""

import atexit
import gc
import logging
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dae_lab.environment import environment, hides_gpus
from dae_lab.errors import ConfigError
from dae_lab.process import BestEffortStream
from dae_lab.progress import progress
from dae_lab.provenance import onednn

log = logging.getLogger(__name__)

SETTINGS = {
    "TF_CPP_MIN_LOG_LEVEL": "3",  # what matters comes as a Python exception
    "TF_ENABLE_ONEDNN_OPTS": "1",  # by itself TensorFlow takes oneDNN's kernels only where there is AVX-512
}
"""What TensorFlow reads from the environment when it is imported, unless a person has set it."""


def spare_collection() -> None:
    """Look for garbage seldom, and not at the end: of many records it took a third of the time to judge."""
    gc.set_threshold(100_000, 20, 20)
    atexit.register(gc.freeze)  # the process ends and frees them all at once


@contextmanager
def hidden(*names: str) -> Iterator[None]:
    """Let packages look as if they were not installed, for imports that would take them along unused.

    Keras does so for its scikit-learn wrappers and its galleries, a third of TensorFlow's import; these are
    then without them for as long as the process lives. All threads are concerned, so let there be no other.
    """
    absent = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(absent))  # type: ignore[arg-type]  # None: an import raises ImportError
    try:
        yield
    finally:
        for name in absent:
            sys.modules.pop(name, None)


def _same_terminal() -> BestEffortStream:
    """Standard error once more, which stays when file descriptor 2 is turned away."""
    encoding = getattr(sys.stderr, "encoding", None) or "utf-8"
    return BestEffortStream(os.fdopen(os.dup(2), "wb"), encoding, "replace")


def import_tensorflow() -> None:
    """Import TensorFlow and Keras, with the settings that dae_lab needs and without start-up messages.

    Keras reads neither ``keras.json`` nor variables of the environment, and writes no file.

    Raises:
        ConfigError: Keras was imported before with other settings, or TensorFlow does not start.
    """
    if "keras" in sys.modules:
        check_keras()
    if "tensorflow" not in sys.modules:
        os.environ["TF_ENABLE_ONEDNN_OPTS"] = str(int(onednn()))
        os.environ |= {name: value for name, value in SETTINGS.items() if not os.environ.get(name)}
        with _keras_defaults():
            _try_flags()
            _import_quietly()
    elif not onednn() and "TF_ENABLE_ONEDNN_OPTS" not in os.environ:
        log.warning(
            "TensorFlow was imported before dae_lab could choose its kernels, so numbers may differ from "
            "the command's in their last digits; set TF_ENABLE_ONEDNN_OPTS=1 before you import it"
        )
    check_keras()


def _import_quietly() -> None:
    """Import TensorFlow; its messages are shown only if the import fails.

    The lines come from C++ before any logging can be set, so file descriptor 2 itself is turned away.
    """
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as chatter, _same_terminal() as terminal:
        os.dup2(chatter.fileno(), 2)
        try:
            with progress("Starting TensorFlow", stream=terminal), hidden("matplotlib", "sklearn"):
                import tensorflow

                tensorflow.config.list_physical_devices()  # looks for a GPU, complains where there is none
        except BaseException:
            chatter.seek(0)
            os.write(kept, chatter.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)
    gc.collect()
    gc.freeze()  # what was imported stays: looking through it took a sixth of a short run
    tensorflow.get_logger().setLevel(logging.ERROR)  # notes on retracing, and on what is being exported
    has_gpu = any(Path("/dev").glob("nvidia[0-9]*")) and not hides_gpus()
    if has_gpu and not tensorflow.config.list_physical_devices("GPU"):
        log.warning("this machine has an NVIDIA GPU that TensorFlow cannot use: training on the CPU")


FLAGS = ("TF_XLA_FLAGS", "XLA_FLAGS", "TF_JITRT_FLAGS")
"""Variables with flags of XLA; an unknown flag ends the process that reads it."""

TRIAL = "import tensorflow as tf; tf.function(abs, jit_compile=True)(tf.constant(1.0))"


def _try_flags() -> None:
    """Raise a ConfigError if another process does not survive the flags in ``FLAGS``."""
    flags = " ".join(f"{name}={value}" for name in FLAGS if (value := os.environ.get(name, "").strip()))
    if not flags:
        return
    done = subprocess.run(
        [sys.executable, "-c", TRIAL], capture_output=True, encoding="utf-8", errors="replace"
    )
    if done.returncode:
        reasons = [line for line in done.stderr.splitlines() if line.strip()]
        fatal = [line for line in reasons if line.startswith("F")] or reasons or ["it says no reason"]
        raise ConfigError(f"{flags}: TensorFlow does not start with this: {fatal[-1].rpartition('] ')[2]}")


KERAS = {
    "backend": "tensorflow",
    "floatx": "float32",
    "dtype_policy": "float32",
    "epsilon": 1e-7,
    "image_data_format": "channels_last",
    "max_epochs": None,
    "max_steps_per_epoch": None,
}
"""Keras's settings that numbers depend on, by their names in ``keras.config``; these are its defaults."""

_keras_home: list[Path] = []
"""The folder that Keras was given for its files when dae_lab imported it; it exists only where it is used."""


@contextmanager
def _keras_defaults() -> Iterator[None]:
    """Have Keras take its defaults if it is imported inside the block, as TensorFlow does."""
    with tempfile.TemporaryDirectory(prefix="dae_lab-keras-") as home:
        if "keras" not in sys.modules:
            _keras_home[:] = [Path(home)]
        unset = ("KERAS_MAX_EPOCHS", "KERAS_MAX_STEPS_PER_EPOCH", "KERAS_NNX_ENABLED", "TF_USE_LEGACY_KERAS")
        with environment({"KERAS_BACKEND": "tensorflow", "KERAS_HOME": home}, unset):
            yield


def check_keras() -> None:
    """Check that Keras has the settings in ``KERAS``, in case it was imported by other code.

    Raises:
        ConfigError: it has not; the message says what to call.
    """
    import keras

    for name, wanted in KERAS.items():
        value = getattr(keras.config, name)()
        value = value.name if name == "dtype_policy" else value
        if value != wanted:
            cure = f"call keras.config.set_{name}({wanted!r}) first"
            if name == "backend":
                cure = "start Python again with KERAS_BACKEND=tensorflow"
            raise ConfigError(f"Keras has {name} {value!r}, and dae_lab needs {wanted!r}: {cure}")


@contextmanager
def keras_downloads(folder: Path) -> Iterator[None]:
    """Have Keras keep the data sets that it downloads inside the block in ``folder``, as far as possible."""
    if not _keras_home:  # other code imported Keras, so it has its own folder
        yield
        return
    home = _keras_home[0]
    home.mkdir(mode=0o700)
    try:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            (home / "datasets").symlink_to(folder.absolute(), target_is_directory=True)
        except OSError:
            log.info("%s cannot be used, so Keras does not keep what it downloads", folder)
        yield
    finally:
        shutil.rmtree(home)
