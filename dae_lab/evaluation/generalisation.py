"""How a model does on noise it was not trained on: other strengths, other kinds."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from dae_lab import metrics
from dae_lab.config.run import Config
from dae_lab.data.images import Images
from dae_lab.errors import ConfigError
from dae_lab.evaluation.sets import predict
from dae_lab.noise import Corruption, corrupted
from dae_lab.pixels import to_float
from dae_lab.seeds import derive

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Point:
    """The model on one noise.

    noise: what it is, as ``sigma = 0.25``. mse: mean over images, of the model and of the noisy images.
    metrics: all metrics of the model, means over images.
    """

    noise: str
    mse: float
    noisy: float
    metrics: dict[str, float]


@dataclass(frozen=True)
class Generalisation:
    """levels: by strength, in multiples of that trained on. corruptions: by name. images: how many were used.

    energy: E[x²] of those images, the MSE of black.
    """

    images: int
    energy: float
    levels: dict[float, Point]
    corruptions: dict[str, Point]


def generalisation(denoiser: Any, corruption: Corruption, images: Images, config: Config) -> Generalisation:
    """Try ``denoiser`` (a Keras model, image → image) on ``images`` under each noise the config lists.

    All draws descend from the evaluation noise's sub-seed and the images' rows: the levels of one
    corruption are one field of noise, scaled.
    """
    levels = {}
    for level in sorted(config.evaluation.levels) if scalable(corruption) else []:
        try:
            levels[level] = _point(denoiser, corruption.scaled(level), images, config)
        except ConfigError as error:
            log.info("noise of %g times the strength is left out: %s", level, error)
    others: Mapping[str, Corruption] = config.evaluation.corruptions
    corruptions = {
        name: _point(denoiser, other, images, config)
        for name, other in others.items()
        if type(other) is not type(corruption)  # what it was trained on is no other noise
    }
    energy = float(metrics.energy(images.pixels).mean(dtype=np.float64))
    return Generalisation(len(images), energy, levels, corruptions)


def scalable(corruption: Corruption) -> bool:
    """Whether it has a strength."""
    return bool(corruption.described())


def _point(denoiser: Any, corruption: Corruption, images: Images, config: Config) -> Point:
    noisy = corrupted(images, corruption, derive(config.seed, "evaluation noise"))
    clean = to_float(images.pixels)
    found = metrics.table(clean, predict(denoiser, noisy, config))
    means = {name: float(np.mean(values, dtype=np.float64)) for name, values in found.items()}
    left = float(np.mean(np.square(noisy - clean), dtype=np.float64))
    return Point(corruption.described(), means["mse"], left, means)
