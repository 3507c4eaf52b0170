"""What a person has typed, arranged as Hydra takes it."""

import sys

from hydra._internal.utils import get_args_parser

from dae_lab.commands import format_override
from dae_lab.config.server import adopt_credentials, refuse_hidden_credentials
from dae_lab.errors import CONTROL, ConfigError, printable
from dae_lab.paths import need_utf8
from dae_lab.sweep.launcher import Engine

QUOTED = set("\"'[]{}()$=\\")
"""What tells that a value is more than a path."""


def arrange() -> None:
    """Take out passwords, quote ``~/``, take ``claim=`` as a sweep, have options stand after overrides.

    Raises:
        ConfigError: an argument that cannot be recorded or shown, or an address with a password where
            none is expected.
    """
    for argument in sys.argv[1:]:
        need_utf8("the command line", argument)
    _refuse_control_characters()
    _take_out_credentials()
    _quote_homes()
    _hear_claims()
    _order_arguments()


def _take_out_credentials() -> None:
    """Move user names and passwords in addresses to the environment, before anything reads or shows them."""
    for place, text in enumerate(sys.argv[1:], start=1):
        key, _, value = text.lstrip("+").partition("=")
        if not key.startswith("hydra"):
            sys.argv[place] = adopt_credentials(text)
        if key == "tracking.uri":
            refuse_hidden_credentials(key, adopt_credentials(value))


def _refuse_control_characters() -> None:
    """They would be obeyed by the terminal wherever an argument is shown, as in the name of a run."""
    for text in sys.argv[1:]:
        if CONTROL.search(text):
            raise ConfigError(f"{printable(text)}: an argument must not contain control characters")


def _quote_homes() -> None:
    """``data.path=~/pictures``: a shell leaves the ``~`` as it is, and Hydra reads it in quotes alone."""
    for place, text in enumerate(sys.argv[1:], start=1):
        key, equals, value = text.partition("=")
        if equals and "~/" in value and not key.startswith(("-", "hydra")) and not QUOTED & set(value):
            parts = [format_override("", part)[1:] for part in value.split(",")]
            sys.argv[place] = f"{key}={','.join(parts)}"


def _hear_claims() -> None:
    """``claim=a,b`` asks for runs of its own, as a sweep does: let Hydra take it as one."""
    asked = any(text.startswith("claim=") for text in sys.argv[1:])
    options = {text.partition("=")[0] for text in sys.argv}
    if not asked or {"--cfg", "-c", "--info", "-i", "--hydra-help"} & options:
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
    options = [text for text in sys.argv[1:] if text != "--"]
    known = get_args_parser().parse_intermixed_args(options)
    if known.experimental_rerun is not None:
        raise ConfigError("--experimental-rerun runs whatever its file holds; use replay=<run id> instead")
    overrides = known.overrides
    for override in overrides:
        options.remove(override)
    sys.argv[1:] = [*overrides, *options]
