"""When a training got where: epochs to a target, epochs to a share of its own drop, area, plateaus.

A *trajectory* is a sequence of (epoch, value), epochs ascending, values falling when better; here the
validation MSE, the same yardstick whatever loss was trained on. Epoch 0 is the untrained model. A
value that is not finite has reached nothing and is part of no plateau.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

Trajectory = Sequence[tuple[int, float]]

SHARES = (90, 95, 99)  # per cent of the drop


@dataclass(frozen=True)
class Reached:
    """When a trajectory first was at ``target`` or below.

    epoch: None is *censored*: not reached up to the last epoch watched, which is not the same as never.
    step: optimiser steps done by the end of that epoch, or None.
    censored_at: the last epoch watched, whether the target was reached or not.
    """

    target: float
    epoch: int | None
    step: int | None
    censored_at: int


@dataclass(frozen=True)
class Plateau:
    """A stretch in which the value stays where it is, as defined by ``plateaus``.

    first, last: its first and last epoch. level: the mean of its values.
    """

    first: int
    last: int
    level: float


@dataclass(frozen=True)
class Convergence:
    """What ``convergence`` says of one trajectory.

    reached: by the name of the target.
    epochs_to: ``epochs_to_share`` of 90, 95 and 99 per cent, by those numbers.
    area: of ``area``; NaN says that a value was NaN, or the scale 0.
    ends_on_plateau: the last epoch watched belongs to a plateau.
    """

    reached: dict[str, Reached]
    epochs_to: dict[int, int | None]
    area: float
    plateaus: list[Plateau]
    ends_on_plateau: bool


def convergence(
    trajectory: Trajectory, targets: Mapping[str, float], scale: float, steps_per_epoch: int
) -> Convergence:
    """All measures of one trajectory.

    Args:
        trajectory: at least one entry.
        targets: values by name, for ``first_reached``.
        scale: E[x²] of the validation images, for ``area``.
        steps_per_epoch: optimiser steps an epoch.

    Raises:
        ValueError: the trajectory is empty, or its epochs do not ascend.
    """
    stretches = plateaus(trajectory)
    return Convergence(
        reached={
            name: first_reached(trajectory, target, steps_per_epoch) for name, target in targets.items()
        },
        epochs_to={share: epochs_to_share(trajectory, share / 100) for share in SHARES},
        area=area(trajectory, scale),
        plateaus=stretches,
        ends_on_plateau=bool(stretches) and stretches[-1].last == trajectory[-1][0],
    )


def first_reached(trajectory: Trajectory, target: float, steps_per_epoch: int) -> Reached:
    """The first epoch whose value is at most ``target``.

    Raises:
        ValueError: the trajectory is empty, or its epochs do not ascend.
    """
    epochs, values = _arrays(trajectory)
    epoch = _first(epochs, np.isfinite(values) & (values <= target))
    step = None if epoch is None else epoch * steps_per_epoch
    return Reached(target, epoch, step, censored_at=int(epochs[-1]))


def epochs_to_share(trajectory: Trajectory, share: float) -> int | None:
    """The first epoch by which ``share`` of the whole drop is done: first - value ≥ share·(first - lowest).

    The drop is the trajectory's own, so this says how soon a training is done, not how good it is.

    Args:
        share: in (0, 1].

    Returns:
        None where there is no drop: the first value is the lowest, or is not finite.

    Raises:
        ValueError: the trajectory is empty, or its epochs do not ascend.
    """
    epochs, values = _arrays(trajectory)
    finite = np.isfinite(values)
    if not finite[0]:
        return None
    drops = values[0] - np.where(finite, values, values[0])
    return _first(epochs, finite & (drops >= share * drops.max())) if drops.max() > 0 else None


def area(trajectory: Trajectory, scale: float) -> float:
    """Normalised area under the curve: the mean of value/scale over the epochs watched, by trapezia.

    With E[x²] of the validation images as scale: 1 is "on average as bad as black", 0 perfect at once.
    Of a single entry it is value/scale.

    Returns:
        NaN if a value is NaN or the scale is not above 0; infinity if a value is infinite.

    Raises:
        ValueError: the trajectory is empty, or its epochs do not ascend.
    """
    epochs, values = _arrays(trajectory)
    if not scale > 0:
        return float("nan")
    if len(epochs) == 1:
        return float(values[0] / scale)
    return float(np.trapezoid(values, epochs) / (epochs[-1] - epochs[0]) / scale)


def plateaus(trajectory: Trajectory, tolerance: float = 0.01, length: int = 5) -> list[Plateau]:
    """Stretches in which the value stays within ±``tolerance`` of its own mean.

    A stretch of consecutive entries *holds* if all its values are finite and none is further than
    tolerance·|level| from the stretch's mean, its level. From the left: the first ``length`` entries
    in a row that hold are a plateau; it takes in one entry after the other for as long as the longer
    stretch, with its new mean, still holds; the search goes on behind it. So plateaus do not overlap,
    and none can be continued to the right. A fall slower than about 2·tolerance/length an entry is a
    plateau too, or a stair of them.

    Raises:
        ValueError: the trajectory is empty, or its epochs do not ascend.
    """
    epochs, values = _arrays(trajectory)
    found: list[Plateau] = []
    start = 0
    while start + length <= len(values):
        stop = start + length
        if not _holds(values[start:stop], tolerance):
            start += 1
            continue
        while stop < len(values) and _holds(values[start : stop + 1], tolerance):
            stop += 1
        found.append(Plateau(int(epochs[start]), int(epochs[stop - 1]), float(values[start:stop].mean())))
        start = stop
    return found


def _holds(values: np.ndarray, tolerance: float) -> bool:
    if not np.isfinite(values).all():
        return False
    level = values.mean()
    return bool(np.all(np.abs(values - level) <= tolerance * abs(level)))


def _first(epochs: np.ndarray, where: np.ndarray) -> int | None:
    return int(epochs[where.argmax()]) if where.any() else None


def _arrays(trajectory: Trajectory) -> tuple[np.ndarray, np.ndarray]:
    """Epochs int64 (n,) and values float64 (n,)."""
    if not len(trajectory):
        raise ValueError("a trajectory has at least one entry")
    epochs = np.array([epoch for epoch, _ in trajectory], np.int64)
    if np.any(np.diff(epochs) <= 0):
        raise ValueError(f"the epochs of a trajectory ascend, not as {epochs.tolist()}")
    return epochs, np.array([value for _, value in trajectory], np.float64)
