"""The pictures of a report, drawn from a run's evaluation."""

from collections.abc import Mapping, Sequence
from math import isqrt

import numpy as np
from PIL import Image

from dae_lab.data.images import Images
from dae_lab.evaluation.code_geometry import CodeView
from dae_lab.evaluation.convergence import Trajectory
from dae_lab.evaluation.evaluate import Evaluation
from dae_lab.evaluation.scores import interval
from dae_lab.figures import bars, codes, curves
from dae_lab.figures.grid import reconstruction_grid, tile
from dae_lab.figures.kernels import kernels as draw_kernels
from dae_lab.pixels import to_float

GROUP = 4
"""Images in each of the groups best, median and worst, at most."""
RIVALS = 5
"""Baselines whose answers are shown beside the model's."""


def pictures(
    evaluation: Evaluation,
    history: Sequence[Mapping[str, float]],
    trajectory: Trajectory,
    kernels: np.ndarray | None,
    trained_noise: str,
    loss_name: str,
) -> dict[str, Image.Image]:
    """Draw the pictures that apply to a run, by name, in the order in which the page shows them.

    Args:
        history: the values of each epoch, epoch 1 first: ``train/loss``, and ``val/loss`` where there are
            validation images.
        trajectory: (epoch, validation MSE), epoch 0 before training; empty without validation images.
        kernels: the first layer's weights, float (kh, kw, c_in, filters); None if it is no convolution.
        trained_noise: the strength trained on, as ``sigma = 0.5``; empty if it has none.
        loss_name: of the loss that was minimised, as ``bce``.

    Returns:
        RGB images by name: ``reconstructions``, ``baselines``, ``baseline_examples``, ``classes``,
        ``training``, ``noise_levels``, ``corruptions``, ``code_`` and the name of each view, ``decoded``,
        ``traversal``, ``kernels``.
    """
    drawn = {
        "reconstructions": _reconstructions(evaluation),
        "baselines": _baselines(evaluation),
        "baseline_examples": _baseline_examples(evaluation),
        "classes": _classes(evaluation),
        "training": _training(evaluation, history, trajectory, loss_name) if history else None,
        "noise_levels": _noise_levels(evaluation, trained_noise),
        "corruptions": _corruptions(evaluation),
        **_codes(evaluation),
        "decoded": _decoded(evaluation),
        "traversal": _traversal(evaluation),
        "kernels": None if kernels is None else draw_kernels(kernels),
    }
    return {name: picture for name, picture in drawn.items() if picture is not None}


