"""Environment variables that libraries obey, read as those libraries read them. Imports no library.

How TensorFlow 2.21 reads its own was measured: ``tests/test_environment.py`` compares both readings.
"""

import getpass
import logging
import os
import re
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from dae_lab.errors import ConfigError

log = logging.getLogger(__name__)

_OP_LISTS = ("ALLOW", "DENY", "INFER", "CLEAR", "WHITE", "GRAY", "BLACK")

_MIXED_PRECISION = (
    *("LEVEL", "SIMULATE_GPU", "EMULATE_FP16", "IGNORE_PERFORMANCE"),
    *(f"{kind}LIST_{change}" for kind in _OP_LISTS for change in ("ADD", "REMOVE")),
)
"""What TensorFlow's rewriting of graphs in mixed precision is told."""

KERNEL_SETTINGS = (
    # oneDNN and TensorFlow: which instructions, which kernels, which precision inside a kernel
    *("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA", "ONEDNN_CPU_ISA_HINTS", "DNNL_CPU_ISA_HINTS"),
    *("ONEDNN_DEFAULT_FPMATH_MODE", "DNNL_DEFAULT_FPMATH_MODE", "TF_SET_ONEDNN_FPMATH_MODE"),
    *("TF_ENABLE_ZENDNN_OPTS", "TF_ENABLE_ONEDNN_SPMM", "TF_USE_DEEP_CONV2D"),
    *("TF_XLA_FLAGS", "XLA_FLAGS", "TF_JITRT_FLAGS"),
    *(f"TF_AUTO_MIXED_PRECISION_GRAPH_REWRITE_{name}" for name in _MIXED_PRECISION),
    # how work is divided among threads, and which graph is run
    *("TF_ONEDNN_THREADPOOL_USE_CALLER_THREAD", "TF_USE_EIGEN_PARALLEL_FOR_IN_WORK_SHARDER"),
    *("TF_OVERRIDE_GLOBAL_THREADPOOL", "TF_DATA_EXPERIMENT_OPT_IN", "TF_DATA_EXPERIMENT_OPT_OUT"),
    "TF_ENABLE_CONTROL_FLOW_V2",
    # which kernels may answer in another way where there is more than one right answer
    *("TF_ENABLE_MAXPOOL_NANPROP", "TF_DISABLE_JIT_KERNELS", "TF_USE_DETERMINISTIC_SEGMENT_REDUCTIONS"),
    *("TF_DISABLE_SCATTER_OP_DETERMINISM", "TF_DISABLE_SEGMENT_REDUCTION_OP_DETERMINISM_EXCEPTIONS"),
    # the same of a GPU
    *("NVIDIA_TF32_OVERRIDE", "CUBLAS_WORKSPACE_CONFIG", "TF_USE_CUBLASLT", "TF_MATMUL_AUTOTUNE_ENABLE"),
    *(
        "TF_DETERMINISTIC_OPS",
        "TF_CUDNN_DETERMINISTIC",
        "TF_CUDNN_USE_AUTOTUNE",
        "TF_CUDNN_USE_RUNTIME_FUSION",
    ),
    *("TF_ENABLE_WINOGRAD_NONFUSED", "TF_USE_CUDNN_BATCHNORM_SPATIAL_PERSISTENT", "TF_USE_DEFAULT_CONV_ALGO"),
    *("TF_FP16_CONV_USE_FP32_COMPUTE", "TF_FP16_MATMUL_USE_FP32_COMPUTE", "TF_CONV2D_USE_FP16_ACCUMULATE"),
    *("TF_CUDNN_DISABLE_CONV_1X1_OPTIMIZATION", "TF_CUDNN_WORKSPACE_LIMIT_IN_MB", "TF_DISABLE_RZ_CHECK"),
    *("TF_CUBLAS_WORKSPACE_LIMIT_IN_MB", "TF_MATMUL_AUTOTUNE_MAX_ALGORITHMS", "TF_AUTOTUNE_THRESHOLD"),
    *("TF_AUTOTUNE_MIN_WARMUP_ITERATIONS", "TF_USE_ROCM_NHWC"),
    # NumPy and its BLAS, which baselines and the geometry of the code are computed with
    *("NPY_DISABLE_CPU_FEATURES", "NPY_ENABLE_CPU_FEATURES", "OPENBLAS_CORETYPE"),
)
"""What changes the last digits or more where it is set, beside ``TF_ENABLE_ONEDNN_OPTS``."""

NO_TRAINING = {
    "TF_ONEDNN_ASSUME_FROZEN_WEIGHTS": "has oneDNN compute with weights as they were at first, so that "
    "training gives wrong numbers",
    "TF_FUNCTION_JIT_COMPILE_DEFAULT": "has XLA compile what it cannot, so that training fails",
}
"""Switches that no training survives, and why. The first turned a test MSE of 0.07 into 0.21."""

MOST_THREADS = 4096
"""TensorFlow starts as many threads as it is told to, and ends the process where the system refuses."""


def kernel_settings() -> dict[str, str]:
    """Those of ``KERNEL_SETTINGS`` that are set, by name; empty in an ordinary environment."""
    return {name: value for name in KERNEL_SETTINGS if (value := os.environ.get(name, "").strip())}


