"""What a trained model is worth: the common metrics on test images and test noise that never change."""

from typing import Any

import numpy as np

from dae_lab import baselines, metrics
from dae_lab.config.run import Config
from dae_lab.data.images import Dataset, Images
from dae_lab.noise import Corruption, corrupted
from dae_lab.pixels import to_float
from dae_lab.progress import progress
from dae_lab.seeds import derive

Scores = dict[str, dict[str, float]]
"""For each denoiser (``model`` or a baseline's name), its metrics averaged over the test images."""


def evaluation_set(images: Images, corruption: Corruption, config: Config) -> tuple[np.ndarray, Images]:
    """The images to judge on, and their noisy versions, float32 (n, h, w, c).

    The noise of an image follows from the run's seed and the image's row alone, so every epoch, and
    every arm of a comparison with that seed, is judged on the same noisy images.
    """
    images = images[: config.evaluation.limit]
    return corrupted(images, corruption, derive(config.seed, "evaluation noise")), images


def score(denoiser: Any, noisy: np.ndarray, test: Images, dataset: Dataset, config: Config) -> Scores:
    """The metrics of ``denoiser`` (a Keras model, image → image) beside those of the baselines."""
    clean = to_float(test.pixels)
    with progress("Judging on the test images"):
        reconstruction = denoiser.predict(noisy, batch_size=config.evaluation.batch_size, verbose=0)
        images = {"model": reconstruction, **baselines.reconstructions(dataset.train.pixels, noisy)}
        return {name: metrics.mean(clean, image) for name, image in images.items()}
