"""What was changed on the command line, as far as it tells runs apart."""

from collections.abc import Sequence

ELSEWHERE = ("experiment=", "name=", "seed=", "tracking.", "data.path=", "plan=", "sweep.")
"""Overrides that are said elsewhere, or change no number."""

LONGEST = 150  # characters of a label


def label(overrides: Sequence[str]) -> str:
    """The overrides that belong into a run's name.

    >>> label(["loss=mse", "seed=1", "tracking.dir=x"])
    'loss=mse'
    """
    return " ".join(item for item in overrides if not item.startswith(ELSEWHERE))[:LONGEST]


def arms(runs: Sequence[Sequence[str]], names: Sequence[str]) -> list[str]:
    """For each run of a sweep its arm: what of its overrides differs between runs, seeds aside.

    Where nothing does, as in a sweep over seeds alone, it is the config's name.

    >>> arms([["loss=bce", "seed=0"], ["loss=mse", "seed=0"], ["loss=mse", "seed=1"]], ["a", "a", "a"])
    ['loss=bce', 'loss=mse', 'loss=mse']
    """
    common = set.intersection(*map(set, runs))
    different = [[item for item in run if item not in common] for run in runs]
    told = [
        " ".join(item for item in run if not item.startswith(("seed=", "tracking.", "plan=", "sweep.")))
        for run in different
    ]
    return [arm[:LONGEST] or name for arm, name in zip(told, names, strict=True)]
