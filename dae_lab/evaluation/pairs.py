"""The pairs of noisy and clean images that a model is judged on, and a model's answers to them."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from dae_lab.config.run import Evaluation
from dae_lab.data.images import Dataset, Images, NoisySet
from dae_lab.noise import Corruption, corrupted
from dae_lab.seeds import derive


@dataclass(frozen=True, eq=False)
class Pairs:
    """The images of a run: those it trains on, and the pairs it is judged on.

    Attributes:
        dataset: the clean images.
        corruption: what makes them noisy.
        test, validation: pairs, at most ``evaluation.limit`` each; validation may have none.
    """

    dataset: Dataset
    corruption: Corruption
    test: NoisySet
    validation: NoisySet

    @classmethod
    def make(cls, dataset: Dataset, corruption: Corruption, evaluation: Evaluation, seed: int) -> "Pairs":
        """The pairs under the noise that every run with ``seed`` is judged on."""
        parts = (part[: evaluation.limit] for part in (dataset.test, dataset.validation))
        return cls(dataset, corruption, *(evaluation_pairs(part, corruption, seed) for part in parts))


def evaluation_pairs(images: Images, corruption: Corruption, seed: int) -> NoisySet:
    """Images to judge on, and their noisy versions.

    The noise of an image follows from the run's seed and the image's row alone, so every epoch, and every arm
    of a comparison with that seed, is judged on the same noisy images.
    """
    return corrupted(images, corruption, derive(seed, "evaluation noise")), images


def predict(model: Any, inputs: np.ndarray, batch_size: int) -> Any:
    """The outputs of a Keras ``model`` for ``inputs`` (n, …), computed ``batch_size`` at a time."""
    return model.predict(inputs, batch_size=batch_size, verbose=0)
