"""What a trained model is worth: everything that is said of it, on images and noise that never change."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

import keras
import numpy as np

from dae_lab import metrics
from dae_lab.baselines.judge import Baseline, judge
from dae_lab.collapse import Collapse, diagnose
from dae_lab.config.run import Config
from dae_lab.data.images import NoisySet
from dae_lab.evaluation.convergence import Convergence, Trajectory, convergence
from dae_lab.evaluation.generalisation import Generalisation, generalisation
from dae_lab.evaluation.latent import Geometry, geometry, grid_codes
from dae_lab.evaluation.scores import (
    ClassScore,
    Comparison,
    best_baseline,
    by_class,
    compare,
    means,
)
from dae_lab.evaluation.sets import Sets, evaluation_set, predict
from dae_lab.model.autoencoder import Autoencoder
from dae_lab.parts.part import own_code
from dae_lab.pixels import to_float
from dae_lab.progress import progress
from dae_lab.training.batches import steps_per_epoch
from dae_lab.training.watch import IMAGES


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What a trained model is worth.

    reconstruction: of the test images, float32 (n, h, w, c).
    model: metric → each test image's value, float32 (n,); energies: each image's E[x²].
    baselines: by name, in order.
    classes: by label; empty where the data have none.
    convergence, geometry: None where there are no validation images, no images to look at.
    decoded: what the decoder makes of a grid over the plane of the code, float32 (144, h, w, c), row by
        row; None where a code alone does not make an image, or is too wide to be looked at whole.
    """

    test: NoisySet
    reconstruction: np.ndarray
    model: dict[str, np.ndarray]
    energies: np.ndarray
    baselines: dict[str, Baseline]
    classes: dict[int, ClassScore]
    collapse: Collapse
    convergence: Convergence | None
    generalisation: Generalisation | None
    geometry: Geometry | None
    decoded: np.ndarray | None

    @cached_property
    def scores(self) -> dict[str, dict[str, float]]:
        """``model`` and each baseline → metric → mean over the test images."""
        tables = {"model": self.model, **{name: item.test for name, item in self.baselines.items()}}
        return means(tables, self.energies)

    @cached_property
    def comparisons(self) -> dict[str, Comparison]:
        """The model beside each baseline."""
        return {
            name: compare(self.model["mse"], item.test["mse"], item.title)
            for name, item in self.baselines.items()
        }

    def names(self, verdict: str) -> list[str]:
        """The baselines that the model ``beats``, ``loses to`` or is ``level with``."""
        return [name for name, comparison in self.comparisons.items() if comparison.verdict == verdict]

    @cached_property
    def best(self) -> str:
        """The name of the baseline with the lowest MSE."""
        return best_baseline(self.baselines)


def evaluate(
    model: Autoencoder, sets: Sets, config: Config, trajectory: Trajectory, mean_image: np.ndarray
) -> Evaluation:
    """Judge ``model``.

    Args:
        model: trained.
        sets: baselines are fitted on its training images, tuned on others; never on test images.
        trajectory: (epoch, validation MSE), epoch 0 before training; may be empty.
        mean_image: the training images' mean, float32 (h, w, c).
    """
    noisy, images = sets.test
    with progress("Judging on the test images"):
        reconstruction = predict(model.denoiser, noisy, config)
        found = metrics.table(images.pixels, reconstruction)
    energies = metrics.energy(images.pixels)
    code_size = int(np.prod(model.decoder.inputs[0].shape[1:]))
    noise = asdict(config.noise)
    baselines = judge(
        config.evaluation.baselines,
        sets.dataset,
        sets.corruption,
        {**noise, "code": own_code(noise)} if own_code(noise) else noise,
        sets.test,
        sets.validation,
        code_size=code_size,
        seed=config.seed,
        cache=Path(config.evaluation.cache).expanduser(),
    )
    classes = {}
    if images.labels is not None:
        best = baselines[best_baseline(baselines)]
        errors = (found["mse"], baselines["noisy"].test["mse"], best.test["mse"])
        classes = by_class(images.labels, energies, *errors)
    class_errors = {label: score.nmse.mean for label, score in classes.items()}
    some = config.evaluation.images
    with progress("Looking at other noise and at the code"):
        other = generalisation(model.denoiser, sets.corruption, images[:some], config) if some else None
        code = _geometry(model, sets, class_errors, config) if some else None
        decoded = _decoded(model, code, config) if code else None
    return Evaluation(
        test=sets.test,
        reconstruction=reconstruction,
        model=found,
        energies=energies,
        baselines=baselines,
        classes=classes,
        collapse=_collapse(model, sets.test, reconstruction, mean_image),
        convergence=_convergence(trajectory, baselines, sets, config),
        generalisation=other,
        geometry=code,
        decoded=decoded,
    )


def _collapse(
    model: Autoencoder, test: NoisySet, reconstruction: np.ndarray, mean_image: np.ndarray
) -> Collapse:
    noisy, clean = test[0], to_float(test[1].pixels)
    norm = model.gradient_norm(noisy[:IMAGES], clean[:IMAGES])
    return diagnose(clean, noisy, reconstruction, mean_image, model.activation == "sigmoid", norm)


def _convergence(
    trajectory: Trajectory, baselines: Mapping[str, Baseline], sets: Sets, config: Config
) -> Convergence | None:
    if not trajectory:
        return None
    targets = {name: item.validation for name, item in baselines.items() if item.validation is not None}
    if config.evaluation.target_mse is not None:
        targets["target_mse"] = config.evaluation.target_mse
    energy = float(metrics.energy(sets.validation[1].pixels).mean(dtype=np.float64))
    return convergence(trajectory, targets, energy, steps_per_epoch(sets.dataset.train, config))


def _geometry(model: Autoencoder, sets: Sets, class_errors: Mapping[int, float], config: Config) -> Geometry:
    """The geometry of the noisy test images' codes; classifiers are fitted on those of training images."""
    some = config.evaluation.images
    noisy, images, train = sets.test[0][:some], sets.test[1][:some], sets.dataset.train
    fit = None
    if train.labels is not None and images.labels is not None:
        seen = evaluation_set(train[:some], sets.corruption, config)
        fit = (_codes(model, seen[0], config), seen[1].labels)
    return geometry(_codes(model, noisy, config), images.labels, class_errors, fit)


def _codes(model: Autoencoder, noisy: np.ndarray, config: Config) -> np.ndarray:
    code = predict(model.encoder, noisy, config)
    return np.asarray(code[0] if isinstance(code, Sequence) else code, np.float32)  # skips may follow it


def _decoded(model: Autoencoder, code: Geometry, config: Config) -> np.ndarray | None:
    """A grid over the plane of the code, decoded; None where the code alone does not make an image."""
    view = code.decodable
    if view is None or len(model.decoder.inputs) > 1 or config.decoder.output.residual:
        return None  # the image needs more than the code: an encoder's features, or the noisy image
    shape = model.decoder.inputs[0].shape[1:]
    values = predict(model.decoder, grid_codes(view).reshape(-1, *shape), config)
    return np.asarray(keras.activations.get(model.activation)(values), np.float32)
