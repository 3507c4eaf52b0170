"""What the command does: compose → validate → hand over. Imports no TensorFlow."""

import errno
import math
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import hydra
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from dae_lab.arguments import arrange
from dae_lab.config.explain import explain
from dae_lab.config.outside import outside_files
from dae_lab.config.overrides import given_overrides
from dae_lab.config.places import register
from dae_lab.config.validate import validate
from dae_lab.environment import provide_home
from dae_lab.errors import TrainingError, UserError, printable
from dae_lab.help import help_text
from dae_lab.paths import conf_folder
from dae_lab.process import (
    STOPPED,
    STOPS,
    Terminated,
    catch_signals,
    drop_output,
    exit_on_signals,
    ignore_signals,
    prepare_streams,
    show_warnings,
    stop_signal,
)
from dae_lab.progress import progress
from dae_lab.startup import spare_collection
from dae_lab.sweep.launcher import Engine

BROKEN_PIPE = 128 + 13
"""The exit code of a program that SIGPIPE has ended, which Windows does not have."""

failures: list[UserError] = []
"""What went wrong in the jobs of this process."""


@hydra.main(version_base="1.3", config_path=str(conf_folder()), config_name="config")
def task(cfg: DictConfig) -> float:
    """Run one config; gives the value of ``sweep.metric``, which a sweeper may search by."""
    chosen = HydraConfig.get()
    overrides, preset = given_overrides(), chosen.runtime.choices.get("experiment") or "none"
    try:
        config = validate(cfg)
        given = [*chosen.overrides.hydra, *overrides]
        files = outside_files(GlobalHydra.instance().config_loader(), chosen, given)
        with progress("Loading"):  # here, so that --help and a mistyped key do not wait for it
            from dae_lab.actions import act
        catch_signals(*STOPS)  # from here on there is something to close
        return act(config, cfg, overrides, preset, files)
    except UserError as error:  # said here, in one sentence; the other jobs of a sweep go on
        if isinstance(error, TrainingError) and error.result:  # it was judged all the same
            from dae_lab.summary import show

            show(error.result)
        print(f"error: {printable(str(error))}", file=sys.stderr)
        failures.append(error)
        return math.inf


def run_command() -> None:
    """The command, until the process exits, see ``dae_lab.run.main``."""
    prepare_streams()
    failures.clear()
    with _errors_are_ours() as wants_traceback:
        try:
            try:
                _answer()
            finally:
                failed = Engine.current is not None and Engine.current.sum_up()
            sys.stdout.flush()
        except (KeyboardInterrupt, Terminated) as stop:
            _end_stopped(stop.args[0] if stop.args else STOPS[0])
        except Exception as error:
            if stop_signal():  # a library turned the stop into an error, or the terminal is gone
                _end_stopped(stop_signal())
            if isinstance(error, BrokenPipeError):  # `| head`: nobody reads on
                drop_output()
                sys.exit(BROKEN_PIPE)
            message = str(error) if isinstance(error, UserError) else explain(error)
            if isinstance(error, OSError) and error.errno == errno.ENOSPC:  # the record's is a UserError
                message = f"no space is left for {error.filename or 'standard output or a temporary file'}"
                drop_output()
            if wants_traceback or message is None:
                raise
            print(f"error: {printable(message)}", file=sys.stderr)
            sys.exit(1)
    exit_on_signals()  # all is closed
    sys.exit(1 if failures or failed else 0)


def _end_stopped(number: int) -> NoReturn:
    """End the process as one that the signal ``number`` has stopped, and that has closed what was open."""
    ignore_signals()  # a second one would end the process in its own way
    print(STOPPED, file=sys.stderr)
    try:
        sys.stdout.flush()
    except OSError:  # the terminal is gone
        drop_output()
    sys.exit(128 + number)


def _answer() -> None:
    """Give help, or do what is asked for."""
    if {"-h", "--help"} & set(sys.argv[1:]):
        print(help_text())
        return
    provide_home()
    show_warnings()
    register()
    arrange()
    spare_collection()
    task()


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
