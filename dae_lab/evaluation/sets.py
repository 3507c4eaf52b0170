"""The images a model is judged on, and what it makes of them."""

from typing import Any

import numpy as np

from dae_lab.config.run import Config
from dae_lab.data.images import Images
from dae_lab.noise import Corruption, corrupted
from dae_lab.seeds import derive
from dae_lab.training.fit import NoisySet


def evaluation_set(images: Images, corruption: Corruption, config: Config) -> NoisySet:
    """The images to judge on, at most ``evaluation.limit``, and their noisy versions.

    The noise of an image follows from the run's seed and the image's row alone, so every epoch, and
    every arm of a comparison with that seed, is judged on the same noisy images.
    """
    images = images[: config.evaluation.limit]
    return corrupted(images, corruption, derive(config.seed, "evaluation noise")), images


def predict(model: Any, inputs: np.ndarray, config: Config) -> Any:
    """What a Keras ``model`` gives for ``inputs`` (n, …), ``evaluation.batch_size`` at a time."""
    return model.predict(inputs, batch_size=config.evaluation.batch_size, verbose=0)
