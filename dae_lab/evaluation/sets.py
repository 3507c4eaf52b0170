"""The images a model is judged on, and what it makes of them."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from dae_lab.config.run import Config
from dae_lab.data.images import Dataset, Images, NoisySet
from dae_lab.noise import Corruption, corrupted
from dae_lab.seeds import derive


@dataclass(frozen=True, eq=False)
class Sets:
    """What a run trains and is judged on.

    corruption: what makes the images noisy.
    test, validation: at most ``evaluation.limit`` images each; validation may have none.
    """

    dataset: Dataset
    corruption: Corruption
    test: NoisySet
    validation: NoisySet

    @classmethod
    def of(cls, dataset: Dataset, corruption: Corruption, config: Config) -> "Sets":
        """With the noise that every run with the seed of ``config`` is judged on."""
        parts = (part[: config.evaluation.limit] for part in (dataset.test, dataset.validation))
        return cls(dataset, corruption, *(evaluation_set(part, corruption, config) for part in parts))


def evaluation_set(images: Images, corruption: Corruption, config: Config) -> NoisySet:
    """Images to judge on, and their noisy versions.

    The noise of an image follows from the run's seed and the image's row alone, so every epoch, and
    every arm of a comparison with that seed, is judged on the same noisy images.
    """
    return corrupted(images, corruption, derive(config.seed, "evaluation noise")), images


def predict(model: Any, inputs: np.ndarray, config: Config) -> Any:
    """What a Keras ``model`` gives for ``inputs`` (n, …), ``evaluation.batch_size`` at a time."""
    return model.predict(inputs, batch_size=config.evaluation.batch_size, verbose=0)
