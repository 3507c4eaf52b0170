"""What a process does before it works: imports TensorFlow quietly, and keeps the garbage collector away."""

import atexit
import gc
import logging
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dae_lab.process import Unfailing
from dae_lab.progress import progress

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


def _same_terminal() -> Unfailing:
    """Standard error once more, which stays when file descriptor 2 is turned away."""
    encoding = getattr(sys.stderr, "encoding", None) or "utf-8"
    return Unfailing(os.fdopen(os.dup(2), "wb"), encoding, "replace")


def import_tensorflow() -> None:
    """Import TensorFlow without its start-up chatter; what it says is shown only if the import fails.

    The lines come from C++ before any logging can be set, so file descriptor 2 itself is turned away.
    """
    if "tensorflow" in sys.modules:
        if "TF_ENABLE_ONEDNN_OPTS" not in os.environ:
            log.warning(
                "TensorFlow was imported before dae_lab could choose its kernels, so numbers may differ from "
                "the command's in their last digits; set TF_ENABLE_ONEDNN_OPTS=1 before you import it"
            )
        return
    os.environ |= {name: value for name, value in SETTINGS.items() if name not in os.environ}
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
    if Path("/dev/nvidia0").exists() and not tensorflow.config.list_physical_devices("GPU"):
        log.warning("this machine has an NVIDIA GPU that TensorFlow cannot use: training on the CPU")
