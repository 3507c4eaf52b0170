"""What a person has typed, arranged as Hydra takes it.

Hydra parses the command line before anything of ours is called, and shows what it parsed (``--cfg job``). So
passwords are taken out here, and what Hydra's grammar has no place for is put in quotes.
"""

from collections import deque
from collections.abc import Sequence
from itertools import islice

from dae_lab.commands import format_override
from dae_lab.config.server import adopt_credentials, refuse_hidden_credentials
from dae_lab.errors import CONTROL, ConfigError, printable
from dae_lab.paths import check_utf8

QUOTED = set("\"'[]{}()$=\\")
"""What tells that a value is more than a path."""

CONFIG_OPTIONS = ("--config-dir", "-cd", "--config-path", "-cp", "--config-name", "-cn")
"""Options that name configs of a person's own, each with a value."""

VALUE_OPTIONS = (*CONFIG_OPTIONS, "--cfg", "-c", "--package", "-p")
"""Options of Hydra that take a value."""

INFO_OPTIONS = ("--info", "-i")
"""Those that may take one of ``INFO``."""

INFO = ("all", "config", "defaults", "defaults-tree", "plugins", "searchpath")

QUESTIONS = ("--cfg", "-c", *INFO_OPTIONS, "--shell-completion", "-sc", "--hydra-help")
"""Options that ask something, so that nothing is run."""

MODES = ("--run", "-r", "--multirun", "-m")


def arrange(typed: Sequence[str]) -> list[str]:
    """The arguments for Hydra: without passwords, ``~/`` in quotes, overrides before options.

    Args:
        typed: the command line, without the program.

    Raises:
        ConfigError: an argument that cannot be recorded or shown, or an address with a password where
            none is expected.
    """
    for argument in typed:
        check_utf8("the command line", argument)
        if CONTROL.search(argument):  # it would be obeyed by the terminal wherever the argument is shown
            raise ConfigError(f"{printable(argument)}: an argument must not contain control characters")
    overrides, options = _separate([_without_credentials(argument) for argument in typed])
    overrides = [_quote_home(override) for override in overrides]
    if not any(_is_one_of(option, (*QUESTIONS, *MODES)) for option in options):
        options.append("--multirun")  # the mode of config.yaml is not known where it cannot be composed
    return [*_vary_claim_keys(overrides), *options]


def config_options(typed: Sequence[str]) -> list[str]:
    """Those of the arguments that name configs of a person's own, in their order."""
    found, rest = [], iter(typed)
    for argument in rest:
        name = argument.partition("=")[0]
        if name in CONFIG_OPTIONS:
            found += [argument] if "=" in argument else [argument, *islice(rest, 1)]
        elif name == "hydra.searchpath":
            found.append(argument)
    return found


def _separate(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Overrides and options: of ``loss=bce --cfg job seed=1`` Hydra's parser would not know ``seed=1``."""
    overrides, options, rest = list[str](), list[str](), deque(arguments)
    while rest:
        argument = rest.popleft()
        if not argument.startswith("-"):
            overrides.append(argument)
        elif _is_one_of(argument, ("--experimental-rerun",)):
            raise ConfigError("--experimental-rerun runs what its file holds; use replay=<run id> instead")
        elif argument != "--":
            options.append(argument)
            kind = argument in INFO_OPTIONS and rest and rest[0] in INFO
            if rest and "=" not in argument and (kind or _is_one_of(argument, VALUE_OPTIONS)):
                options.append(rest.popleft())
    return overrides, options


def _is_one_of(option: str, names: Sequence[str]) -> bool:
    """Whether ``option``, which may be cut short, as ``--config-d``, is one of ``names``."""
    given = option.partition("=")[0]
    return given in names or (given[2:3] != "" and any(name.startswith(given) for name in names))


def _without_credentials(argument: str) -> str:
    """``argument`` whose user name and password are moved to the environment, before anything shows them."""
    key, _, value = argument.lstrip("+").partition("=")
    if key == "tracking.uri":
        refuse_hidden_credentials(key, adopt_credentials(value))
    return argument if key.startswith("hydra") else adopt_credentials(argument)


def _quote_home(override: str) -> str:
    """``data.path=~/pictures``: a shell leaves the ``~`` as it is, and Hydra reads it in quotes alone."""
    key, equals, value = override.partition("=")
    if not equals or "~/" not in value or key.startswith("hydra") or QUOTED & set(value):
        return override
    return f"{key}={','.join(format_override('', part)[1:] for part in value.split(','))}"


def _vary_claim_keys(overrides: list[str]) -> list[str]:
    """Keys of several claims, such that Hydra takes them for varied ones, over one value.

    Hydra first composes what is the same in all runs; of several claims that is none, and their keys unknown.
    """
    claims = [text.partition("=")[2] for text in overrides if text.startswith("claim=")]
    if not any(set(names) & set(",(") for names in claims):
        return overrides
    parts = [(override, *override.partition("=")) for override in overrides]
    return [
        f"{key}=choice({value})" if override.startswith("claim.") else override
        for override, key, _, value in parts
    ]
