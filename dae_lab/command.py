"""The command: hands the command line to Hydra, says what went wrong, gives the exit code."""

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import hydra

from dae_lab.arguments import arrange, config_options
from dae_lab.config.error_messages import explain_error
from dae_lab.config.registration import register
from dae_lab.dispatch import Task
from dae_lab.environment import provide_home
from dae_lab.errors import UserError, printable
from dae_lab.help import help_text
from dae_lab.paths import conf_folder
from dae_lab.process import (
    STOP_MESSAGE,
    STOP_SIGNALS,
    Terminated,
    discard_output,
    ignore_stop_signals,
    show_warnings,
)
from dae_lab.session import Session
from dae_lab.startup import spare_collection

BROKEN_PIPE = 128 + 13
"""The exit code of a program that SIGPIPE has ended, which Windows does not have."""


def run_command() -> NoReturn:
    """The command, until the process exits, see ``dae_lab.run.main``."""
    with Session() as session, _errors_are_ours() as wants_traceback:
        try:
            with session.signals.told_from_errors():
                _answer(sys.argv[1:], session)
                sys.stdout.flush()
        except (KeyboardInterrupt, Terminated) as stop:
            _end_stopped(stop.args[0] if stop.args else STOP_SIGNALS[0], session)
        except BrokenPipeError:  # `| head`: nobody reads on
            discard_output()
            sys.exit(BROKEN_PIPE)
        except Exception as error:
            message = str(error) if isinstance(error, UserError) else explain_error(error)
            if isinstance(error, OSError) and error.errno == errno.ENOSPC:  # the record's is a UserError
                message = f"no space is left for {error.filename or 'standard output or a temporary file'}"
                discard_output()
            if wants_traceback or message is None:
                raise
            print(f"error: {printable(message)}", file=sys.stderr)
            sys.exit(1)
    sys.exit(1 if session.failed else 0)


def _end_stopped(number: int, session: Session) -> NoReturn:
    """End the process as one that the signal ``number`` has stopped, and that has closed what was open."""
    session.signals.release()
    ignore_stop_signals()  # a second one would end the process in its own way
    print(STOP_MESSAGE, file=sys.stderr)
    try:
        sys.stdout.flush()
    except OSError:  # the terminal is gone
        discard_output()
    sys.exit(128 + number)


def _answer(typed: list[str], session: Session) -> None:
    """Give help, or do what is asked for."""
    if {"-h", "--help"} & set(typed):
        print(help_text())
        return
    provide_home()
    show_warnings()
    register()
    arguments = arrange(typed)
    spare_collection()
    task = Task(session, config_options(typed))
    command = hydra.main(version_base="1.3", config_path=str(conf_folder()), config_name="config")(task)
    with _command_line(arguments):
        command()


@contextmanager
def _command_line(arguments: list[str]) -> Iterator[None]:
    """Have Hydra read these arguments: it takes them from ``sys.argv``, and there is no other way in."""
    before = sys.argv
    sys.argv = [*before[:1], *arguments]
    try:
        yield
    finally:
        sys.argv = before


@contextmanager
def _errors_are_ours() -> Iterator[bool]:
    """Have Hydra hand its errors to us instead of printing them; gives whether a person wants tracebacks."""
    before = os.environ.get("HYDRA_FULL_ERROR")
    os.environ["HYDRA_FULL_ERROR"] = "1"
    try:
        yield before == "1"  # as Hydra reads it
    finally:
        if before is None:
            del os.environ["HYDRA_FULL_ERROR"]
        else:
            os.environ["HYDRA_FULL_ERROR"] = before
