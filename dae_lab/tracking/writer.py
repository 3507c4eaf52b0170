"""One run while it is recorded."""

import json
import logging
import math
import os
import shutil
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from filelock import FileLock

from dae_lab.commands import format_override, format_run_command
from dae_lab.config.server import PASSWORD, USERNAME
from dae_lab.errors import TrackingError
from dae_lab.process import ignored_signals
from dae_lab.tracking.checksums import need_no_links
from dae_lab.tracking.error_messages import describe_store_error, error_cause
from dae_lab.tracking.gateway import ClientErrors, Gateway
from dae_lab.tracking.image_series import SeriesPicture, find_steps
from dae_lab.tracking.locks import remove_lock
from dae_lab.tracking.reader import Curve, RunReader, snapshot
from dae_lab.tracking.run_data import Point, RunData
from dae_lab.tracking.sender import WriteSender
from dae_lab.tracking.spool import Spool
from dae_lab.tracking.writes import Batch, Dataset, Files, Model, Scores, Status

log = logging.getLogger(__name__)

MAX_PARAM = 6000
"""Characters of a param; MLflow cuts what is longer."""

MAX_TAG = 5000
"""Characters of a tag; MLflow cuts what is longer."""


class RunWriter(RunReader):
    """One run while it is recorded: a run of MLflow, and on this machine its lock and its checkpoints.

    What is written is also remembered here, so nothing that is read during training needs the store:
    ``tags``, ``params``, ``values`` and ``curve`` are as of now.

    Args:
        lock: held until the run is closed.
        checkpoints: the folder of its checkpoints, which the training makes.
        spool: where writes wait while the server is unavailable; None where the store is a database.
        patience: seconds for which ``close`` waits for a server that is unavailable.
    """

    def __init__(
        self,
        gateway: Gateway,
        data: RunData,
        lock: FileLock,
        checkpoints: Path,
        spool: Spool | None = None,
        patience: float = 0,
    ) -> None:
        super().__init__(gateway, data)
        self.checkpoints, self.lock, self._patience = checkpoints, lock, patience
        self.sender = WriteSender(gateway, self.run_id, spool)
        self._points: dict[str, dict[int, Point]] = {}
        self._earlier_seconds = {name: self.values.get(name, 0.0) for name in ("time/run_s", "time/cpu_s")}
        self._wall_start, self._cpu_start = time.perf_counter(), time.process_time()

    def load_points(self) -> None:
        """Read what was recorded before an interruption, once, while the store is available."""
        for name in self.values:
            points = self._gateway.read_points(self.run_id, name)
            self._points[name] = {point[3]: point for point in points}

    # Params, metrics, tags

    def log_params(self, values: Mapping[str, Any]) -> None:
        """Log params; those that were logged before an interruption stay as they are."""
        new = {key: str(value)[:MAX_PARAM] for key, value in values.items() if key not in self.params}
        self.sender.send(Batch(params=new))
        self.params |= new

    def log_metrics(self, values: Mapping[str, float], step: int) -> None:
        """Log the values of one step (an epoch, or 0 for what belongs to the whole run)."""
        self.log_series([(key, value, step) for key, value in values.items()])

    def log_series(self, values: Iterable[tuple[str, float, int]]) -> None:
        """Log (name, value, step) triples with the present time."""
        time = now()
        self.log_points([(key, float(value), time, step) for key, value, step in values])

    def log_points(self, points: Iterable[Point]) -> None:
        """Log points, which have their own times, in as few calls as possible.

        One that was logged before an interruption is not logged again.
        """
        new = [point for point in points if not self._is_logged(point)]
        self.sender.send(Batch(metrics=new))
        for point in new:
            self._points.setdefault(point[0], {})[point[3]] = point
        for name in {point[0] for point in new}:
            self.values[name] = self._points[name][self.last_step(name)][1]

    def _is_logged(self, point: Point) -> bool:
        name, value, _, step = point
        known = self._points.get(name, {}).get(step)
        return known is not None and (known[1] == value or (math.isnan(known[1]) and math.isnan(value)))

    def last_step(self, metric: str) -> int:
        """Return the last step at which a metric was logged; 0 if never."""
        return max(self._points.get(metric, [0]))

    def curve(self, metric: str) -> Curve:
        """Return every (step, value) of a metric, before and after an interruption, by step."""
        return sorted((step, point[1]) for step, point in self._points.get(metric, {}).items())

    def set_tag(self, key: str, value: str) -> None:
        """Set a tag."""
        self.sender.send(Batch(tags={key: value[:MAX_TAG]}))
        self.tags[key] = value[:MAX_TAG]

    def set_description(self, markdown: str) -> None:
        """Set the text that the UI shows as the run's description."""
        self.set_tag("mlflow.note.content", markdown)

    def log_dataset(self, name: str, digest: str, source: str, sizes: Mapping[str, int]) -> None:
        """Note which data the run uses; the UI shows them as its dataset."""
        profile, read_from = json.dumps(dict(sizes)), json.dumps({"read from": source})
        self.sender.send(Dataset(name, digest[:12], read_from, profile))

    # Artifacts

    def log_text(self, text: str, file: str) -> None:
        """Keep ``text`` as the artifact ``file``."""
        self._log_files({file: lambda path: path.write_text(text, encoding="utf-8")})

    def log_picture(self, image: Any, file: str) -> None:
        """Keep a PIL image as the artifact ``file``."""
        self._log_files({file: image.save})

    def log_picture_series(self, pictures: Mapping[int, SeriesPicture], series: str) -> None:
        """Add pictures, by step, to a series, which the UI shows with a slider over the steps."""
        if not pictures:
            return
        files = {
            name: data for step, item in pictures.items() for name, data in item.files(series, step).items()
        }
        self._log_files({name: partial(Path.write_bytes, data=data) for name, data in files.items()})
        if "mlflow.loggedImages" not in self.tags:
            self.set_tag("mlflow.loggedImages", "True")

    def earlier_picture_steps(self, series: str) -> set[int]:
        """Return the steps of which a series has a picture from before an interruption."""
        try:
            listed = self._gateway.list_artifacts(self.run_id, "images") if "resumed" in self.tags else []
        except ClientErrors:  # the server is unavailable
            return set()
        return find_steps(series, listed)

    def log_folder(self, folder: Path) -> None:
        """Keep all files of ``folder``, which must hold no symbolic links, as artifacts."""
        need_no_links(folder)
        self.sender.send(Files(), folder)

    def log_model(self, folder: Path) -> None:
        """Keep ``folder``, which holds an MLflow model, as ``runs:/<run id>/model``."""
        self.sender.send(Model(), folder)

    def log_model_scores(self) -> None:
        """Give the recorded model the metrics of the whole run, so that models can be compared too."""
        whole = [steps[0] for steps in self._points.values() if list(steps) == [0]]
        self.sender.send(Scores(whole))

    def _log_files(self, files: Mapping[str, Callable[[Path], Any]]) -> None:
        """Keep each file, which its function writes, among the run's artifacts."""
        with TemporaryDirectory() as folder:
            for file, save in files.items():
                path = Path(folder, file)
                path.parent.mkdir(parents=True, exist_ok=True)
                save(path)
            self.sender.send(Files(), Path(folder))

    # The end of the run

    def close(self, status: str, reason: str = "", keep: bool = False, timed: bool = True) -> None:
        """End the run, and say why.

        A server that is unavailable is waited for, up to ``patience``; a run that was KILLED does not wait.
        A database that is lost is only warned of: the next start closes the run.

        Args:
            status: ``FINISHED``, ``FAILED`` or ``KILLED``.
            keep: keep what the run needs to be resumed.
            timed: record how long it took, which is unknown of a process that died.

        Raises:
            TrackingError: a run cannot be closed as FINISHED; the same command resumes it.
        """
        try:
            with ignored_signals():
                if timed:
                    self._log_times()
                if reason:
                    self.set_tag("reason", reason)
                self.sender.send(Status(status, now()))
                self.status = status
                if not keep:
                    shutil.rmtree(self.checkpoints, ignore_errors=True)
            if self._send_rest(0 if status == "KILLED" else self._patience) and not keep:
                remove_lock(self.lock)
        except Exception as error:
            message = f"run {self.run_id} could not be closed as {status}: {self._describe(error)}"
            if status == "FINISHED":
                raise TrackingError(f"{message}; the same command goes on with it") from error
            log.warning("%s", message)
        finally:
            self.lock.release()

    def _describe(self, error: Exception) -> str:
        if self.sender.spool is None:
            return describe_store_error(error, self.checkpoints.parents[1])
        return error_cause(error)

    def _log_times(self) -> None:
        """Log the wall and CPU seconds, with those before an interruption if the run was closed then."""
        wall, cpu = time.perf_counter() - self._wall_start, time.process_time() - self._cpu_start
        seconds = {"time/run_s": wall, "time/cpu_s": cpu}
        self.log_metrics({name: s + self._earlier_seconds[name] for name, s in seconds.items()}, step=0)

    def _send_rest(self, seconds: float) -> bool:
        """Whether the server has taken everything, or does so within ``seconds``."""
        try:
            return self.sender.wait_until_empty(seconds)
        finally:
            if self.sender.spool:  # or it refuses something, or a person does not want to wait
                self._leave(self.sender.spool)

    def _leave(self, spool: Spool) -> None:
        """Say where the record is that the server has not taken, and how it gets there."""
        spool.write_description(known=snapshot(self, self._points))
        uri, store = self._gateway.uri, str(spool.folder.parents[1])
        place = format_override("tracking.uri", uri), format_override("tracking.dir", store)
        log.warning(
            "run %s has ended as %s, but the server at %s has not taken all of its record (%s): the rest "
            "waits in %s. Once the server is back, the next command that uses it pushes the rest there, or: "
            "%s%s",
            self.run_id,
            self.status,
            uri,
            self.sender.outage or "it refuses some",
            spool.folder,
            format_run_command("sync=true", *place),
            f" (no password is kept: set {USERNAME} and {PASSWORD})" if PASSWORD in os.environ else "",
        )


def now() -> int:
    """Return the time in milliseconds since 1970."""
    return time.time_ns() // 1_000_000
