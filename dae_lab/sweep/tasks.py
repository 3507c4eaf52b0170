"""Which runs of a sweep may be compared: those with one task, that is, judged on equal test pairs.

A task is the test images and what makes them noisy. To remove more noise, or noise from other images, is
another task, and its errors say nothing of which network, loss or training is better. The seed is no part of
a task: it draws the same noise anew, as it draws other first weights, and arms are means over seeds.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dae_lab.parts.part import shipped_targets
from dae_lab.sweep.job import Job

Identity = dict[str, Any]
"""What tells a task from others: keys of the config, as ``noise.sigma``, and their values."""

_UNSEEN = ("train", "validation", "cache", "download")  # keys of ``data`` that test images do not depend on


def task_identity(config: Mapping[str, Any], metric: str) -> Identity:
    """The task of a run.

    Args:
        config: the run's, as plain mappings.
        metric: by which runs are compared; one of validation images depends on which these are as well, one
            of other noise, or of the code, on the images and the noise it is taken of.
    """
    own, evaluation = dict(config.get("data", {})), config.get("evaluation", {})
    of_validation = metric.startswith(("val/", "convergence/"))
    for key in _UNSEEN if not of_validation else set(_UNSEEN) - {"validation"}:
        own.pop(key, None)
    parts: dict[str, Any] = {
        "data": own,
        "noise": config.get("noise", {}),
        "evaluation.limit": evaluation.get("limit"),
    }
    if metric == "test/baselines_beaten":
        parts["evaluation.baselines"] = evaluation.get("baselines")
    if not of_validation and not metric.startswith("test/"):
        parts |= {f"evaluation.{key}": evaluation.get(key) for key in ("images", "corruptions")}
    return dict(_flat("", parts))


def _flat(key: str, value: Any) -> Iterator[tuple[str, Any]]:
    """The leaves of nested mappings; ``resample``, which test images do not depend on, is left out."""
    if isinstance(value, Mapping):
        for name, part in value.items():
            if name != "resample":
                yield from _flat(f"{key}.{name}" if key else name, part)
    else:
        yield key, value


def task_names(jobs: Sequence[Job], metric: str) -> dict[int, str]:
    """By a job's number its task, as ``noise.sigma=0.3``: the keys that differ between tasks; empty for all
    where there is one."""
    found = {job.number: task_identity(job.config, metric) for job in jobs}
    distinct = {identity_text(one): one for one in found.values()}
    keys = dict.fromkeys(key for one in distinct.values() for key in one)
    differ = [
        key for key in keys if len({identity_text(one.get(key, _ABSENT)) for one in distinct.values()}) > 1
    ]
    return {number: _name(one, differ) for number, one in found.items()}


_ABSENT = {"": "no such key"}


def _name(task: Identity, keys: Sequence[str]) -> str:
    return " ".join(_assignment(key, task[key]) for key in keys if key in task)


def _assignment(key: str, value: Any) -> str:
    """As it is given on the command line; an option's class by the option's name, where it has one."""
    if key.endswith("._target_"):
        return f"{key.removesuffix('._target_')}={_option(value)}"
    return f"{key}={value if isinstance(value, str) else identity_text(value)}"


def _option(target: str) -> str:
    """The option that is of the class ``target``; ``target`` itself where there is none."""
    return {**shipped_targets("noise"), **shipped_targets("data")}.get(target, target)


def identity_text(value: Any) -> str:
    """JSON, equal for equal values."""
    return json.dumps(value, default=str)
