"""How a store is opened: its database or server, and the experiment that runs are recorded in."""

from pathlib import Path

from dae_lab.commands import format_code_command, format_text
from dae_lab.errors import TrackingError
from dae_lab.tracking.database import open_database
from dae_lab.tracking.gateway import Gateway
from dae_lab.tracking.relocate import EXPERIMENT_KIND, need_in_place
from dae_lab.tracking.server import open_server
from dae_lab.tracking.store_files import StoreFiles


def open_gateway(uri: str | None, files: StoreFiles) -> Gateway:
    """Open the server at ``uri``, or the database of ``files`` if there is no server.

    Raises:
        TrackingError: the database is damaged, or the store was moved from another folder.
    """
    if uri:
        return open_server(uri)
    gateway = open_database(files.database)
    need_in_place(gateway, files.folder)
    return gateway


def get_experiment(gateway: Gateway, name: str, artifacts: Path | None) -> str:
    """Return the id of the experiment of this name, which is created if there is none.

    Args:
        artifacts: the folder of all experiments' artifacts; None: the server decides.

    Raises:
        TrackingError: it was deleted in MLflow.
    """
    found = gateway.find_experiment(name)
    if found is None:
        location = None if artifacts is None else (artifacts / name).as_uri()
        kind = {EXPERIMENT_KIND: "custom_model_development"}  # not one of language models
        return gateway.create_experiment(name, location, kind)
    if found.deleted:
        client = f"MlflowClient({format_text(gateway.uri)})"  # its command line takes no address
        restore = f"{client}.restore_experiment({format_text(found.experiment_id)})"
        raise TrackingError(
            f"tracking.experiment: {name} was deleted in MLflow; choose another, or "
            f"restore it: {format_code_command(f'from mlflow import MlflowClient; {restore}')}"
        )
    return found.experiment_id
