"""The MLflow server that runs are recorded by: its address, its credentials, MLflow's own variables.

Addresses are kept and shown without user name and password. These are held in the environment of the process,
under MLflow's names: its client reads them there, and child processes inherit them.
"""

import os
from pathlib import Path
from urllib.parse import unquote, urlsplit

from dae_lab.addresses import USERINFO, printable_address
from dae_lab.errors import ConfigError

ADDRESS = "MLFLOW_TRACKING_URI"
EXPERIMENT, EXPERIMENT_ID = "MLFLOW_EXPERIMENT_NAME", "MLFLOW_EXPERIMENT_ID"
USERNAME, PASSWORD, TOKEN = "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN"

CLIENT = "MLFLOW_TRACKING_"

DEFAULT_EXPERIMENT = "dae_lab"


def adopt_credentials(text: str) -> str:
    """Move the user name and password of an address to MLflow's variables of this process.

    A password that is an interpolation, ``${oc.env:PASSWORD}``, stays until it is resolved.

    Args:
        text: an address, or an override with one.

    Returns:
        ``text`` without user name and password.

    Raises:
        ConfigError: it has several.
    """
    given = {found for found in USERINFO.findall(text) if "${" not in found}
    if len(given) > 1:
        raise ConfigError("tracking.uri takes one user name and password; all runs are recorded in one store")
    for found in given:
        username, _, password = found[:-1].partition(":")
        os.environ[USERNAME] = unquote(username)
        if password:
            os.environ[PASSWORD] = unquote(password)
    return USERINFO.sub(lambda found: found[0] if "${" in found[0] else "", text)


def client_variables() -> dict[str, str]:
    """The variables by which MLflow's client finds its credentials and certificates, as they are now."""
    return {name: value for name, value in os.environ.items() if name.startswith(CLIENT) and name != ADDRESS}


def refuse_hidden_credentials(key: str, address: str) -> None:
    """Raise a ConfigError if ``address`` may hold a secret where none is looked for; it is not shown."""
    if "${" in address:
        return
    if "://" in address and set("@?#") & set(address):
        raise ConfigError(
            f"{key}: the address of a server has no ? # or @ after its user name and password; write "
            f"@ / ? # in a password as %40 %2F %3F %23, or set {USERNAME} and {PASSWORD}; a token goes into "
            f"{TOKEN}"
        )
    if "@" in address:
        raise ConfigError(
            f"{key}: {printable_address(address)} is no address of an MLflow server; give http(s)://… or null"
        )


def check_address(key: str, address: str) -> None:
    """Raise a ConfigError unless ``address`` is the one of a server, without credentials."""
    refuse_hidden_credentials(key, address)
    if not is_server(address):
        raise ConfigError(
            f"{key}: {printable_address(address)} is no address of an MLflow server; give http(s)://… or null"
        )


def is_server(address: str) -> bool:
    """Whether ``address`` may be that of an MLflow server."""
    try:
        parts = urlsplit(address)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number, an open bracket
        return False


def as_address(text: str) -> str:
    """``text`` with its scheme in lower case, as ``HTTP://host`` is meant.

    >>> as_address("HTTP://Host")
    'http://Host'
    """
    scheme, mark, rest = text.partition("://")
    return f"{scheme.lower()}{mark}{rest}" if mark else text


def _of_environment() -> str:
    """The address that the environment names; empty where it names none."""
    return as_address(os.environ.get(ADDRESS, "").strip())


def default_server() -> str | None:
    """The server that the environment names, without credentials, which are adopted; None: there is none."""
    address = _of_environment()
    try:
        clean = adopt_credentials(address) if address.startswith(("http://", "https://")) else address
        check_address("uri", clean)
    except ConfigError:
        return None
    return clean


def default_experiment() -> str:
    """The experiment that the environment names, if its name may be used, or ``dae_lab``."""
    name = os.environ.get(EXPERIMENT, "").strip()
    return name if name and is_experiment_name(name) else DEFAULT_EXPERIMENT


def is_experiment_name(name: str) -> bool:
    """Whether an experiment may have this name, which is that of a folder of artifacts, too."""
    return "/" not in name and not name.startswith(".")


def environment_notes(uri: str | None, experiment: str, folder: Path) -> list[str]:
    """Sentences about what MLflow's variables have decided, and which of them are not used.

    Args:
        uri, experiment: those of the run.
        folder: the folder of the local store.
    """
    address = _of_environment()
    name, number = os.environ.get(EXPERIMENT, "").strip(), os.environ.get(EXPERIMENT_ID, "").strip()
    notes = []
    if uri is not None and uri == USERINFO.sub("", address):
        notes.append(f"runs are recorded by {uri} ({ADDRESS}); tracking.uri=null records them in {folder}")
    elif uri is None and address and not _is_usable(address) and not _is_store(address, folder):
        notes.append(
            f"{ADDRESS}={printable_address(address)} is not used, as it is no address of an MLflow server "
            f"(http(s)://…); runs are recorded in {folder}"
        )
    if name and experiment == name:
        notes.append(f"the experiment is {name} ({EXPERIMENT})")
    elif name and not is_experiment_name(name) and experiment == DEFAULT_EXPERIMENT:
        notes.append(
            f"{EXPERIMENT}={name} is not used, as the name of an experiment must not contain / or start with "
            f"a dot; the experiment is {experiment}"
        )
    elif number and experiment == DEFAULT_EXPERIMENT:
        notes.append(
            f"{EXPERIMENT_ID}={number} is not used; the experiment is {experiment}: choose one by its name, "
            f"tracking.experiment=… or {EXPERIMENT}"
        )
    return notes


def _is_usable(address: str) -> bool:
    clean = USERINFO.sub("", address)
    return is_server(clean) and not set("@?#") & set(clean)


def _is_store(address: str, folder: Path) -> bool:
    """Whether ``address`` is that of the local store's database."""
    place, database = Path(address.removeprefix("sqlite:///")).absolute(), folder / "mlflow.db"
    if not address.startswith("sqlite:///"):
        return False
    return place == database or (place.exists() and database.exists() and place.samefile(database))
