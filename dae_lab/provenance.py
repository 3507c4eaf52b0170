"""The provenance of a result: the code, the packages, the machine."""

import hashlib
import os
import platform
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from functools import cache
from importlib.metadata import distributions
from pathlib import Path

from dae_lab import compat
from dae_lab.addresses import without_secrets
from dae_lab.environment import kernel_settings, read_number, read_switch
from dae_lab.meaning import meaning
from dae_lab.snapshot import sources

PACKAGE = Path(__file__).resolve().parent

RESULT_ROOMS = (
    *(
        "baselines",
        "blas.py",
        "collapse.py",
        "config",
        "data",
        "evaluation",
        "losses.py",
        "metrics.py",
        "model",
    ),
    *("noise.py", "optimizers.py", "parts", "pixels.py", "schedules.py", "scoring.py", "seeds.py"),
    "training",
)
"""The rooms of the package that can change a number."""

SECRET_NAMES = (
    *(".env*", "*.env", "*.pem", "*.key", "*.p12", "*.pfx", "*.jks", "*.kdbx", "id_*", "*secret*"),
    *("*credential*", "*password*", ".netrc", "_netrc", ".pgpass", ".npmrc", ".pypirc", ".htpasswd"),
)
"""Names, in lower case, of files and folders that may hold secrets: no record takes what is in them."""

GIT_PLACES = (
    *("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY", "GIT_PREFIX"),
    *("GIT_NAMESPACE", "GIT_EXTERNAL_DIFF", "GIT_DIFF_OPTS"),
)
"""Variables that have git look elsewhere, as those of a hook do, or answer in another form."""

RESULT_PACKAGES = ("keras", "numpy", "scikit-image", "scikit-learn", "scipy", "tensorflow")


@cache
def packages() -> dict[str, str]:
    """Name and version of every installed package, sorted; read once in a process."""
    return _installed()


def _installed() -> dict[str, str]:
    return dict(sorted((item.name.lower(), item.version) for item in distributions()))


def replaced_packages() -> list[str]:
    """The packages that compute and have another version than when ``packages`` was first called.

    They are imported when they are needed, so they may not be those of the fingerprint.
    """
    now = _installed()
    return [name for name in RESULT_PACKAGES if now.get(name) != packages().get(name)]


@cache
def code_fingerprint(rooms: tuple[str, ...] = RESULT_ROOMS) -> str:
    """SHA-256 over the meaning of the source of ``rooms``, and over what it computes with.

    Comments, docstrings, formatting and the texts of messages do not count, see ``dae_lab.meaning``. The
    source is the one that this process runs, see ``dae_lab.snapshot``. The versions of ``RESULT_PACKAGES``
    count, and the settings of the environment that numbers depend on.
    """
    digest = hashlib.sha256(source_meaning(rooms))
    installed = packages()
    for name in RESULT_PACKAGES:
        digest.update(f"{name}=={installed.get(name)}\n".encode())
    if not onednn():
        digest.update(b"without oneDNN's kernels\n")
    for name, value in kernel_settings().items():
        digest.update(f"{name}={value}\n".encode())
    return digest.hexdigest()


def source_meaning(rooms: Sequence[str]) -> bytes:
    """The names and meanings of all Python files of ``rooms``, as this process runs them."""
    files = sorted(sources(PACKAGE).items())
    return b"".join(
        f"{file}\n".encode() + meaning(content)
        for room in rooms
        for file, content in files
        if file.is_relative_to(room)
    )


def onednn() -> bool:
    """Whether TensorFlow takes oneDNN's kernels, which round differently: yes, unless a person said no.

    Once TensorFlow is imported it is asked itself: the environment may have changed since.
    """
    if sys.modules.get("tensorflow") is not None:
        return compat.uses_onednn()
    return read_switch("TF_ENABLE_ONEDNN_OPTS", default=True)


def git() -> dict[str, str]:
    """``commit``, ``branch`` and ``diff`` (uncommitted changes) of the checkout; empty away from one.

    Of files that git ignores, or that are named as those of ``SECRET_NAMES``, the diff has at most the name;
    of addresses, ``http://user:password@host``, it has no user, password or token.
    """
    if _git("rev-parse", "--show-toplevel") != str(PACKAGE.parent):
        return {}
    return {
        "commit": _git("rev-parse", "HEAD"),
        "branch": _git("rev-parse", "--abbrev-ref", "HEAD"),
        "diff": without_secrets("\n".join([*_changed(), *_untracked()]).strip(), "…@"),
    }


def _changed() -> Iterator[str]:
    """The changes of files that git knows; of those that may hold secrets the names."""
    ignored = _names("ls-files", "--cached", "--ignored", "--exclude-standard", "--full-name", ":/")
    left_out = [
        name
        for name in _names("diff", "HEAD", "--name-only", "--no-renames")
        if name in ignored or _may_hold_secrets(name)
    ]
    yield _git("diff", "HEAD", "--", ":/", *(f":(top,exclude,literal){name}" for name in left_out))
    yield from (f"changed, and left out: {name}" for name in left_out)