def extremes(errors: np.ndarray) -> dict[str, np.ndarray]:
    """Which images to show of those with ``errors`` (n,): ``best``, ``median``, ``worst``, no image twice.

    As many in each group, at most ``GROUP``; of fewer than three images there is no median. What is not a
    number counts as worst. Each group is in ascending order of the error.
    """
    order = np.argsort(errors, kind="stable")
    if len(order) < 3:
        groups = {"best": order[:1], "worst": order[1:]}
        return {name: places for name, places in groups.items() if len(places)}
    count = min(GROUP, len(order) // 3)
    middle = (len(order) - count) // 2
    return {"best": order[:count], "median": order[middle : middle + count], "worst": order[-count:]}


def _reconstructions(evaluation: Evaluation) -> Image.Image:
    noisy, images = evaluation.test
    groups = extremes(evaluation.model["mse"])
    chosen = np.concatenate(list(groups.values()))
    clean, answers = to_float(images.pixels[chosen]), evaluation.reconstruction[chosen]
    titles = [f"{error:.4f}" for error in evaluation.model["mse"][chosen]]
    if images.labels is not None:
        classes = [images.class_name(label) for label in images.labels[chosen]]
        titles = [f"{name}\n{title}" for name, title in zip(classes, titles, strict=True)]
    return reconstruction_grid(
        {"clean": clean, "noisy": noisy[chosen], "reconstruction": answers},
        titles,
        [(name, len(places)) for name, places in groups.items()],
        answers - clean,
    )


def _baselines(evaluation: Evaluation) -> Image.Image:
    titles = [item.title for item in evaluation.baselines.values()]
    errors = [evaluation.scores[name]["mse"] for name in evaluation.baselines]
    model = interval(evaluation.model["mse"])
    return bars.baselines(titles, errors, model.mean, (model.low, model.high))


def _baseline_examples(evaluation: Evaluation) -> Image.Image:
    """The first test images, and what the model and the best baselines make of them."""
    rivals = [name for name in evaluation.baselines if name != "noisy"]
    rivals.sort(key=lambda name: evaluation.scores[name]["mse"])
    count = len(next(iter(evaluation.baselines.values())).examples)
    noisy, images = evaluation.test[0][:count], evaluation.test[1][:count]
    rows = {"clean": to_float(images.pixels), "noisy": noisy, "this model": evaluation.reconstruction[:count]}
    for item in (evaluation.baselines[name] for name in rivals[:RIVALS]):
        rows[item.title] = item.examples
    titles = [""] * count if images.labels is None else [images.class_name(label) for label in images.labels]
    return reconstruction_grid(rows, titles)


def _classes(evaluation: Evaluation) -> Image.Image | None:
    if not evaluation.classes:
        return None
    classes = evaluation.classes.values()
    return bars.per_class(
        [evaluation.test[1].class_name(label) for label in evaluation.classes],
        [item.nmse.mean for item in classes],
        [(item.nmse.low, item.nmse.high) for item in classes],
        [item.best for item in classes],
        evaluation.baselines[evaluation.best].title,
        [item.noisy for item in classes],
    )


def _training(
    evaluation: Evaluation, history: Sequence[Mapping[str, float]], trajectory: Trajectory, loss_name: str
) -> Image.Image:
    losses = {
        key: [(epoch, entry[key]) for epoch, entry in enumerate(history, start=1) if key in entry]
        for key in ("train/loss", "val/loss")
    }
    references = {
        item.title: item.validation
        for item in evaluation.baselines.values()
        if item.validation is not None and trajectory
    }
    return curves.trajectories(
        {key: points for key, points in losses.items() if points}, trajectory, references, loss_name
    )


def _noise_levels(evaluation: Evaluation, trained_noise: str) -> Image.Image | None:
    robustness = evaluation.robustness
    if robustness is None or not robustness.levels:
        return None
    points = robustness.levels.values()
    return curves.noise_levels(
        list(robustness.levels),
        [point.mse for point in points],
        [point.noisy for point in points],
        black=robustness.energy,
        strength_name=trained_noise,
    )


def _corruptions(evaluation: Evaluation) -> Image.Image | None:
    robustness = evaluation.robustness
    if robustness is None or not robustness.corruptions:
        return None
    points = robustness.corruptions.values()
    names = [f"{name.replace('_', ' ')}, {point.noise}" for name, point in robustness.corruptions.items()]
    return bars.corruptions(
        [name.removesuffix(", ") for name in names],
        [point.mse for point in points],
        [point.noisy for point in points],
    )


def _codes(evaluation: Evaluation) -> dict[str, Image.Image]:
    if evaluation.geometry is None:
        return {}
    images = evaluation.test[1]
    return {f"code_{name}": _code(view, images) for name, view in evaluation.geometry.views.items()}


def _code(view: CodeView, images: Images) -> Image.Image:
    count, labels = len(view.plane), images.labels
    what = "code value" if view.size <= 2 else "principal component"
    return codes.hulls(
        view.plane,
        None if labels is None else labels[:count],
        {number: item.hull for number, item in view.classes.items()},
        {number: images.class_name(number) for number in view.classes},
        f"The {view.name} code of {count:,} noisy test images".replace("code code", "code"),
        (f"first {what}", f"second {what}" if view.size > 1 else ""),
        view.explained,
    )


def _decoded(evaluation: Evaluation) -> Image.Image | None:
    if evaluation.decoded is None:
        return None
    return tile(evaluation.decoded, isqrt(len(evaluation.decoded)))


def _traversal(evaluation: Evaluation) -> Image.Image | None:
    """The row and the column through the middle of the decoded grid."""
    if evaluation.decoded is None:
        return None
    side = isqrt(len(evaluation.decoded))
    grid = evaluation.decoded.reshape(side, side, *evaluation.decoded.shape[1:])
    rows = {"first axis": grid[side // 2], "second axis": grid[::-1, side // 2]}  # it grows upwards
    return reconstruction_grid(rows, ["low", *[""] * (side - 2), "high"])
