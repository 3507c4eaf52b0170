"""Hydra's and OmegaConf's errors in one sentence, with the nearest name that would be right."""

import errno
import re
from pathlib import Path
from traceback import walk_tb

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf.errors import ConfigAttributeError, ConfigKeyError, OmegaConfBaseException
from yaml import YAMLError

from dae_lab.commands import format_command, format_override
from dae_lab.errors import UserError, describe_error
from dae_lab.parts.suggestions import first_line, nearest, unknown_key
from dae_lab.paths import conf_folder

COMPOSING = {"dae_lab.command", "dae_lab.arguments", "dae_lab.dispatch", "dae_lab.sweep.runner"}
COMPOSING |= {"dae_lab.config.presets", "dae_lab.config.sources"}
COMPOSING |= {"dae_lab.sweep.compose", "dae_lab.sweep.expand"}
"""Modules that hand to Hydra what a person wrote."""
UNWRITABLE = (errno.ENOENT, errno.ENOTDIR, errno.EACCES, errno.EPERM, errno.EROFS, errno.ENAMETOOLONG)


def explain_error(error: Exception) -> str | None:
    """What went wrong when composing a config; None if ``error`` is no mistake of a person's."""
    if isinstance(error, MissingConfigException):
        return _unknown_option(error)
    if isinstance(error, OverrideParseException):
        return _unreadable(str(error.override))
    if isinstance(error, OSError):
        return _unwritable(error)
    if isinstance(error, YAMLError):
        return _no_yaml(error)
    if "Config group override must be" in str(error):  # latent=3, debug=null; the group is not said
        return (
            "a group takes the name of one of its options, as latent=dense does; got a number, true, "
            "false or null: for no experiment and no debug, leave experiment=… and debug=… away"
        )
    if str(error).startswith("Only one of --run, --multirun"):
        return f"{first_line(error)}; what a sweep would do is shown by plan=true"
    if isinstance(error.__cause__, UserError):  # what Hydra instantiates refuses a value in its own words
        return str(error.__cause__)
    if str(error).startswith("Recursive interpolation"):
        return f"{first_line(error)}: a value refers to itself, as in name=${{name}}"
    if not isinstance(error, (HydraException, OmegaConfBaseException)):
        return _unreadable_for_hydra(error)
    cause = error if isinstance(error, OmegaConfBaseException) else error.__cause__
    if isinstance(cause, (ConfigAttributeError, ConfigKeyError)) and cause.parent_node is not None:
        path, _, key = str(cause.full_key).rpartition(".")
        return unknown_key(path, key, [str(name) for name in cause.parent_node if name != "hydra"])
    key, _, value = str(error).partition("Error merging override ")[2].partition("=")
    if "DictConfig with ListConfig" in str(cause) and value.startswith("["):
        return f"{key} must map names to options, as {{}}; got {value}"
    if isinstance(cause, OmegaConfBaseException):
        return first_line(cause)
    message = " ".join(str(error).split())
    if "DictConfig with ListConfig" in message:
        where = message.partition(": ")[0] if message.startswith("In ") else "a config"
        return f"{where}: a list stands where names with values are expected, as {{a: 1, b: 2}}, not [a, b]"
    if "Could not override" in message and "No match in the defaults list" in message:
        return _unknown_group(message)
    return _twice(message) or message


def _unknown_option(error: MissingConfigException) -> str:
    """A group that exists, with an option that does not."""
    group, _, option = str(error.missing_cfg_file).rpartition("/")
    options = [name for name in error.options or [] if not name.endswith("/")]
    if not options:
        return _unknown_file(str(error), str(error.missing_cfg_file))
    meant = nearest(option, options)
    hint = f"did you mean {group}={meant}? " if meant else ""
    return f"{group}={option}: there is no such option; {hint}{group} has {', '.join(options)}"


def _unknown_file(message: str, missing: str) -> str:
    """A defaults list that names a file which is in no folder of configs."""
    folders = [Path(found) for found in re.findall(r"path=file://(.*)$", message, re.MULTILINE)]
    if not folders:
        return " ".join(message.split())
    who = found[1] if (found := re.match(r"In '(.*?)'", message)) else "the command line"
    group, _, name = missing.rpartition("/")
    own = who.rpartition("/")[2]
    known = sorted({file.stem for folder in folders for file in (folder / group).glob("*.yaml")} - {own})
    meant = nearest(name, known)
    hint = f"did you mean {meant}? " if meant else ""
    places = " and ".join(str(folder / group) for folder in folders)
    return f"{who}: its defaults name {missing}, and there is no such file; {hint}looked in {places}"


