"""Evaluations made by hand, of small images, for pages and pictures to show."""

from dataclasses import replace
from functools import cache

import numpy as np
from PIL import Image

from dae_lab.baselines.evaluate import Baseline
from dae_lab.collapse import diagnose
from dae_lab.data.images import Images
from dae_lab.evaluation import scores
from dae_lab.evaluation.code_geometry import code_geometry
from dae_lab.evaluation.convergence import convergence
from dae_lab.evaluation.evaluate import Evaluation
from dae_lab.evaluation.robustness import NoiseScore, Robustness
from dae_lab.report.pictures import pictures
from dae_lab.scoring import energy, score_images

TRAJECTORY = [(0, 0.23), (1, 0.09), (2, 0.05), (3, 0.04)]
HISTORY = [{"train/loss": 0.5 / n, "val/loss": 0.4 / n, "val/mse": TRAJECTORY[n][1]} for n in (1, 2, 3)]
KERNELS = np.random.default_rng(0).standard_normal((3, 3, 1, 8)).astype(np.float32)


def _clean(count: int, shape: tuple[int, int, int], rng: np.random.Generator) -> np.ndarray:
    """Bright rectangles on black, each somewhere else."""
    images = np.zeros((count, *shape), np.float32)
    for image in images:
        top, left = rng.integers(0, shape[0] // 2), rng.integers(0, shape[1] // 2)
        image[top : top + shape[0] // 3, left : left + shape[1] // 3] = rng.uniform(0.4, 1, shape[2])
    return images


def _baseline(title: str, clean: np.ndarray, answers: np.ndarray) -> Baseline:
    answers = np.broadcast_to(answers, clean.shape).astype(np.float32)
    table = score_images(clean, answers)
    return Baseline(title, f"how {title} was made", table, float(table["mse"].mean()), answers[:10])


def _point(clean: np.ndarray, sigma: float) -> NoiseScore:
    means = {name: float(values.mean()) for name, values in score_images(clean, 0.9 * clean).items()}
    return NoiseScore(f"sigma = {sigma:g}", means["mse"], sigma**2, means)


def made(
    count: int = 24,
    shape: tuple[int, int, int] = (16, 16, 1),
    labels: np.ndarray | None = None,
    error: float = 0.05,
    sigma: float = 0.2,
    code: tuple[int, ...] = (2, 2, 3),
    **changes: object,
) -> Evaluation:
    """An evaluation of ``count`` test images.

    Args:
        labels: None: classes 0, 1, 2 in turn.
        error: root mean square of the reconstruction's error; infinite: it is black.
        sigma: of the noise.
        changes: fields of the evaluation that are to be something else.
    """
    rng = np.random.default_rng(7)
    clean = _clean(count, shape, rng)
    noisy = clean + sigma * rng.standard_normal(clean.shape, np.float32)
    answers = np.zeros_like(clean)
    if np.isfinite(error):
        answers = clean + error * rng.standard_normal(clean.shape, np.float32)
    labels = np.arange(count) % 3 if labels is None else labels
    mean = clean.mean(axis=0)
    baselines = {
        "noisy": _baseline("noisy image, as it is", clean, noisy),
        "black": _baseline("black image", clean, np.zeros_like(clean)),
        "mean_image": _baseline("mean training image", clean, mean),
        "median": _baseline("median filter", clean, clean + 0.7 * (noisy - clean)),
    }
    table, energies = score_images(clean, answers), energy(clean)
    classes = scores.score_classes(
        labels, energies, table["mse"], baselines["noisy"].test["mse"], baselines["median"].test["mse"]
    )
    errors = {label: score.nmse.mean for label, score in classes.items()}
    codes = rng.standard_normal((count, *code), np.float32) + labels.reshape(-1, *[1] * len(code))
    targets = {name: item.validation for name, item in baselines.items()} | {"target_mse": 0.001}
    found = Evaluation(
        test=(noisy, Images(clean, labels, range(count))),
        reconstruction=answers,
        model=table,
        energies=energies,
        baselines=baselines,
        classes=classes,
        collapse=diagnose(clean, noisy, answers, mean, sigmoid=True, gradient_norm=0.02),
        convergence=convergence(TRAJECTORY, targets, float(energies.mean()), steps_per_epoch=40),
        robustness=Robustness(
            count,
            float(energies.mean()),
            {level: _point(clean, level * sigma) for level in (0.0, 0.5, 1.0, 2.0)},
            {name: _point(clean, sigma) for name in ("uniform", "salt_and_pepper")},
        ),
        geometry=code_geometry(codes.astype(np.float32), labels, errors, (codes, labels)),
        decoded=rng.random((144, *shape), np.float32),
    )
    return replace(found, **changes)


def unlabelled(sigma: float = 0.2, **changes: object) -> Evaluation:
    """As ``made``, of images without labels."""
    found = made(sigma=sigma)
    noisy, images = found.test
    codes = np.random.default_rng(0).standard_normal((len(images), 2)).astype(np.float32)
    plain = {"classes": {}, "geometry": code_geometry(codes, None, {}, None)}
    return replace(found, test=(noisy, Images(images.pixels, None, images.rows)), **plain | changes)


def drawn(
    found: Evaluation,
    history: list[dict[str, float]] = HISTORY,
    trajectory: list[tuple[int, float]] = TRAJECTORY,
    kernels: np.ndarray | None = KERNELS,
) -> dict[str, Image.Image]:
    """The pictures of ``found``."""
    return pictures(found, history, trajectory, kernels, "sigma = 0.3", "bce")


@cache
def example() -> tuple[Evaluation, dict[str, Image.Image]]:
    """An evaluation that has everything, and its pictures, drawn once for all tests."""
    found = made()
    return found, drawn(found)
