"""Estimates how long a training takes, from a few of its steps."""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from itertools import groupby
from math import inf
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from dae_lab import provenance
from dae_lab.config.fingerprint import workload
from dae_lab.config.run import Config
from dae_lab.data.images import Dataset
from dae_lab.environment import check_environment, kernel_settings
from dae_lab.parts.part import own_code
from dae_lab.progress import progress
from dae_lab.training import measurements

STEPS = 8
"""Training steps that are timed, after as many that are not: the first trace graphs."""
_CODE = ("data", "losses.py", "model", "noise.py", "optimizers.py", "training")


def calibrate(configs: Sequence[Config]) -> list[float]:
    """The seconds that an epoch of each of ``configs`` takes, training and validation.

    Each workload is measured once on this machine and then read from the cache. TensorFlow is imported if one
    has not been measured.
    """
    different = {workload(config): config for config in configs}
    by_data = sorted(different.values(), key=lambda config: str(config.data))
    seconds: dict[str, float] = {}
    with progress("Timing training steps", len(by_data)) as advance:
        for _, group in groupby(by_data, key=lambda config: config.data):
            dataset: Dataset | None = None
            for config in group:
                known = load(config)
                if known is None:
                    dataset = dataset or config.data.load()
                    known = _measure_and_keep(config, dataset)
                seconds[workload(config)] = known
                advance()
    return [seconds[workload(config)] for config in configs]


def load(config: Config, threads: int | None = None) -> float | None:
    """The cached seconds of an epoch in a process with ``threads`` threads; None if it was not measured."""
    seconds = measurements.load(_folder(config), _key(config, threads))
    return seconds if type(seconds) is float and 0 < seconds < inf else None


def _measure_and_keep(config: Config, dataset: Dataset) -> float:
    from dae_lab.startup import import_tensorflow

    check_environment()
    import_tensorflow()
    seconds = _measure(config, dataset)
    measurements.keep(_folder(config), _key(config, None), seconds)
    return seconds


def _measure(config: Config, dataset: Dataset) -> float:
    """The seconds of an epoch: those of its steps, from ``STEPS``, and those of its validation."""
    import numpy as np

    from dae_lab.model.autoencoder import build
    from dae_lab.noise import corrupted
    from dae_lab.training import fit
    from dae_lab.training.batches import TrainingData, evaluation_batches, training_batches
    from dae_lab.training.callbacks import EpochTimer, HistoryRecorder
    from dae_lab.training.checkpoint import History

    fit.set_determinism(config.training.deterministic)
    training, size = config.training, config.evaluation.batch_size
    corruption = config.noise
    steps = TrainingData(dataset.train, corruption, training, config.seed).steps_per_epoch
    at_once = fit.largest_divisor(steps, training.steps_per_execution)
    timed = min(steps, at_once * -(-STEPS // at_once))
    brief = replace(config, training=replace(training, epochs=2, batches=timed))
    train, validation = dataset.train[: timed * training.batch_size], dataset.validation[: STEPS * size]
    model = build(config, dataset.train.shape, np.full(dataset.train.shape[-1], 0.5))
    data = TrainingData(train, corruption, brief.training, config.seed)
    with TemporaryDirectory() as folder:
        model, _ = fit.prepare(model, brief, data.steps_per_epoch, Path(folder))
    with training_batches(data, first_epoch=0) as batches:
        history: History = []
        clock = [EpochTimer(), HistoryRecorder(history)]
        model.fit(batches, epochs=2, steps_per_epoch=timed, shuffle=False, verbose=0, callbacks=clock)
    step = history[-1]["time/epoch_s"] / timed
    if not len(validation):
        return step * steps
    batches = evaluation_batches(corrupted(validation, corruption, 0), validation, size)
    check = _seconds(lambda: model.evaluate(batches, verbose=0)) / len(validation)
    return step * steps + check * len(dataset.validation[: config.evaluation.limit])


def _seconds(compute: Callable[[], Any]) -> float:
    """How long ``compute`` takes the second time: the first traces graphs."""
    compute()
    began = time.perf_counter()
    compute()
    return time.perf_counter() - began


def _key(config: Config, threads: int | None) -> dict[str, Any]:
    """All that can change how long an epoch takes, as JSON."""
    return {
        "cpu": provenance.cpu(),
        "threads": threads or provenance.threads(),
        "settings": kernel_settings(),
        "code": provenance.code_fingerprint(_CODE) + own_code(asdict(config)),
        "workload": workload(config),
        "noise": asdict(config.noise),
    }


def _folder(config: Config) -> Path:
    return Path(config.evaluation.cache).expanduser() / "calibration"
