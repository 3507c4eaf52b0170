"""What the command answers to an input in this process, as far as training; and what it touches."""

import io
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any

from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.types import RunMode

from dae_lab import arguments, command
from dae_lab.claims import study
from dae_lab.claims.plan import plan_claim
from dae_lab.config.error_messages import explain_error
from dae_lab.errors import CONTROL, UserError, printable
from dae_lab.paths import PACKAGE, conf_folder
from dae_lab.sweep import sweep
from dae_lab.sweep.compose import Composed, Composer
from dae_lab.sweep.expand import expand
from dae_lab.sweep.plan import check

SECONDS = 20.0
"""Of processor time that an answer may take."""

PROGRAMS = ("os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.system", "subprocess.Popen")
CHANGES = (
    "os.mkdir",
    "os.remove",
    "os.rename",
    "os.rmdir",
    "os.link",
    "os.symlink",
    "os.truncate",
    "os.chmod",
)
OWN = ("git", "-c", f"safe.directory={PACKAGE.parent}")
"""How the command asks for the version of its own code."""
NETWORK = ("socket.connect", "socket.bind", "socket.getaddrinfo", "urllib.Request")


@dataclass
class Answer:
    """Exit code, what was printed, and what was done outside the folder."""

    code: Any
    output: str
    errors: str
    touched: list[str]

    def fault(self) -> str:
        """What is wrong with the answer; empty where it is as it should be."""
        if self.code not in (0, 1, 2):
            return f"exit code {self.code!r}"
        if self.touched:
            return f"touched {self.touched}"
        if "Traceback" in self.errors + self.output:
            return "a traceback"
        if CONTROL.search(self.errors):
            return "control characters"
        said = [line for line in self.errors.splitlines() if "error: " in line]
        if self.code and not said:
            return "no sentence"
        if self.code == 1 and any(len(line) > 2_200 for line in said):  # 2: argparse repeats what was typed
            return "a sentence without end"
        return ""


class _Watch:
    """Notes programs that are started, and files that are changed outside ``folder``."""

    def __init__(self) -> None:
        self.folder = ""
        self.touched: list[str] = []
        sys.addaudithook(self._hear)

    def _hear(self, event: str, details: tuple[Any, ...]) -> None:
        if not self.folder:
            return
        if event == "subprocess.Popen" and tuple(details[1][:3]) == OWN:
            return
        if event in PROGRAMS or event in NETWORK:
            self.touched.append(f"{event} {details!r}")
        elif (
            event == "open" and isinstance(details[0], str | bytes) and details[2] & (os.O_WRONLY | os.O_RDWR)
        ):
            self._note(event, details[0])
        elif event in CHANGES or event.startswith("shutil."):
            self._note(event, details[-1] if event == "os.symlink" else details[0])

    def _note(self, event: str, path: Any) -> None:
        if isinstance(path, str | bytes | os.PathLike):
            place = os.path.realpath(os.fsdecode(path))
            inside = place == self.folder or place.startswith(self.folder + os.sep)
            if not inside and place != os.devnull and "__pycache__" not in place:
                self.touched.append(f"{event} {place}")


WATCH = _Watch()


class _Checked:
    """In place of a sweep: its runs are composed and checked, none is done."""

    jobs, given_up = (), ""

    def __init__(self, runner: Any) -> None:
        pass

    def run(self, composed: Sequence[Composed], first: int) -> list[float]:
        for item in composed[:3]:
            check(item)
        return [0.0] * len(composed)

    def sum_up(self) -> bool:
        return False


class _Asked(_Checked):
    """In place of a study: its claims are asked."""

    def __init__(self, runner: Any, composer: Composer, config_options: Sequence[str]) -> None:
        self.composer = composer

    def run(self, composed: Sequence[Composed], first: int) -> list[float]:
        for item in composed:
            plan_claim(item, self.composer)
        return [0.0] * len(composed)


