"""Single runs at the source's own length: do direction and size of an effect hold there?"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from dae_lab.claims.claim import Claim
from dae_lab.claims.expression import parse
from dae_lab.claims.measurement import Runs, collapsed_seeds
from dae_lab.claims.rule import Bridge
from dae_lab.claims.statistics import paired
from dae_lab.claims.statistics.interval import Interval


@dataclass(frozen=True)
class BridgeResult:
    """What one bridge shows.

    Attributes:
        name, bridge: as the claim has them.
        collapsed: arms whose long run collapsed; then nothing is compared.
        values: what each long run gave, by arm.
        long: the effect with the long runs, of the claim's first seed.
        short: with the claim's own runs of that seed.
        mean: over all seeds of the claim. interval: its 95 % interval, Student's.
    """

    name: str
    bridge: Bridge
    values: Mapping[str, float]
    long: float
    short: float
    mean: float
    interval: Interval
    collapsed: tuple[str, ...] = ()

    @property
    def holds(self) -> bool | None:
        """Whether the long effect has the sign of the claim's; None where nothing can be said."""
        if self.collapsed or self.interval.low <= 0 <= self.interval.high:
            return None
        return self.long * self.mean > 0


def evaluate_bridges(claim: Claim, runs: Runs, long_runs: Runs, n: int) -> list[BridgeResult]:
    """What the bridges of ``claim`` show; one whose runs are missing is left out.

    Args:
        runs: those of the first ``n`` seeds. long_runs: those of ``claim.long_arms``.
    """
    found = []
    for name, bridge in claim.bridges.items():
        effect = parse(bridge.effect, claim.arms)
        long = {arm: long_runs.get(f"{arm}_{name}", {}) for arm in bridge.arms}
        seeds = {arm: list(claim.wanted(arm, n)) for arm in effect.arms}
        complete = all(seed in runs.get(arm, {}) for arm, of in seeds.items() for seed in of)
        if not complete or not all(long.values()):
            continue
        kind, first = claim.kinds["definition"], claim.seeds.first
        known = kind.measure({arm: runs[arm] for arm in effect.arms}, seeds)
        values = {arm: item.values for arm, item in known.items()}
        at_length = kind.measure(long, {arm: [first] for arm in long})
        lengths = {arm: float(item.values[0]) for arm, item in at_length.items()}
        mixed = {arm: np.array([lengths.get(arm, of[0])]) for arm, of in values.items()}
        effects = np.atleast_1d(effect(values))
        found.append(
            BridgeResult(
                name,
                bridge,
                lengths,
                long=float(np.atleast_1d(effect(mixed))[0]),
                short=float(effects[0]),
                mean=float(effects.mean()),
                interval=paired.student_interval(effects, 0.95),
                collapsed=tuple(arm for arm, of in long.items() if collapsed_seeds(of)),
            )
        )
    return [one for one in found if math.isfinite(one.long) and math.isfinite(one.mean)]
