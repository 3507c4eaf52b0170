"""The rule of a claim, in parts: which seeds, what is measured, what is asked of it, what must be so."""

from math import isfinite
from typing import Literal

from dae_lab.claims.statistics import sequential
from dae_lab.errors import ConfigError
from dae_lab.parts.schema import Line, LongLine, Schema, option

LOOKS = 50
"""How often a claim may be looked at."""

FUTILITY_FROM = 10
"""Seeds before a study may be stopped because a decision is unlikely."""

BEYOND = 0.2
"""The share of a claim's error rate that is kept for looks beyond the planned maximum."""


class Seeds(Schema):
    """Which seeds a claim trains with, and when it stops.

    first: the first seed; the others follow it.
    minimum: seeds before the first look. batch: seeds between two looks.
    maximum: seeds at the last planned look.
    support: no claim is supported by fewer seeds, as the intervals of few, skewed effects are too narrow.
    futility: from ``FUTILITY_FROM`` seeds on, stop where the chance of any verdict at ``maximum`` is
        smaller; 0: never.
    beyond: ``e-process``: what is undecided at ``maximum`` goes on to ``limit`` seeds, by intervals that are
        valid after any number of seeds; ``none``: it ends at ``maximum``.
    """

    first: int = option(ge=0, le=1_000_000)
    minimum: int = option(ge=2)
    maximum: int = option(ge=2, le=500)
    batch: int = option(ge=1)
    support: int = option(ge=2)
    futility: float = option(ge=0, lt=1)
    beyond: Literal["none", "e-process"] = option()
    limit: int = option(ge=2, le=5000)

    def __post_init__(self) -> None:
        if self.minimum > self.maximum:
            raise ConfigError(f"minimum must be at most maximum, {self.maximum}; got {self.minimum}")
        if self.support > self.maximum:
            raise ConfigError(
                f"support must be at most maximum, {self.maximum}, or nothing can be supported; got "
                f"{self.support}; give seeds.support={self.maximum} or less, too"
            )
        if self.beyond != "none" and self.limit <= self.maximum:
            raise ConfigError(f"limit must be above maximum, {self.maximum}; got {self.limit}")
        if len(self.looks()) > LOOKS:
            raise ConfigError(f"batch: {len(self.looks())} looks are too many, {LOOKS} are allowed")

    def planned_looks(self) -> list[int]:
        """After how many seeds the claim is looked at, up to ``maximum``."""
        return [*range(self.minimum, self.maximum, self.batch), self.maximum]

    def looks(self) -> list[int]:
        """After how many seeds the claim is looked at, those beyond ``maximum`` too."""
        return [*self.planned_looks(), *self._looks_beyond()]

    def _looks_beyond(self) -> list[int]:
        if self.beyond == "none":
            return []
        return [*range(self.maximum + self.batch, self.limit, self.batch), self.limit]

    @property
    def last(self) -> int:
        """Seeds at the last look of all."""
        return self.looks()[-1]

    def next_look(self, n: int) -> int:
        """The first look after ``n`` seeds."""
        return next(look for look in self.looks() if look > n)

    def planned_error(self, error: float) -> float:
        """The part of the error rate ``error`` that the planned looks may spend."""
        return error if self.beyond == "none" else error * (1 - BEYOND)

    def look_error(self, n: int, error: float) -> float:
        """The two-sided error rate of the intervals after ``n`` seeds, so that of all looks is ``error``."""
        planned = self.planned_looks()
        if n not in planned:
            return error * BEYOND
        return sequential.nominal(planned, self.maximum, self.planned_error(error))[planned.index(n)]


class Outcome(Schema):
    """What is measured of each run.

    kind: ``value``: a metric, at the run's end; ``time``: the epoch at which the curve ``metric`` has made
        ``share`` of its own drop, or is at ``target``; a run that does not get there is censored at its
        end; ``share``: whether the run's tag ``metric`` is ``among`` those; ``correlation``: how ``metric``
        goes with ``relative_to`` over an arm's seeds, Spearman's rho.
    metric: a metric of MLflow, or a tag.
    relative_to: another metric that each run's value is divided by, or correlated with; null: none.
    at: the step of the metric; null: its last.
    target: a value of the curve, or ``common``: for each seed, the largest end value of the arms that are
        compared, times 1 + ``tolerance``. The end value is the median of a curve's last tenth.
    from_epoch: the first epoch of a curve that counts: 0, the untrained model, or 1.
    comparable: arms are compared by shares of their own drops only if no arm's mean end value exceeds
        another's by more than this share; null: they always are.
    """

    kind: Literal["value", "time", "share", "correlation"] = option()
    metric: Line = option()
    relative_to: Line | None = option()
    at: int | None = option(ge=0)
    share: float | None = option(gt=0, lt=1)
    target: int | float | str | None = option()
    tolerance: float = option(gt=0, le=10)
    from_epoch: int = option(ge=0, le=1)
    comparable: float | None = option(gt=0)
    among: list[Line] = option()

    def __post_init__(self) -> None:
        if isinstance(self.target, str) and self.target != "common":
            raise ConfigError(f"target must be a number, or common; got {self.target!r}")
        if isinstance(self.target, float) and not isfinite(self.target):
            raise ConfigError(f"target must be a finite number; got {self.target}")


class Definition(Schema):
    """One reading of the claim.

    effect: of the arms' values, so oriented that a positive one speaks for the claim.
    rule: ``difference``: is the effect above ``margin``? ``equivalence``: is it within ±``margin``?
        ``either``: is it beyond ±``margin``, whichever way?
    margin: the smallest effect that matters, in the effect's unit.
    votes: whether it can take the claim's support away; of the reading that decides, always.
    """

    outcome: Outcome = option()
    effect: Line = option()
    rule: Literal["difference", "equivalence", "either"] = option()
    margin: float = option(ge=0, le=1e9)
    votes: bool = option()

    def __post_init__(self) -> None:
        if self.rule != "difference" and self.margin == 0:
            raise ConfigError(f"rule={self.rule} needs a margin above 0: nothing is equal to the last digit")


class Bridge(Schema):
    """A run of some arms at the source's own length, with the first seed alone; it decides nothing.

    Attributes:
        length: in words, as ``200 epochs of batches of 32``.
        change: overrides that make an arm so long.
        arms: which are trained so; the others count as they are.
        effect: what is compared, of the definition's outcome.
    """

    length: Line = option()
    change: list[str] = option()
    arms: list[str] = option()
    effect: LongLine = option()


class Guards(Schema):
    """What must be so, or the verdict is ``invalid``.

    improved: these arms' ``val/mse`` ends below where it began, in every run.
    not_collapsed: these arms' runs did not collapse; null in a file: none of any arm.
    reached: at least this share of each arm's runs reached the target, where times are compared. It is judged
        at the last look, or as soon as the share's own interval excludes it.
    """

    improved: list[Line] = option()
    not_collapsed: list[Line] = option()
    reached: float = option(ge=0, le=1)