def read_switch(name: str, default: bool) -> bool:
    """A switch as TensorFlow reads it: 0 or false, 1 or true, in any case; anything else is ``default``."""
    value = os.environ.get(name, "").lower()
    return {"0": False, "false": False, "1": True, "true": True}.get(value, default)


def read_number(name: str) -> int:
    """A number as TensorFlow reads it, an int32 in ASCII digits; 0 where it is not set or not readable."""
    value = os.environ.get(name, "").strip()
    number = int(value) if re.fullmatch(r"[+-]?[0-9]+", value, re.ASCII) else 0
    return number if -(2**31) <= number < 2**31 else 0


def check_environment() -> None:
    """Refuse variables that no training survives, and warn, once a process, of those that cannot be read.

    Raises:
        ConfigError: a number of threads that would end TensorFlow, or a switch of ``NO_TRAINING``.
    """
    for name, why in NO_TRAINING.items():
        value = os.environ.get(name, "").strip()
        if value and read_switch(name, default=True):
            raise ConfigError(f"{name}={value} {why}; unset it")
    for name in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
        number, value = read_number(name), os.environ.get(name, "").strip()
        if number > MOST_THREADS or (number < 0 and name == "TF_NUM_INTRAOP_THREADS"):
            raise ConfigError(
                f"{name}={value} would end TensorFlow; set it to a number of threads from 1 to "
                f"{MOST_THREADS:,}, or unset it"
            )
        if value and not number and value.strip("+-0"):
            _warn(f"{name}={value} is no number that TensorFlow reads, so it counts as not set")
    for name in ("KERAS_BACKEND", "KERAS_MAX_EPOCHS", "KERAS_MAX_STEPS_PER_EPOCH"):
        value = os.environ.get(name, "").strip()
        if value not in ("", "tensorflow"):
            _warn(f"{name}={value} is ignored: dae_lab uses Keras with TensorFlow and its default settings")
    value = os.environ.get("TF_ENABLE_ONEDNN_OPTS", "")
    if value.strip() and value.lower() not in ("0", "1", "false", "true"):
        _warn(f"TF_ENABLE_ONEDNN_OPTS={value} is neither 0 nor 1 for TensorFlow, so it counts as not set")


def check_mlflow_logging() -> None:
    """Refuse what MLflow cannot be imported with.

    Raises:
        ConfigError: a level that Python's logging does not know, or a switch that is neither on nor off.
    """
    level = os.environ.get("MLFLOW_LOGGING_LEVEL", "")
    if level and level.upper() not in logging.getLevelNamesMapping():
        raise ConfigError(
            f"MLFLOW_LOGGING_LEVEL={level} is no level of logging; set it to DEBUG, INFO, WARNING "
            f"or ERROR, or unset it"
        )
    switch = os.environ.get("MLFLOW_CONFIGURE_LOGGING")
    if switch is not None and switch.lower() not in ("0", "1", "false", "true"):
        raise ConfigError(f"MLFLOW_CONFIGURE_LOGGING={switch} is neither true nor false; set it, or unset it")


@cache
def _warn(message: str) -> None:
    log.warning("%s", message)


def hides_gpus() -> bool:
    """Whether ``CUDA_VISIBLE_DEVICES`` leaves no GPU: CUDA's list ends at the first name it does not know."""
    first = os.environ.get("CUDA_VISIBLE_DEVICES", "0").partition(",")[0].strip()
    return not (first.isdigit() or first.startswith(("GPU-", "MIG-")))


@contextmanager
def environment(values: dict[str, str], unset: Iterable[str] = ()) -> Iterator[None]:
    """Set some variables and unset others inside the block, for what a library reads when it is imported."""
    names = {*values, *unset}
    before = {name: os.environ[name] for name in names if name in os.environ}
    for name in names:
        os.environ.pop(name, None)
    os.environ |= values
    try:
        yield
    finally:
        for name in names:
            os.environ.pop(name, None)
        os.environ |= before


def unset_blank(*names: str) -> None:
    """Unset those variables that are empty or blank, as most programs take them."""
    for name in names:
        if not os.environ.get(name, "set").strip():
            del os.environ[name]


def user_name() -> str:
    """The user's name; where the system knows none, as in a container with ``--user 12345``, their number."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return str(os.getuid()) if hasattr(os, "getuid") else "unknown"


def provide_home() -> None:
    """Set ``HOME`` to a folder for temporary files where the system knows no home folder of the user.

    MLflow cannot be imported without one. No other user may write to the folder.
    """
    if os.path.expanduser("~") != "~":
        return
    home = Path(tempfile.gettempdir(), f"dae_lab-{user_name()}")
    home.mkdir(mode=0o700, exist_ok=True)
    if hasattr(os, "getuid") and home.stat().st_uid != os.getuid():  # another user has made it
        home = Path(tempfile.mkdtemp(prefix="dae_lab-"))
    os.environ["HOME"] = str(home)
    print(f"this user has no home folder: {home} takes its place, for caches", file=sys.stderr)
