"""One run's record."""

import json
import logging
import math
import os
import re
import shutil
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from filelock import FileLock
from mlflow.entities import Run
from mlflow.tracking import MlflowClient

from dae_lab.commands import format_override, format_run_command
from dae_lab.config.server import PASSWORD, USERNAME
from dae_lab.errors import TrackingError
from dae_lab.process import ignored_signals
from dae_lab.tracking import writes
from dae_lab.tracking.causes import first_sentence, store_trouble
from dae_lab.tracking.damage import need_files_alone
from dae_lab.tracking.locks import remove_lock
from dae_lab.tracking.recorded import Recorded
from dae_lab.tracking.sender import Sender
from dae_lab.tracking.server import ClientErrors
from dae_lab.tracking.spool import Spool
from dae_lab.tracking.writes import Point

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Picture:
    """A picture as a series keeps it: a PNG file, and a small WebP, which lists show.

    name: tells it from others of its step; settled when it is made, so it is kept once though sent twice.
    """

    png: bytes
    thumbnail: bytes
    name: str

    @classmethod
    def of(cls, image: Any) -> "Picture":
        """A PIL image's, as quickly as the formats allow: in a third of the time, with a tenth more bytes."""
        from mlflow.tracking.multimedia import compress_image_size

        channels = image.split()
        if len({channel.tobytes() for channel in channels}) == 1:
            image = channels[0]  # grey
        png, thumbnail = BytesIO(), BytesIO()
        image.save(png, "png", compress_level=1)
        compress_image_size(image).save(thumbnail, "webp", method=0)
        return cls(png.getvalue(), thumbnail.getvalue(), f"timestamp+{now()}+{uuid.uuid4()}")


