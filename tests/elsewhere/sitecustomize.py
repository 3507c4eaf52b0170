"""Makes Python like that of another system: without what only Linux has, and with what Windows forbids.

Python imports it at its start, in every process, where this folder is on PYTHONPATH. What libraries use that
tell systems apart by ``sys.platform`` is left.
"""

import os
import signal
import sys
import warnings

for module, names in {
    signal: ("SIGHUP", "SIGKILL", "SIGPIPE", "SIGUSR1", "SIGUSR2", "SIGALRM", "pthread_sigmask"),
    os: ("sched_getaffinity", "killpg", "setsid", "getloadavg"),
}.items():
    for name in names:
        delattr(module, name)

warnings.filterwarnings("error", category=EncodingWarning, module=r"dae_lab\b")


def is_open(path: str) -> bool:
    """Whether this process has the file open."""
    for number in os.listdir("/proc/self/fd"):
        try:
            if os.readlink(f"/proc/self/fd/{number}") == path:
                return True
        except OSError:
            continue
    return False


def forbid(event: str, arguments: tuple) -> None:
    """Fail as the system would: no /proc, no file names with ``:``, no moving or deleting of open files."""
    if event not in ("open", "os.rename", "os.remove"):
        return
    paths = [os.fsdecode(path) for path in arguments[:2] if isinstance(path, str | bytes | os.PathLike)]
    for path in map(os.path.realpath, paths if event == "os.rename" else paths[:1]):
        if event == "open" and path.startswith("/proc/") and not path.startswith(f"/proc/{os.getpid()}/"):
            raise FileNotFoundError(2, "No such file or directory", path)
        if event == "open" and set(':*?"<>|') & set(path):
            raise OSError(22, "Invalid argument", path)
        if event != "open" and not path.startswith("/dev/") and is_open(path):
            raise PermissionError(13, "The file is being used by another process", path)


sys.addaudithook(forbid)
