"""Writers of the runs of one store."""

import platform
import uuid
from collections.abc import Mapping
from pathlib import Path

from filelock import FileLock

from dae_lab.environment import user_name
from dae_lab.errors import TrackingError
from dae_lab.tracking.gateway import ClientErrors, Gateway
from dae_lab.tracking.locks import is_run_id, remove_lock
from dae_lab.tracking.run_data import RunData
from dae_lab.tracking.server_errors import is_unavailable
from dae_lab.tracking.spool import Spool
from dae_lab.tracking.store_files import StoreFiles
from dae_lab.tracking.writer import RunWriter


class WriterFactory:
    """Makes the writers of runs.

    Args:
        is_server: the store is a server, so that writes may have to wait in a spool.
        patience: seconds for which a run that has ended waits for its server.
    """

    def __init__(self, gateway: Gateway, files: StoreFiles, is_server: bool, patience: float) -> None:
        self._gateway, self._files, self._is_server, self._patience = gateway, files, is_server, patience

    def create(self, experiment_id: str, name: str, fingerprint: str, tags: Mapping[str, str]) -> RunWriter:
        """Create a run and return its writer, which the caller has to close.

        Raises:
            MlflowException, requests.RequestException: the store does not create it.
        """
        lock = self._files.lock(uuid.uuid4().hex)
        lock.acquire()  # before the run exists, so that there is no moment without
        standard = {
            "fingerprint": fingerprint,
            "host": platform.node(),
            "lock": Path(lock.lock_file).name,
            "mlflow.source.name": "dae_lab.run",
            "mlflow.source.type": "LOCAL",
            "mlflow.user": user_name(),
        }
        try:
            run = self._gateway.create_run(experiment_id, name, {**standard, **tags})
        except ClientErrors as error:
            if not is_unavailable(error):  # else the server may yet do it: the next start sees a free lock
                remove_lock(lock)
            lock.release()
            raise
        return self.make(run, lock)

    def make(self, run: RunData, lock: FileLock) -> RunWriter:
        """Return the writer of a run whose lock is held.

        Raises:
            TrackingError: the store gives something as the run's id that cannot name a folder.
        """
        if not is_run_id(run.run_id):
            raise TrackingError(f"{self._gateway.uri}: the store gives {run.run_id!r} as the id of a run")
        spool = self.spool(run, lock) if self._is_server else None
        checkpoints = self._files.checkpoints(run.run_id)
        return RunWriter(self._gateway, run, lock, checkpoints, spool, self._patience)

    def spool(self, run: RunData, lock: FileLock) -> Spool:
        """Return the spool of a run, with its description."""
        description = {"uri": self._gateway.uri, "lock": Path(lock.lock_file).name, "name": run.name}
        return self._files.spool(run.run_id, description)