def _may_hold_secrets(name: str) -> bool:
    parts = name.lower().split("/")
    return any(fnmatchcase(part, pattern) for part in parts for pattern in SECRET_NAMES)


def _names(*arguments: str) -> list[str]:
    """The names of files that git lists, whatever characters are in them."""
    return [name for name in _git(*arguments[:1], "-z", *arguments[1:]).split("\0") if name]


def _untracked() -> Iterator[str]:
    """Files git does not know yet, such as a preset just written: their names, and small ones whole."""
    folders = [f":(top){name}" for name in (PACKAGE.name, "conf")]
    for name in _names("ls-files", "--others", "--exclude-standard", "--full-name", "--", *folders):
        if _may_hold_secrets(name):
            yield f"untracked, and left out: {name}"
            continue
        file = PACKAGE.parent / name
        is_plain = file.is_file() and not file.is_symlink()  # a link may lead to anything
        yield f"untracked: {name}\n{_small_text(file) if is_plain else ''}"


def config_text(files: Iterable[Path]) -> str:
    """The names and contents of config files outside the package.

    Of files that git ignores, or that are named as those of ``SECRET_NAMES``, it has the name alone.
    """
    return "\n".join(
        f"config file, and left out: {file}"
        if _may_hold_secrets(file.as_posix())
        or _may_hold_secrets(file.resolve().as_posix())
        or _ignored(file)
        else f"config file: {file}\n{_small_text(file)}"
        for file in files
    )


def _ignored(file: Path) -> bool:
    """Whether git ignores the file, in whatever repository it is."""
    return bool(_git("check-ignore", "--no-index", "--", str(file), folder=file.parent))


def _small_text(file: Path) -> str:
    """The content of a file of less than 50 kB, without passwords in addresses; of a larger one nothing."""
    try:
        text = file.read_text(encoding="utf-8", errors="replace") if file.stat().st_size < 50_000 else ""
    except OSError:
        return ""
    return without_secrets(text) if file.suffix == ".yaml" else text


def _git(*arguments: str, folder: Path | None = None) -> str:
    """The output of a git command about the checkout of this package, whatever the user's git settings are.

    Git refuses a folder of another user, as a container sees a mounted one; but its code runs here already.
    """
    if arguments[0] == "diff":
        arguments = ("diff", "--no-ext-diff", "--no-textconv", *arguments[1:])
    settings = ("-c", f"safe.directory={PACKAGE.parent}", "-c", "color.ui=false")
    variables = {name: value for name, value in os.environ.items() if name not in GIT_PLACES}
    try:
        done = subprocess.run(
            ["git", *settings, "-C", str(folder or PACKAGE), *arguments],
            env=variables,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=20,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()


def _cpuinfo(file: Path = Path("/proc/cpuinfo")) -> str:
    """What Linux says of the processor; empty on other systems, and where it may not be read."""
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def cpu() -> str:
    """The processor's name and how many of its cores this process may use."""
    name = platform.processor() or platform.machine()
    models = [line.split(":", 1)[1].strip() for line in _cpuinfo().splitlines() if "model name" in line]
    name = models[0] if models else name
    return f"{name}, {cores()} cores"


def instructions(info: Path = Path("/proc/cpuinfo")) -> str:
    """The processor's instructions for vectors and matrices; empty where Linux does not say them."""
    lines = (line.partition(":") for line in _cpuinfo(info).splitlines())
    flags = next((value for key, _, value in lines if key.strip() in ("flags", "Features")), "")
    wanted = ("amx", "asimd", "avx", "bf16", "fma", "i8mm", "sse4", "sve")
    return " ".join(sorted(flag for flag in flags.split() if flag.startswith(wanted)))


@cache
def computes_bfloat16(info: Path = Path("/proc/cpuinfo")) -> bool:
    """Whether the processor multiplies bfloat16 numbers itself; where it does not, float32 is quicker.

    Args:
        info: what Linux says of the processor, which is known of x86; without it the answer is no.
    """
    return bool({"avx512_bf16", "amx_bf16"} & set(_cpuinfo(info).split()))


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def threads() -> int:
    """How many threads one operation of TensorFlow's may take; other numbers of them round differently."""
    if sys.modules.get("tensorflow") is not None:
        import tensorflow as tf

        if chosen := tf.config.threading.get_intra_op_parallelism_threads():
            return int(chosen)
    return read_number("TF_NUM_INTRAOP_THREADS") or cores()


def gpus() -> str:
    """The names of the GPUs TensorFlow sees, or ``none``."""
    import tensorflow as tf  # here, because the rest of this room is needed before TensorFlow

    devices = tf.config.list_physical_devices("GPU")
    names = [
        tf.config.experimental.get_device_details(item).get("device_name", item.name) for item in devices
    ]
    return ", ".join(names) or "none"


def machine() -> dict[str, str]:
    """The properties of this machine and process that can change the last digits of a run, by name."""
    return {
        "cpu": cpu(),
        "instructions": instructions() or "unknown",
        "gpu": gpus(),
        "threads": str(threads()),
        "onednn": str(onednn()).lower(),
        **kernel_settings(),
    }
