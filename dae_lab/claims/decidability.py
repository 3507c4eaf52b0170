"""Whether a claim's rule can be decided at all, before anything is trained."""

from collections.abc import Sequence

from dae_lab.claims.claim import Claim
from dae_lab.claims.statistics.decision import can_be_both
from dae_lab.errors import ConfigError


def need_decidable(claim: Claim, epochs: Sequence[int] = (1_000_000,), divisor: int = 1) -> None:
    """Raise a ConfigError for a rule that no outcome could support, or none refute.

    Args:
        epochs: of the arms, which no time exceeds. divisor: of the error rate, in a family.
    """
    for name in claim.readings:
        _need_decidable_reading(claim, name, max(epochs), divisor)


def _need_decidable_reading(claim: Claim, name: str, epochs: int, divisor: int) -> None:
    reading, effect, kind = claim.readings[name], claim.effects[name], claim.kinds[name]
    bounds = kind.bounds(effect)
    if bounds and reading.rule == "difference" and bounds[0] >= reading.margin:
        raise ConfigError(
            f"{name}: this rule is undecidable: it could never be refuted, for {reading.effect} is never "
            f"below {bounds[0]:g}, and the margin is {reading.margin:g}"
        )
    error, looks = claim.error / divisor, claim.seeds.planned_looks()
    planned = claim.seeds.planned_error(error) / (1 if name == "definition" else len(claim.alternatives))
    attainable = kind.attainable(effect, epochs)
    why = can_be_both(looks[-1], planned, looks, reading.margin, reading.rule, bounds, attainable)
    if why:
        family = f" In a family of {divisor}, the error rate is {error:.2g}." if divisor > 1 else ""
        raise ConfigError(f"{name}: this rule is undecidable: {why}{family}")
    if claim.seeds.beyond != "none" and not kind.any_sample_size:
        raise ConfigError(
            f"seeds.beyond: {name} is a {kind.name}, for which no interval beyond the maximum is known; give "
            f"seeds.beyond=none and a larger seeds.maximum"
        )
