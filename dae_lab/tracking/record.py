"""One run's record."""

import json
import logging
import shutil
import time
from collections.abc import Mapping
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

from filelock import FileLock
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, Run
from mlflow.tracking import MlflowClient

from dae_lab.process import uninterrupted
from dae_lab.provenance import packages
from dae_lab.tracking.recorded import Recorded

log = logging.getLogger(__name__)

BATCH = 1000
"""Metrics MLflow takes in one call."""


class Record(Recorded):
    """One run's record while it is written: a run of MLflow, and on this machine its lock and checkpoints."""

    def __init__(self, client: MlflowClient, run: Run, lock: FileLock, checkpoints: Path) -> None:
        super().__init__(client, run)
        self.checkpoints, self._lock = checkpoints, lock
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def params(self, values: Mapping[str, Any]) -> None:
        """Log params; those that are there since before an interruption stay as they are."""
        there = self.client.get_run(self.run_id).data.params
        items = [Param(key, str(value)[:6000]) for key, value in values.items() if key not in there]
        for start in range(0, len(items), 100):
            self.client.log_batch(self.run_id, params=items[start : start + 100])

    def metrics(self, values: Mapping[str, float], step: int) -> None:
        """Log the values of one step (an epoch, or 0 for what belongs to the whole run)."""
        self.series([(key, value, step) for key, value in values.items()])

    def series(self, points: list[tuple[str, float, int]]) -> None:
        """Log (name, value, step) triples in as few calls as possible."""
        now = int(time.time() * 1000)
        metrics = [Metric(key, float(value), now, step) for key, value, step in points]
        for start in range(0, len(metrics), BATCH):
            self.client.log_batch(self.run_id, metrics=metrics[start : start + BATCH])

    def last_step(self, metric: str) -> int:
        """The last step at which ``metric`` was logged; 0 if never."""
        return max((item.step for item in self.client.get_metric_history(self.run_id, metric)), default=0)

    def tag(self, key: str, value: str) -> None:
        """Set a tag."""
        self.client.set_tag(self.run_id, key, value[:5000])

    def dataset(self, name: str, digest: str, source: str, sizes: Mapping[str, int]) -> None:
        """Note which data the run used: shown by the UI as its dataset."""
        data = Dataset(
            name, digest[:12], "code", json.dumps({"read from": source}), profile=json.dumps(dict(sizes))
        )
        tags = [InputTag("mlflow.data.context", "training, validation, test")]
        self.client.log_inputs(self.run_id, [DatasetInput(data, tags)])

    def describe(self, markdown: str) -> None:
        """Set the text that the UI shows as the run's description."""
        self.tag("mlflow.note.content", markdown)

    def text(self, text: str, file: str) -> None:
        """Keep ``text`` as the artifact ``file``."""
        self.client.log_text(self.run_id, text, file)

    def picture(self, image: Any, file: str) -> None:
        """Keep a PIL image as the artifact ``file``."""
        self.client.log_image(self.run_id, image, artifact_file=file)

    def picture_at(self, image: Any, key: str, step: int) -> None:
        """Add a PIL image to the series ``key``, which the UI shows with a slider over the steps."""
        self.client.log_image(self.run_id, image, key=key, step=step)

    def model(self, model: Any, example_in: Any, example_out: Any, portable: bool) -> None:
        """Keep a Keras model, with its signature, as ``runs:/<run id>/model``.

        Args:
            model: image → image, Keras.
            example_in, example_out: float32 (n, h, w, c); only shapes and types are kept.
            portable: the model has layers of Keras alone and is kept as a ``.keras`` file; otherwise
                as a TensorFlow graph, which needs no code of this project either.
        """
        import mlflow
        from mlflow.models import Model, infer_signature

        needs = ("mlflow", "keras", "tensorflow")
        mlflow.set_tracking_uri(self.client.tracking_uri)
        mlflow.set_experiment(experiment_id=self.experiment_id)  # a model is filed under the active one
        with redirect_stdout(StringIO()):  # Keras prints what it exports
            Model.log(
                artifact_path=None,
                name="model",
                flavor=mlflow.keras,
                run_id=self.run_id,
                model=model,
                signature=infer_signature(example_in[:1], example_out[:1]),
                pip_requirements=[f"{name}=={packages()[name]}" for name in needs],
                save_exported_model=not portable,
            )

    def close(self, status: str, reason: str = "", keep: bool = False) -> None:
        """End the run as FINISHED, FAILED or KILLED, saying why; ``keep`` what it needs to go on later.

        A store that is out of reach is only warned of: the next start closes the run.
        """
        with uninterrupted():
            try:
                self._metrics_of_time()
                if reason:
                    self.tag("reason", reason)
                self.client.set_terminated(self.run_id, status)
                if not keep:
                    shutil.rmtree(self.checkpoints, ignore_errors=True)
                    Path(self._lock.lock_file).unlink(missing_ok=True)
            except Exception as error:
                log.warning(
                    "run %s could not be closed as %s: %s", self.run_id, status, first_sentence(error)
                )
            finally:
                self._lock.release()

    def _metrics_of_time(self) -> None:
        """What the run took, in wall and CPU seconds, with what it took before it was cut."""
        spent = {"run_s": time.perf_counter() - self._wall, "cpu_s": time.process_time() - self._cpu}
        times = {f"time/{name}": seconds for name, seconds in spent.items()}
        self.metrics({name: s + self.values.get(name, 0.0) for name, s in times.items()}, step=0)


def first_sentence(error: Exception) -> str:
    """The first line of what a library says, without its statements and stack."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
