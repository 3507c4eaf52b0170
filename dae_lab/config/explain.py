"""Hydra's and OmegaConf's errors in one sentence, with the nearest name that would be right."""

from difflib import get_close_matches

from hydra.errors import HydraException, MissingConfigException
from omegaconf.errors import ConfigAttributeError, ConfigKeyError, OmegaConfBaseException

from dae_lab.config.hints import first_line, unknown_key
from dae_lab.config.places import conf_folder


def explain(error: Exception) -> str | None:
    """What went wrong when composing a config; None if ``error`` is no mistake of a person's."""
    if isinstance(error, MissingConfigException):
        return _unknown_option(error)
    if "Config group override must be" in str(error):  # latent=3, latent=null
        return "a group takes the name of one of its options, as latent=dense does; got a number or nothing"
    if not isinstance(error, (HydraException, OmegaConfBaseException)):
        return None
    cause = error if isinstance(error, OmegaConfBaseException) else error.__cause__
    if isinstance(cause, (ConfigAttributeError, ConfigKeyError)) and cause.parent_node is not None:
        path, _, key = str(cause.full_key).rpartition(".")
        return unknown_key(path, key, [str(name) for name in cause.parent_node if name != "hydra"])
    if isinstance(cause, OmegaConfBaseException):
        return first_line(cause)
    message = " ".join(str(error).split())
    if "Could not override" in message and "No match in the defaults list" in message:
        return _unknown_group(message)
    return message


def _unknown_option(error: MissingConfigException) -> str:
    """A group that exists, with an option that does not."""
    group, _, option = str(error.missing_cfg_file).rpartition("/")
    options = [name for name in error.options or [] if not name.endswith("/")]
    if not options:
        return " ".join(str(error).split())
    nearest = get_close_matches(option, options, n=1, cutoff=0.5)
    hint = f"did you mean {group}={nearest[0]}? " if nearest else ""
    return f"{group}={option}: there is no such option; {hint}{group} has {', '.join(options)}"


def _unknown_group(message: str) -> str:
    """``nois=gaussian``: a group that does not exist."""
    name = message.split("'")[1].split("@")[0]
    groups = sorted(path.name for path in conf_folder().iterdir() if path.is_dir() and path.name != "hydra")
    nearest = get_close_matches(name, groups, n=1, cutoff=0.5)
    hint = f"did you mean {nearest[0]}? " if nearest else ""
    return f"{name}: there is no such group or key; {hint}groups are {', '.join(groups)}"
