"""What to say of a key that is not there."""

from difflib import get_close_matches

from dae_lab.config.places import conf_folder


def unknown_key(path: str, key: str, known: list[str]) -> str:
    """A sentence for a key that does not exist, with the nearest one that does."""
    full = f"{path}.{key}" if path else key
    known = [name for name in known if not name.startswith("_")]
    nearest = get_close_matches(key, known, n=1, cutoff=0.5)
    hint = f"did you mean {nearest[0]}? " if nearest else ""
    where = path or "the config"
    has = ", ".join(known) or "no keys"
    return f"{full}: there is no such key; {hint}{where} has {has}{elsewhere(path, key)}"


def first_line(error: Exception, path: str = "") -> str:
    """The part of an OmegaConf message that is meant for people, after the key (below ``path``)."""
    lines = str(error).splitlines() or [type(error).__name__]
    key = next((line.split(":", 1)[1].strip() for line in lines if "full_key" in line), "")
    full = f"{path}.{key}" if path and key else key or path
    return f"{full}: {lines[0]}" if full and full not in lines[0] else lines[0]


def elsewhere(path: str, key: str) -> str:
    """``; z_dim belongs to latent=dense, …``: the options of the group that have the key."""
    group = path.replace(".", "/")
    files = sorted((conf_folder() / group).glob("*.yaml"))
    having = [f"{group}={file.stem}" for file in files if f"\n{key}:" in file.read_text()]
    return f"; {key} belongs to {', '.join(having)}" if having else ""