class Record(Recorded):
    """One run's record while it is written: a run of MLflow, and on this machine its lock and checkpoints.

    What is written is also known here, so nothing that is read during training needs the store: ``tags``,
    ``settings``, ``values`` and ``curve`` are as of now.

    Args:
        spool: where writes wait while the server is away; None where the store is a database.
        patience: seconds that ``close`` waits for a server that is away.
    """

    def __init__(
        self,
        client: MlflowClient,
        run: Run,
        lock: FileLock,
        checkpoints: Path,
        spool: Spool | None = None,
        patience: float = 0,
    ) -> None:
        super().__init__(client, run)
        self.checkpoints, self._lock, self._patience = checkpoints, lock, patience
        self._sender = Sender(client, self.run_id, spool)
        self._points: dict[str, dict[int, Point]] = {}
        self._before = {name: self.values.get(name, 0.0) for name in ("time/run_s", "time/cpu_s")}
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def recall(self) -> None:
        """Read what was recorded before an interruption, once, while the store is there."""
        for name in self.values:
            history = self.client.get_metric_history(self.run_id, name)
            self._points[name] = {
                item.step: (name, item.value, item.timestamp, item.step) for item in history
            }

    def params(self, values: Mapping[str, Any]) -> None:
        """Log params; those that are there since before an interruption stay as they are."""
        fresh = {key: str(value)[:6000] for key, value in values.items() if key not in self.settings}
        self._sender.send(writes.batch(params=fresh))
        self.settings |= fresh

    def metrics(self, values: Mapping[str, float], step: int) -> None:
        """Log the values of one step (an epoch, or 0 for what belongs to the whole run)."""
        self.series([(key, value, step) for key, value in values.items()])

    def series(self, points: list[tuple[str, float, int]]) -> None:
        """Log (name, value, step) triples, as of now."""
        time = now()
        self.points([(key, float(value), time, step) for key, value, step in points])

    def points(self, points: Iterable[Point]) -> None:
        """Log points, which have their own times, in as few calls as possible.

        One that was logged before an interruption is not logged again.
        """
        made = [point for point in points if not self._is_logged(point[0], point[1], point[3])]
        self._sender.send(writes.batch(metrics=made))
        for point in made:
            self._points.setdefault(point[0], {})[point[3]] = point
        for name in {point[0] for point in made}:
            self.values[name] = self._points[name][self.last_step(name)][1]

    def _is_logged(self, metric: str, value: float, step: int) -> bool:
        known = self._points.get(metric, {}).get(step)
        return known is not None and (known[1] == value or (math.isnan(known[1]) and math.isnan(value)))

    def last_step(self, metric: str) -> int:
        """The last step at which ``metric`` was logged; 0 if never."""
        return max(self._points.get(metric, [0]))

    def curve(self, metric: str) -> list[tuple[int, float]]:
        """All of ``metric`` that was logged, before and after an interruption: (step, value), by step."""
        return sorted((step, point[1]) for step, point in self._points.get(metric, {}).items())

    def tag(self, key: str, value: str) -> None:
        """Set a tag."""
        self._sender.send(writes.batch(tags={key: value[:5000]}))
        self.tags[key] = value[:5000]

    def dataset(self, name: str, digest: str, source: str, sizes: Mapping[str, int]) -> None:
        """Note which data the run used: shown by the UI as its dataset."""
        profile, read_from = json.dumps(dict(sizes)), json.dumps({"read from": source})
        self._sender.send(writes.dataset(name, digest[:12], read_from, profile))

    def describe(self, markdown: str) -> None:
        """Set the text that the UI shows as the run's description."""
        self.tag("mlflow.note.content", markdown)

    def text(self, text: str, file: str) -> None:
        """Keep ``text`` as the artifact ``file``."""
        self._keep({file: lambda path: path.write_text(text, encoding="utf-8")})

    def picture(self, image: Any, file: str) -> None:
        """Keep a PIL image as the artifact ``file``."""
        self._keep({file: image.save})

    def pictures_at(self, pictures: Mapping[int, Picture], key: str) -> None:
        """Add pictures, by step, to the series ``key``, which the UI shows with a slider over the steps."""
        if not pictures:
            return
        files: dict[str, Callable[[Path], Any]] = {}
        for step, picture in pictures.items():
            name = f"images/{key}+step+{step}+{picture.name}"  # as the UI expects it
            files[f"{name}.png"] = partial(Path.write_bytes, data=picture.png)
            files[f"{name}+compressed.webp"] = partial(Path.write_bytes, data=picture.thumbnail)
        self._keep(files)
        if "mlflow.loggedImages" not in self.tags:
            self.tag("mlflow.loggedImages", "True")

    def drawn(self, key: str) -> set[int]:
        """The steps of which the series ``key`` has a picture from before an interruption."""
        try:
            found = self.client.list_artifacts(self.run_id, "images") if "resumed" in self.tags else []
        except ClientErrors:  # its server is away
            return set()
        pattern = rf"images/{re.escape(key)}\+step\+([0-9]+)\+.*\.png"
        names = [re.fullmatch(pattern, item.path) for item in found]
        return {int(name[1]) for name in names if name}

    def folder(self, folder: Path) -> None:
        """Keep all files of ``folder``, which must hold no symbolic links."""
        need_files_alone(folder)
        self._sender.send(writes.files(), folder)

    def _keep(self, files: Mapping[str, Callable[[Path], Any]]) -> None:
        """Keep each file, which its function writes, among the run's artifacts."""
        with TemporaryDirectory() as folder:
            for file, save in files.items():
                path = Path(folder, file)
                path.parent.mkdir(parents=True, exist_ok=True)
                save(path)
            self._sender.send(writes.files(), Path(folder))

    def model(self, folder: Path) -> None:
        """Keep ``folder``, which holds an MLflow model, as ``runs:/<run id>/model``."""
        self._sender.send(writes.model(), folder)

    def model_scores(self) -> None:
        """Give the model that is kept the metrics of the whole run, so that models can be compared too."""
        whole = [steps[0] for steps in self._points.values() if list(steps) == [0]]
        self._sender.send(writes.scores(whole))

    def close(self, status: str, reason: str = "", keep: bool = False, timed: bool = True) -> None:
        """End the run as FINISHED, FAILED or KILLED, saying why; ``keep`` what it needs to go on later.

        What it took is recorded if it is ``timed``; of a process that died without a word that is not known.

        A server that is away is waited for, up to ``patience``; a run that was KILLED waits for nothing.
        A database that is lost is only warned of: the next start closes the run.

        Raises:
            TrackingError: a run cannot be closed as FINISHED; the same command goes on with it.
        """
        try:
            with ignored_signals():
                if timed:
                    self._metrics_of_time()
                if reason:
                    self.tag("reason", reason)
                self._sender.send(writes.status(status, now()))
                self.status = status
                if not keep:
                    shutil.rmtree(self.checkpoints, ignore_errors=True)
            if self._settled(0 if status == "KILLED" else self._patience) and not keep:
                remove_lock(self._lock)
        except Exception as error:
            local = self._sender.spool is None
            why = store_trouble(error, self.checkpoints.parents[1]) if local else first_sentence(error)
            said = f"run {self.run_id} could not be closed as {status}: {why}"
            if status == "FINISHED":
                raise TrackingError(f"{said}; the same command goes on with it") from error
            log.warning("%s", said)
        finally:
            self._lock.release()

    def _metrics_of_time(self) -> None:
        """What the run took, in wall and CPU seconds, with what it took before, if it closed its record."""
        spent = {"run_s": time.perf_counter() - self._wall, "cpu_s": time.process_time() - self._cpu}
        times = {f"time/{name}": seconds for name, seconds in spent.items()}
        self.metrics({name: s + self._before[name] for name, s in times.items()}, step=0)

    def _settled(self, seconds: float) -> bool:
        """Whether the server has taken everything, or does so within ``seconds``."""
        try:
            return self._sender.wait(seconds)
        finally:
            if self._sender.spool:  # or it refuses something, or a person does not want to wait
                self._leave(self._sender.spool)

    def _leave(self, spool: Spool) -> None:
        """Say where the record is that the server has not taken, and how it gets there."""
        names = ("run_id", "name", "status", "experiment_id", "artifact_uri", "began")
        known = {name: getattr(self, name) for name in (*names, "tags", "settings", "values")}
        spool.describe(known={**known, "curves": {name: self.curve(name) for name in self._points}})
        log.warning(
            "run %s has ended as %s, but the server at %s has not taken all of its record (%s): the rest "
            "waits in %s. Once the server is back, the next command that uses it pushes the rest there, or: "
            "%s%s",
            self.run_id,
            self.status,
            self.client.tracking_uri,
            self._sender.trouble or "it refuses some",
            spool.folder,
            format_run_command(
                "sync=true",
                format_override("tracking.uri", self.client.tracking_uri),
                format_override("tracking.dir", str(spool.folder.parents[1])),
            ),
            f" (no password is kept: set {USERNAME} and {PASSWORD})" if PASSWORD in os.environ else "",
        )


def now() -> int:
    """Milliseconds since 1970."""
    return int(time.time() * 1000)
