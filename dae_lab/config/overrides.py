"""What was changed on the command line, as far as it tells runs apart."""

import re
from collections.abc import Sequence
from typing import Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import OmegaConf

NO_ARM = ("seed=", "tracking.", "plan=", "sweep.", "trust=", "extensions=")
"""Overrides that make no arm of their own."""

ELSEWHERE = ("experiment=", "name=", "debug=", "data.path=", *NO_ARM)
"""Overrides that are said elsewhere than in a run's name, or change no number."""

LONGEST = 150  # characters of a label


def given_overrides() -> list[str]:
    """The overrides of this command as they were typed, with ``${…}`` in them not resolved."""
    given: Any = OmegaConf.to_container(HydraConfig.get().overrides.task, resolve=False)
    return list(given)


def roots(override: str) -> set[str]:
    """The names at the root of the config that an override may change.

    >>> sorted(roots("+noise/blur@tracking.dir=x"))
    ['noise', 'tracking']
    >>> roots("~_global_.hydra.launcher")
    {'hydra'}
    """
    key = override.strip().lstrip("+~").partition("=")[0]
    group, _, package = key.partition("@")
    return {root(place.strip()) for place in (group, *package.split(":"))} - {""}


def root(place: str) -> str:
    """The first name of a key, group or package: ``hydra`` of ``/hydra/launcher``, ``_global_.hydra.x``."""
    parts = [part for part in re.split("[./]", place) if part not in ("", "_global_")]
    return parts[0] if parts else ""


def label(overrides: Sequence[str]) -> str:
    """The overrides that belong into a run's name.

    >>> label(["loss=mse", "seed=1", "tracking.dir=x"])
    'loss=mse'
    """
    return _cut(" ".join(item for item in overrides if not item.startswith(ELSEWHERE)))


def arms(runs: Sequence[Sequence[str]], names: Sequence[str]) -> list[str]:
    """For each run of a sweep its arm: what of its overrides differs between runs, seeds aside.

    Where nothing does, as in a sweep over seeds alone, it is the config's name; of a single run, as a
    search asks for, all overrides tell.

    >>> arms([["loss=bce", "seed=0"], ["loss=mse", "seed=0"], ["loss=mse", "seed=1"]], ["a", "a", "a"])
    ['loss=bce', 'loss=mse', 'loss=mse']
    >>> arms([["data.path=x", "seed=0"], ["data.path=y", "seed=0"]], ["a", "a"])
    ['data.path=x', 'data.path=y']
    """
    common = set.intersection(*map(set, runs)) if len(runs) > 1 else set[str]()
    different = [[item for item in run if item not in common] for run in runs]
    told = [" ".join(item for item in run if not item.startswith(NO_ARM)) for run in different]
    return [_cut(arm) or name for arm, name in zip(told, names, strict=True)]


def _cut(text: str) -> str:
    """``text``, without its middle if it is too long: what differs often stands at the end."""
    half = LONGEST // 2
    return text if len(text) <= LONGEST else f"{text[: half - 1]}…{text[-half:]}"