@contextmanager
def _untrained(patch: Any) -> Iterator[None]:
    """Nothing is trained, planned or pushed: the command ends where all has been composed and checked."""
    from dae_lab import actions

    with patch.context() as patched:
        patched.setattr(sweep, "Sweep", _Checked)
        patched.setattr(study, "Study", _Asked)
        patched.setattr(actions, "act", lambda *given: 0.0)
        patched.setattr(command, "spare_collection", lambda: None)  # it is for a whole process
        yield


def answer(given: Sequence[str], folder: Path, patch: Any) -> Answer:
    """What the command answers to these arguments, given in ``folder``."""

    def give() -> None:
        sys.argv = ["dae-lab", *given]
        GlobalHydra.instance().clear()
        HydraConfig.instance().cfg = None
        command.run_command()

    with _untrained(patch):
        return _answered(give, folder)


class Quick:
    """The same without what Hydra spends a third of a second on: its own part of the config is composed once.

    Args:
        folder: where the command is given; ``folder/my`` holds a person's own configs.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        GlobalHydra.instance().clear()
        initialize_config_dir(str(conf_folder()), version_base="1.3")
        self.loader = GlobalHydra.instance().config_loader()
        own = [f"hydra.searchpath=[file://{folder}/my]"]
        self.master = self.loader.load_configuration("config", own, RunMode.MULTIRUN)
        self.composer = Composer(self.loader, self.master)

    def answer(self, given: Sequence[str], claims: bool = False, afresh: bool = False) -> Answer:
        """What is said of these arguments; afresh: files have changed since the last ones."""
        if afresh:
            self.composer = Composer(self.loader, self.master)
        return _answered(lambda: self._command(given, claims), self.folder)

    def _command(self, given: Sequence[str], claims: bool) -> None:
        try:
            arranged = arguments.arrange(given)
            self._compose([*takewhile(lambda text: not text.startswith("-"), arranged)], claims)
        except Exception as error:
            message = str(error) if isinstance(error, UserError) else explain_error(error)
            if message is None:
                raise
            print(f"error: {printable(message)}", file=sys.stderr)
            sys.exit(1)

    def _compose(self, overrides: list[str], claims: bool) -> None:
        runs = expand(OverridesParser.create(config_loader=self.loader).parse_overrides(overrides))
        for one in runs[:2]:
            item = self.composer.compose(one)
            if claims and any(text.startswith("claim=") for text in one):
                plan_claim(item, self.composer)
            else:
                check(item)


class _TooLong(BaseException):
    pass


def _expired(number: int, frame: Any) -> None:
    raise _TooLong


@contextmanager
def _absl_logs_to(stream: io.StringIO) -> Iterator[None]:
    """Have absl, where TensorFlow has imported it, log to ``stream``, which is standard error meanwhile.

    Hydra closes all handlers as it sets up logging, and absl's closes a stream that is not standard error.
    """
    if "absl.logging" not in sys.modules:
        yield
        return
    handler = sys.modules["absl.logging"].get_absl_handler().python_handler
    before, handler.stream = handler.stream, stream
    try:
        yield
    finally:
        handler.stream = before


def _answered(command: Callable[[], None], folder: Path) -> Answer:
    output, errors, code = io.StringIO(), io.StringIO(), 0
    before, handlers = sys.argv, {number: signal.getsignal(number) for number in (15, 1)}
    alarm = signal.signal(signal.SIGVTALRM, _expired)
    WATCH.folder, WATCH.touched = str(folder.resolve()), []
    try:
        signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS)
        with chdir(folder), redirect_stdout(output), redirect_stderr(errors), _absl_logs_to(errors):
            command()
    except SystemExit as end:
        code = end.code if end.code is not None else 0
    except _TooLong:
        code = f"none within {SECONDS:g} s"
    except Exception as error:
        code = f"{type(error).__name__}: {error}"
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        WATCH.folder = ""
        signal.signal(signal.SIGVTALRM, alarm)
        for number, handler in handlers.items():
            signal.signal(number, handler)
        sys.argv = before
    return Answer(code, output.getvalue(), errors.getvalue(), WATCH.touched)
