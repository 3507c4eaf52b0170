"""Commands as they are printed: they do what is said when they are pasted into a shell, in any folder."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

PLAIN = re.compile(r"[/\w.+-]*[/A-Za-z_][/\w.+-]*", re.ASCII)
"""Values that Hydra reads as text without quotes."""

WORDS = ("null", "true", "false", "nan", "inf")
"""Values that Hydra reads as something else than text."""


def format_command(arguments: Sequence[str]) -> str:
    """A command for the shell of this system.

    Args:
        arguments: the program and its arguments, without quotes.
    """
    return subprocess.list2cmdline(arguments) if os.name == "nt" else shlex.join(arguments)


def format_run_command(*arguments: str) -> str:
    """``python -m dae_lab.run`` with ``arguments``, by the Python of this process."""
    return format_module_command("dae_lab.run", *arguments)


def format_module_command(module: str, *arguments: str) -> str:
    """``python -m module`` with ``arguments``, by the Python of this process."""
    return format_command([_python(), "-m", module, *arguments])


def format_code_command(code: str) -> str:
    """``python -c code``, by the Python of this process."""
    return format_command([_python(), "-c", code])


def format_override(key: str, value: str) -> str:
    r"""``key=value`` as Hydra reads it, whatever is in ``value``; not yet quoted for a shell.

    >>> format_override("tracking.dir", "/tmp/runs"), format_override("tracking.dir", "/tmp/my runs, old")
    ('tracking.dir=/tmp/runs', 'tracking.dir="/tmp/my runs, old"')
    """
    if PLAIN.fullmatch(value) and value.lower() not in WORDS:
        return f"{key}={value}"
    quoted = re.sub(r'(\\*)"', r'\1\1\\"', value)  # only before a quote does a backslash need another
    quoted = re.sub(r"(\\+)$", r"\1\1", quoted)
    return f'{key}="{quoted}"'.replace("${", "\\${")


def format_text(value: str) -> str:
    """``value`` as a string of Python code, in double quotes, which need no escaping in a POSIX shell."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def format_install_command(extra: str) -> str:
    """What installs the packages of an extra of dae_lab, as ``optuna``, beside it.

    dae_lab itself may be installed from a checkout, which an installer would not find by its name.
    """
    from importlib.metadata import PackageNotFoundError, requires  # here, as --help does not need it

    try:
        declared = requires("dae-lab") or []
    except PackageNotFoundError:
        declared = []
    marked = [item.split(";") for item in declared if re.search(rf"extra == ['\"]{extra}['\"]", item)]
    packages = [package.strip() for package, *_ in marked] or [extra]
    if find_spec("pip"):
        return format_module_command("pip", "install", *packages)
    return format_command(["uv", "pip", "install", "--python", _python(), *packages])


def format_activation() -> str:
    """What makes ``python`` the Python of this process; empty where it is already, or cannot be."""
    python, scripts = Path(_python()), Path(sys.prefix, "Scripts" if os.name == "nt" else "bin")
    if Path(shutil.which("python") or "").parent == python.parent or not (scripts / "activate").is_file():
        return ""
    return format_command([*([] if os.name == "nt" else ["source"]), str(scripts / "activate")])


def _python() -> str:
    return sys.executable or "python"
