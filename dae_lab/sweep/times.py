"""How long runs will take: as runs of the same network took, or as a few training steps of it do."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dae_lab.config.fingerprint import workload
from dae_lab.config.run import Config
from dae_lab.sweep.plan import Plan
from dae_lab.tracking.store import RunStore

Calibrate = Callable[[Sequence[Config]], list[float]]
"""Gives the seconds of an epoch of each config, where runs are done; an empty list where it cannot tell."""


@dataclass(frozen=True)
class TimeEstimate:
    """The seconds that a run takes; calibrated: from a few of its training steps, the training alone."""

    seconds: float
    calibrated: bool = False


class RunTimes:
    """Estimates for the runs of a command, each workload looked up once.

    Args:
        calibrate: measures what no run tells; None: it stays unknown.
    """

    def __init__(self, calibrate: Calibrate | None) -> None:
        self._calibrate = calibrate
        self._epoch: dict[str, float] = {}

    def estimate(self, configs: Sequence[Config], store: RunStore) -> list[TimeEstimate | None]:
        """How long a run of each of ``configs`` takes; None where nothing tells."""
        kinds = [(workload(config), config.training.epochs) for config in configs]
        typical = store.queries.typical_seconds(kinds)
        unknown = {
            name: config
            for (name, epochs), config in zip(kinds, configs, strict=True)
            if typical[name, epochs] is None and name not in self._epoch
        }
        if unknown and self._calibrate:
            self._epoch |= zip(unknown, self._calibrate([*unknown.values()]), strict=False)
        return [self._estimate(name, epochs, typical[name, epochs]) for name, epochs in kinds]

    def estimate_plan(self, plan: Plan, store: RunStore) -> dict[int, TimeEstimate | None]:
        """How long each open job of ``plan`` takes, by number; None where nothing tells."""
        configs = {job.number: config for job, config in zip(plan.jobs, plan.configs, strict=True)}
        left = [number for number in configs if number not in plan.done]
        return dict(zip(left, self.estimate([configs[number] for number in left], store), strict=True))

    def _estimate(self, name: str, epochs: int, typical: float | None) -> TimeEstimate | None:
        if typical is not None:
            return TimeEstimate(typical)
        epoch = self._epoch.get(name)
        return None if epoch is None else TimeEstimate(epoch * epochs, calibrated=True)
