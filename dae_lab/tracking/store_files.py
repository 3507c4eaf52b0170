"""The files of a store on this machine."""

import errno
from pathlib import Path
from tempfile import TemporaryFile

from filelock import FileLock

from dae_lab.errors import TrackingError
from dae_lab.files import open_lock
from dae_lab.tracking.locks import is_run_id
from dae_lab.tracking.spool import Spool, SpoolDescription

CHECKPOINT = "checkpoint.npz"
"""The file of a run's folder of checkpoints from which it can be resumed."""


class StoreFiles:
    """The folder of a store: database, locks, checkpoints and spools.

    Args:
        folder: ``tracking.dir``; relative to the current folder, ``~`` is the home folder.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder).expanduser().absolute()
        self.database = self.folder / "mlflow.db"
        self.spools = self.folder / "spool"

    def prepare(self) -> None:
        """Make the folders.

        Raises:
            TrackingError: they cannot be written.
        """
        try:
            for name in ("locks", "checkpoints"):
                (self.folder / name).mkdir(parents=True, exist_ok=True)
            TemporaryFile(dir=self.folder / "locks").close()
        except OSError as error:
            full = error.errno == errno.ENOSPC
            advice = "make room on its disk" if full else "choose a folder you may write to, tracking.dir=…"
            raise TrackingError(
                f"tracking.dir: {self.folder} cannot be written ({error.strerror}); {advice}"
            ) from error

    def lock_path(self, name: str) -> Path:
        """Return where the lock file ``name`` is."""
        return self.folder / "locks" / name

    def lock(self, name: str, timeout: float = -1) -> FileLock:
        """Return the lock ``name``, to be acquired; ``timeout`` as for ``dae_lab.files.open_lock``."""
        return open_lock(self.lock_path(name), timeout)

    def checkpoints(self, run_id: str) -> Path:
        """Return the folder of a run's checkpoints, which may not exist."""
        return self.folder / "checkpoints" / run_id

    def has_checkpoint(self, run_id: str) -> bool:
        """Whether a run has a checkpoint from which it can be resumed."""
        return (self.checkpoints(run_id) / CHECKPOINT).is_file()

    def spool(self, run_id: str, description: SpoolDescription | None = None) -> Spool:
        """Return the spool of a run, which may be empty."""
        return Spool(self.spools / run_id, description)

    def spooled_runs(self, uri: str | None = None) -> list[str]:
        """Return the ids of the runs that have a spool for the server at ``uri``, or for any server."""
        names = sorted(path.name for path in self.spools.glob("*"))
        described = {name: self.spool(name).read_description() for name in names if is_run_id(name)}
        return [name for name, about in described.items() if about and uri in (None, about["uri"])]