def _unknown_group(message: str) -> str:
    """``nois=gaussian``: a group that does not exist."""
    name = message.split("'")[1].split("@")[0]
    if not name:
        return f"{message.rpartition('+')[2]}: a key is missing before the ="
    groups = sorted(path.name for path in conf_folder().iterdir() if path.is_dir() and path.name != "hydra")
    if name in groups:
        return f"{name}: the defaults list of this config does not name the group; add `- {name}: null` to it"
    meant = nearest(name, groups)
    hint = f"did you mean {meant}? " if meant else ""
    return f"{name}: there is no such group or key; {hint}groups are {', '.join(groups)}"


def _no_yaml(error: YAMLError) -> str:
    """A file of one's own that is no YAML."""
    mark, name = getattr(error, "problem_mark", None), getattr(error, "name", "a config file")
    where = f"{mark.name}, line {mark.line + 1}" if mark else name
    what = getattr(error, "problem", None) or getattr(error, "reason", None) or "this is no YAML"
    return f"{where}: {what}; put values with [ ] , : or # in quotes, as 'data.train=[0,1000]'"


def _unreadable(override: str) -> str:
    """``tracking.dir=a b``: what Hydra's grammar has no place for."""
    if not override.strip():
        return "an argument is empty; write key=value"
    key, equals, value = override.partition("=")
    if not equals:
        return f"{override}: a value is missing; write {override}=…"
    if key.startswith("claim.") and (asked := re.fullmatch(r"choice\((.*)\)", value)):
        value = asked[1]  # dae_lab.arguments has put it there
    return (
        f"{key}={value}: this value could not be read; put values with ~ ( ) = {{ }} , or spaces in quotes, "
        f"as {format_command([_quoted(key, value)])}"
    )


def _quoted(key: str, value: str) -> str:
    """``key=value`` as Hydra can read it: items of lists and mappings in quotes each, else the whole value.

    >>> _quoted("claim.arms.wide", "[latent.z_dim=2,1]")
    'claim.arms.wide=["latent.z_dim=2",1]'
    """
    if value.startswith(("[", "{")):
        pattern = r"(?<=[\[,])[^\[\]{},:]+(?=[\],])|(?<=:)[^\[\]{},]+"
        items = re.sub(pattern, lambda found: _quoted_item(found[0]), value)
        if _is_readable(items):
            return f"{key}={items}"
    return format_override(key, value)


def _quoted_item(item: str) -> str:
    return item if _is_readable(item) else format_override("", item.strip())[1:]


def _is_readable(value: str) -> bool:
    try:
        OverridesParser.create().parse_override(f"key={value}")
    except HydraException:
        return False
    return True


def _twice(message: str) -> str | None:
    """``+noise=gaussian``: a second option for a group that has one."""
    found = re.search(r"Multiple values for (\S+)\. .*: (\S+?)'", message)
    found = found or re.search(r"(\S+)() appears more than once in the final defaults list", message)
    if not found:
        return None
    group, option = found.groups()
    return f"{group} is chosen twice: leave out the +, or give the group once: {group}={option or '…'}"


def _unreadable_for_hydra(error: Exception) -> str | None:
    """An error of the libraries that read overrides and config files; None for one of ours.

    They raise what comes, from a RecursionError to an AssertionError, of input that nobody foresaw.
    """
    modules = [str(frame.f_globals.get("__name__")) for frame, _ in walk_tb(error.__traceback__)]
    ours = {name for name in modules if name.startswith("dae_lab.")}
    if not modules or ours - COMPOSING:
        return None
    if isinstance(error, RecursionError):
        return (
            "the command line or a config file cannot be read: it is nested too deeply, or the defaults of a "
            "file lead back to that file"
        )
    if modules[-1].startswith("dae_lab"):
        return None
    return f"the command line or a config file cannot be read: {describe_error(error)}"


def _unwritable(error: OSError) -> str | None:
    """The folder of a sweep, which Hydra makes before any run; what a run itself meets is left alone."""
    if not error.filename or error.errno not in UNWRITABLE:
        return None
    modules = {frame.f_globals.get("__name__") for frame, _ in walk_tb(error.__traceback__)}
    if "dae_lab.experiment" in modules:
        return None
    advice = "choose a folder you may write to, tracking.dir=… (or hydra.run.dir, hydra.sweep.dir)"
    if error.errno == errno.ENAMETOOLONG:
        advice = "choose a shorter name, as hydra.sweep.subdir='${hydra.job.num}'"
    return f"{error.filename} cannot be written ({error.strerror}); {advice}"
