"""Robustness: how a model does on noise it was not trained on, of other strengths and other kinds."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from dae_lab.config.run import Evaluation
from dae_lab.data.images import Images
from dae_lab.errors import ConfigError
from dae_lab.evaluation.pairs import evaluation_pairs, predict
from dae_lab.noise import Corruption
from dae_lab.pixels import to_float
from dae_lab.scoring import energy, score_images

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class NoiseScore:
    """The scores of a model under one noise.

    Attributes:
        noise: its strength, as ``sigma = 0.25``.
        mse, noisy: the MSE of the model's answers and of the noisy images, means over images.
        metrics: all metrics of the model, means over images.
    """

    noise: str
    mse: float
    noisy: float
    metrics: dict[str, float]


@dataclass(frozen=True)
class Robustness:
    """The scores of a model under other noise.

    Attributes:
        images: how many images were used.
        energy: E[x²] of those images, the MSE of black.
        levels: by strength, in multiples of that trained on.
        corruptions: by name.
    """

    images: int
    energy: float
    levels: dict[float, NoiseScore]
    corruptions: dict[str, NoiseScore]


def evaluate_robustness(
    denoiser: Any, corruption: Corruption, images: Images, evaluation: Evaluation, seed: int
) -> Robustness:
    """Try ``denoiser`` under ``evaluation.levels`` of its noise, and under ``evaluation.corruptions``.

    All draws descend from the evaluation noise's sub-seed and the images' rows: the levels of one corruption
    are one field of noise, scaled.

    Args:
        denoiser: a Keras model, image → image.
        corruption: the noise it was trained on.
        seed: the run's.
    """

    def score(noise: Corruption) -> NoiseScore:
        noisy, _ = evaluation_pairs(images, noise, seed)
        scores = score_images(clean, predict(denoiser, noisy, evaluation.batch_size))
        means = {name: float(np.mean(values, dtype=np.float64)) for name, values in scores.items()}
        remaining = float(np.mean(np.square(noisy - clean), dtype=np.float64))
        return NoiseScore(noise.described(), means["mse"], remaining, means)

    clean = to_float(images.pixels)
    levels = {}
    for level in (
        sorted(evaluation.levels) if corruption.described() else []
    ):  # without a strength there is none
        try:
            levels[level] = score(corruption.scaled(level))
        except ConfigError as error:
            log.info("noise of %g times the strength is left out: %s", level, error)
    others: Mapping[str, Corruption] = evaluation.corruptions
    corruptions = {
        name: score(other)
        for name, other in others.items()
        if type(other) is not type(corruption)  # what it was trained on is no other noise
    }
    mean_energy = float(energy(images.pixels).mean(dtype=np.float64))
    return Robustness(len(images), mean_energy, levels, corruptions)
