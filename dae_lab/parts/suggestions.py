"""The nearest key or option to one that does not exist, and OmegaConf's errors in plain words."""

import re
from difflib import get_close_matches

from dae_lab.paths import conf_folder

OMEGACONF = {
    r"is not a ListConfig|DictConfig with ListConfig": "must be a list, as [32, 64]",
    r"with type hint 'typing.List": "must be a list, as [32, 64]",
    r"could not be converted to Integer": "must be a whole number",
    r"could not be converted to Float": "must be a number",
    r"could not be converted to Boolean|is not a valid bool": "must be true or false",
    r"Cannot convert .* to string": "must be text",
    r"value 'None'|is not Optional|NoneType is not a": "must have a value; null is not allowed",
    r"Cannot assign \w+ to Dict": "must map names to values",
    r"Missing mandatory value: hydra\.job": "asks for the number of a job; that is known in "
    "hydra.sweep.subdir and in the keys of a sweep's runs",
}
"""What OmegaConf says of a wrong value, as a pattern, and what a person is told."""


def nearest(word: str, words: list[str]) -> str | None:
    """The one of ``words`` that was probably meant, whatever the case of its letters."""
    lower = {known.lower(): known for known in words}
    found = get_close_matches(word.lower(), lower, n=1, cutoff=0.5)
    return lower[found[0]] if found else None


def unknown_key(path: str, key: str, known: list[str]) -> str:
    """A sentence for a key that does not exist, with the nearest one that does."""
    full = f"{path}.{key}" if path else key
    known = [name for name in known if not name.startswith("_")]
    meant = nearest(key, known)
    hint = f"did you mean {meant}? " if meant else ""
    where = path or "the config"
    has = ", ".join(known) or "no keys"
    return f"{full}: there is no such key; {hint}{where} has {has}{elsewhere(path, key)}"


def first_line(error: Exception) -> str:
    """What an OmegaConf error says, in words meant for people, after the key."""
    lines = str(error).splitlines() or [type(error).__name__]
    key = next((line.split(":", 1)[1].strip() for line in lines if "full_key" in line), "")
    words = next((said for pattern, said in OMEGACONF.items() if re.search(pattern, lines[0])), "")
    if key and words:
        return f"{key} {words}"
    return f"{key}: {lines[0]}" if key and key not in lines[0] else lines[0]


def elsewhere(path: str, key: str) -> str:
    """``; z_dim belongs to latent=dense, …``: the options of the group that have the key."""
    group = path.replace(".", "/")
    if not group:
        return ""
    if group.startswith("claim"):  # every claim has the same keys
        rule = (conf_folder() / "claim" / "rule" / "default.yaml").read_text(encoding="utf-8")
        start = "; a claim that begins with 'defaults: [rule@_here_: default, _self_]' has one"
        return start if re.search(rf"^ *{re.escape(key)}:", rule, re.MULTILINE) else ""
    files = sorted((conf_folder() / group).glob("*.yaml"))
    having = [f"{group}={file.stem}" for file in files if f"\n{key}:" in file.read_text(encoding="utf-8")]
    return f"; {key} belongs to {', '.join(having)}" if having else ""
