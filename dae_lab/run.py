"""The one entry: compose → validate → hand over. Imports no TensorFlow.

``python -m dae_lab.run``, or ``dae-lab`` where the package is installed.
"""

import errno
import math
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import hydra
from hydra._internal.utils import get_args_parser
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from dae_lab.config.explain import explain
from dae_lab.config.places import conf_folder, register
from dae_lab.config.validate import validate
from dae_lab.errors import TrainingError, UserError
from dae_lab.help import help_text
from dae_lab.process import STOPS, Terminated, catch_signals, prepare_streams, writes
from dae_lab.progress import progress
from dae_lab.startup import spare_collection
from dae_lab.sweep.launcher import Engine

failures: list[UserError] = []
"""What went wrong in the jobs of this process."""


@hydra.main(version_base="1.3", config_path=str(conf_folder()), config_name="config")
def task(cfg: DictConfig) -> float:
    """Run one config; gives the value of ``sweep.metric``, which a sweeper may search by."""
    chosen = HydraConfig.get()
    overrides, preset = list(chosen.overrides.task), chosen.runtime.choices.get("experiment") or "none"
    try:
        config = validate(cfg)
        with progress("Loading"):  # here, so that --help and a mistyped key do not wait for it
            from dae_lab.actions import act
        return act(config, cfg, overrides, preset)
    except UserError as error:  # said here, in one sentence; the other jobs of a sweep go on
        if isinstance(error, TrainingError) and error.result:  # it was judged all the same
            from dae_lab.summary import show

            show(error.result)
        print(f"error: {error}", file=sys.stderr)
        failures.append(error)
        return math.inf


def main() -> None:
    """The command. Exit code 0: all is well; 1: a mistake or a failure; 130, 143: stopped from outside."""
    prepare_streams()
    if {"-h", "--help"} & set(sys.argv[1:]):
        print(help_text())
        sys.exit(0)
    register()
    _hear_claims()
    _order_arguments()
    catch_signals()
    failures.clear()
    spare_collection()
    with _errors_are_ours() as wants_traceback:
        try:
            try:
                task()
            finally:
                failed = Engine.current is not None and Engine.current.sum_up()
        except (KeyboardInterrupt, Terminated) as stop:
            for number in STOPS:  # another one would end the process in its own way
                signal.signal(number, signal.SIG_IGN)
            print(
                "stopped; the same command goes on from the last checkpoint, if there is one", file=sys.stderr
            )
            sys.exit(128 + (stop.args[0] if stop.args else signal.SIGINT))
        except BrokenPipeError:  # `| head`: nobody reads on
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(128 + signal.SIGPIPE)
        except Exception as error:
            message = str(error) if isinstance(error, UserError) else explain(error)
            if isinstance(error, OSError) and error.errno == errno.ENOSPC and not writes(sys.stdout):
                message = "standard output cannot be written: its disk is full"
            if wants_traceback or message is None:
                raise
            print(f"error: {message}", file=sys.stderr)
            sys.exit(1)
    sys.exit(1 if failures or failed else 0)


def _hear_claims() -> None:
    """``claim=a,b`` asks for runs of its own, as a sweep does: let Hydra take it as one."""
    asked = [text for text in sys.argv[1:] if text.startswith("claim=")]
    if not asked or {"--cfg", "-c", "--info", "-i", "--hydra-help"} & set(sys.argv):
        return
    from dae_lab.claims.study import Study

    Engine.command = Study
    if not {"-m", "--multirun"} & set(sys.argv):
        sys.argv.insert(1, "-m")
    # Hydra first composes what is the same in all runs: of several claims that is none, and a key of a
    # claim is unknown then; unless it is varied as well, over one value
    keys = {place: text.partition("=") for place, text in enumerate(sys.argv) if text.startswith("claim.")}
    for place, (key, _, value) in keys.items():
        sys.argv[place] = f"{key}=choice({value})"


def _order_arguments() -> None:
    """Overrides first, then options: of `loss=bce -m seed=0,1` Hydra would not know `seed=0,1`."""
    options = sys.argv[1:]
    overrides = get_args_parser().parse_intermixed_args(options).overrides
    for override in overrides:
        options.remove(override)
    sys.argv[1:] = [*overrides, *options]


@contextmanager
def _errors_are_ours() -> Iterator[bool]:
    """Have Hydra hand its errors to us instead of printing them; gives whether a person wants tracebacks."""
    wanted = os.environ.get("HYDRA_FULL_ERROR")
    os.environ["HYDRA_FULL_ERROR"] = "1"
    try:
        yield bool(wanted)
    finally:
        if wanted is None:
            del os.environ["HYDRA_FULL_ERROR"]


if __name__ == "__main__":
    main()
