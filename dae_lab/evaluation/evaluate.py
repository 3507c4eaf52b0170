"""Evaluates a trained model, on images and noise that are the same for every run with its seed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import keras
import numpy as np

from dae_lab.baselines.evaluate import Baseline, evaluate_baselines
from dae_lab.collapse import Collapse, diagnose
from dae_lab.config import run as config
from dae_lab.data.images import NoisySet
from dae_lab.evaluation.code_geometry import CodeGeometry, code_geometry, grid_codes
from dae_lab.evaluation.convergence import Convergence, Trajectory, convergence
from dae_lab.evaluation.pairs import Pairs, evaluation_pairs, predict
from dae_lab.evaluation.robustness import Robustness, evaluate_robustness
from dae_lab.evaluation.scores import (
    ClassScore,
    Comparison,
    best_baseline,
    compare,
    mean_scores,
    score_classes,
)
from dae_lab.model.autoencoder import Autoencoder
from dae_lab.pixels import to_float
from dae_lab.progress import progress
from dae_lab.scoring import energy, score_images
from dae_lab.training.collapse_monitor import MONITORED_IMAGES


@dataclass(frozen=True, eq=False)
class Evaluation:
    """All results of evaluating a trained model.

    Attributes:
        test: the noisy and the clean test images.
        reconstruction: of the test images, float32 (n, h, w, c).
        model: metric → each test image's value, float32 (n,).
        energies: each test image's E[x²], float32 (n,).
        baselines: by name, in order.
        classes: by label; empty where the data have none.
        collapse: of the outputs for the test images.
        convergence: None where there are no validation images.
        robustness, geometry: None with ``evaluation.images=0``.
        decoded: images decoded from a grid over the plane of the code, float32 (144, h, w, c), row by row;
            None where a code alone does not make an image, or is too wide to be shown whole.
    """

    test: NoisySet
    reconstruction: np.ndarray
    model: dict[str, np.ndarray]
    energies: np.ndarray
    baselines: dict[str, Baseline]
    classes: dict[int, ClassScore]
    collapse: Collapse
    convergence: Convergence | None
    robustness: Robustness | None
    geometry: CodeGeometry | None
    decoded: np.ndarray | None

    @cached_property
    def scores(self) -> dict[str, dict[str, float]]:
        """``model`` and each baseline → metric → mean over the test images."""
        tables = {"model": self.model, **{name: item.test for name, item in self.baselines.items()}}
        return {name: mean_scores(table, self.energies) for name, table in tables.items()}

    @cached_property
    def comparisons(self) -> dict[str, Comparison]:
        """The model compared with each baseline."""
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
    model: Autoencoder,
    pairs: Pairs,
    settings: config.Evaluation,
    noise: Mapping[str, Any],
    seed: int,
    trajectory: Trajectory,
    steps_per_epoch: int,
    mean_image: np.ndarray,
) -> Evaluation:
    """Evaluate ``model`` and the baselines on the test pairs.

    Args:
        model: trained.
        pairs: baselines are fitted on its training images, tuned on others; never on test images.
        settings: the section ``evaluation`` of the config.
        noise: the section ``noise``, plain, by which computed baselines are found again.
        seed: the run's.
        trajectory: (epoch, validation MSE), epoch 0 before training; may be empty.
        steps_per_epoch: optimiser steps an epoch.
        mean_image: the training images' mean, float32 (h, w, c).
    """
    noisy, images = pairs.test
    with progress("Judging on the test images"):
        reconstruction = predict(model.denoiser, noisy, settings.batch_size)
        scores = score_images(images.pixels, reconstruction)
    energies = energy(images.pixels)
    baselines = evaluate_baselines(
        settings.baselines,
        pairs.dataset,
        pairs.corruption,
        noise,
        pairs.test,
        pairs.validation,
        code_size=int(np.prod(model.decoder.inputs[0].shape[1:])),
        seed=seed,
        cache=Path(settings.cache).expanduser(),
    )
    classes = _class_scores(images.labels, energies, scores["mse"], baselines)
    robustness = geometry = decoded = None
    if settings.images:
        with progress("Looking at other noise and at the code"):
            first = images[: settings.images]
            robustness = evaluate_robustness(model.denoiser, pairs.corruption, first, settings, seed)
            geometry = _geometry(model, pairs, classes, settings, seed)
            decoded = _decode_grid(model, geometry, settings.batch_size)
    return Evaluation(
        test=pairs.test,
        reconstruction=reconstruction,
        model=scores,
        energies=energies,
        baselines=baselines,
        classes=classes,
        collapse=_collapse(model, pairs.test, reconstruction, mean_image),
        convergence=_convergence(trajectory, baselines, pairs, settings.target_mse, steps_per_epoch),
        robustness=robustness,
        geometry=geometry,
        decoded=decoded,
    )


def _class_scores(
    labels: np.ndarray | None, energies: np.ndarray, mse: np.ndarray, baselines: Mapping[str, Baseline]
) -> dict[int, ClassScore]:
    if labels is None:
        return {}
    best = baselines[best_baseline(baselines)]
    return score_classes(labels, energies, mse, baselines["noisy"].test["mse"], best.test["mse"])


def _collapse(
    model: Autoencoder, test: NoisySet, reconstruction: np.ndarray, mean_image: np.ndarray
) -> Collapse:
    noisy, clean = test[0], to_float(test[1].pixels)
    norm = model.gradient_norm(noisy[:MONITORED_IMAGES], clean[:MONITORED_IMAGES])
    return diagnose(clean, noisy, reconstruction, mean_image, model.activation == "sigmoid", norm)


def _convergence(
    trajectory: Trajectory,
    baselines: Mapping[str, Baseline],
    pairs: Pairs,
    target_mse: float | None,
    steps_per_epoch: int,
) -> Convergence | None:
    if not trajectory:
        return None
    targets = {name: item.validation for name, item in baselines.items() if item.validation is not None}
    if target_mse is not None:
        targets["target_mse"] = target_mse
    scale = float(energy(pairs.validation[1].pixels).mean(dtype=np.float64))
    return convergence(trajectory, targets, scale, steps_per_epoch)


def _geometry(
    model: Autoencoder,
    pairs: Pairs,
    classes: Mapping[int, ClassScore],
    settings: config.Evaluation,
    seed: int,
) -> CodeGeometry:
    """The geometry of the noisy test images' codes; classifiers are fitted on those of training images."""
    count = settings.images
    noisy, images, train = pairs.test[0][:count], pairs.test[1][:count], pairs.dataset.train
    class_errors = {label: score.nmse.mean for label, score in classes.items()}
    fit = None
    if train.labels is not None and images.labels is not None:
        fit_noisy, fit_images = evaluation_pairs(train[:count], pairs.corruption, seed)
        fit = (_encode(model, fit_noisy, settings.batch_size), fit_images.labels)
    codes = _encode(model, noisy, settings.batch_size)
    return code_geometry(codes, images.labels, class_errors, fit)


def _encode(model: Autoencoder, noisy: np.ndarray, batch_size: int) -> np.ndarray:
    code = predict(model.encoder, noisy, batch_size)
    return np.asarray(code[0] if isinstance(code, Sequence) else code, np.float32)  # skips may follow it


def _decode_grid(model: Autoencoder, geometry: CodeGeometry, batch_size: int) -> np.ndarray | None:
    """Images decoded from a grid over the code's plane; None where a code alone does not make an image."""
    view = geometry.decodable
    if view is None or not model.decodes_code_alone:
        return None
    codes = grid_codes(view).reshape(-1, *model.decoder.inputs[0].shape[1:])
    logits = predict(model.decoder, codes, batch_size)
    return np.asarray(keras.activations.get(model.activation)(logits), np.float32)
