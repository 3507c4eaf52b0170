"""Private names of libraries that dae_lab cannot do without.

Each says why, and with which version it was checked; ``tests/test_compat.py`` fails when one is gone.
"""

from typing import Any


def disable_op_determinism() -> None:
    """Let TensorFlow take kernels that are not deterministic, after ``enable_op_determinism``.

    TensorFlow 2.21 has a public function to switch determinism on, and none to switch it off, which a process
    needs that trains several runs.
    """
    from tensorflow.python.framework import config

    config.disable_op_determinism()


def uses_onednn() -> bool:
    """Whether TensorFlow, which is imported, computes with oneDNN's kernels.

    TensorFlow 2.21 says so in no public name, and the environment may have changed since its import.
    """
    from tensorflow.python.util import _pywrap_util_port

    return bool(_pywrap_util_port.IsMklEnabled())


def parse_profile(content: bytes) -> Any:
    """The message ``XSpace`` of a profile that ``tf.profiler.experimental`` wrote, an ``.xplane.pb`` file.

    TensorFlow 2.21 carries the message's class, and no public reader; TensorBoard's plugin would be another
    package.
    """
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    return xplane_pb2.XSpace.FromString(content)
