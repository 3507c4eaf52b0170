"""What is claimed, and the rule that decides it: ``conf/claim/<name>.yaml`` as checked dataclasses."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from math import isfinite
from typing import Any, cast

from omegaconf import OmegaConf

from dae_lab.claims.expression import Effect, parse
from dae_lab.claims.statistics.decision import Kind
from dae_lab.config.fields import Checked, choice, number, required, text
from dae_lab.config.overrides import roots
from dae_lab.config.run import LONGEST_PATH
from dae_lab.config.typed import NAME, typed
from dae_lab.errors import ConfigError

NO_ARM = {
    "tracking",
    "sweep",
    "plan",
    "seed",
    "replay",
    "sync",
    "relocate",
    "regenerate",
    "claim",
    "hydra",
}
"""Parts of the config that do not say what is trained."""

LOOKS = 50
"""How often a claim may be looked at."""

FUTILITY_FROM = 10
"""Seeds before a study may be stopped because nothing can be expected of it."""


@dataclass
class Seeds(Checked):
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

    first: int = number(minimum=0, maximum=1_000_000)
    minimum: int = number(minimum=2)
    maximum: int = number(minimum=2, maximum=500)
    batch: int = number(minimum=1)
    support: int = number(minimum=2)
    futility: float = number(minimum=0, below=1)
    beyond: str = choice("none", "e-process")
    limit: int = number(minimum=2, maximum=5000)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.minimum > self.maximum:
            raise ConfigError(f"minimum must be at most maximum, {self.maximum}; got {self.minimum}")
        if self.support > self.maximum:
            raise ConfigError(
                f"support must be at most maximum, {self.maximum}, or nothing can be supported; got "
                f"{self.support}"
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


@dataclass
class Outcome(Checked):
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

    kind: str = choice("value", "time", "share", "correlation")
    metric: str = text()
    relative_to: str | None = text()
    at: int | None = number(minimum=0)
    share: float | None = number(above=0, below=1)
    target: int | float | str | None = required()
    tolerance: float = number(above=0, maximum=10)
    from_epoch: int = number(minimum=0, maximum=1)
    comparable: float | None = number(above=0)
    among: list[str] = text()

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.target, str) and self.target != "common":
            raise ConfigError(f"target must be a number, or common; got {self.target!r}")
        if isinstance(self.target, float) and not isfinite(self.target):
            raise ConfigError(f"target must be a finite number; got {self.target}")
        if self.kind == "time" and (self.share is None) == (self.target is None):
            raise ConfigError(
                "kind=time needs either share, of the curve's own drop, or target, a value or common"
            )
        if self.kind == "share" and not self.among:
            raise ConfigError("kind=share needs among: the values of the tag that count")
        if self.kind == "correlation" and not self.relative_to:
            raise ConfigError("kind=correlation needs relative_to: the metric that it is correlated with")
        of_kinds = {
            "relative_to": ("value", "correlation"),
            "at": ("value", "correlation"),
            "share": ("time",),
            "target": ("time",),
        }
        for key, kinds in of_kinds.items():
            if self.kind not in kinds and getattr(self, key) is not None:
                raise ConfigError(
                    f"{key} means nothing with kind={self.kind}; leave it away, or set it to null"
                )


@dataclass
class Definition(Checked):
    """One reading of the claim.

    effect: of the arms' values, so oriented that a positive one speaks for the claim.
    rule: ``difference``: is the effect above ``margin``? ``equivalence``: is it within ±``margin``?
        ``either``: is it beyond ±``margin``, whichever way?
    margin: the smallest effect that matters, in the effect's unit.
    """

    outcome: Outcome = required()
    effect: str = text()
    rule: str = choice("difference", "equivalence", "either")
    margin: float = number(minimum=0, maximum=1e9)

    @property
    def kind(self) -> Kind:
        """The rule, as the statistics know it."""
        return cast(Kind, self.rule)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.rule != "difference" and self.margin == 0:
            raise ConfigError(f"rule={self.rule} needs a margin above 0: nothing is equal to the last digit")


@dataclass
class Guards(Checked):
    """What must be so, or the verdict is ``invalid``.

    improved: these arms' ``val/mse`` ends below where it began, in every run.
    not_collapsed: these arms' runs did not collapse; null in a file: none of any arm.
    reached: at least this share of each arm's runs reached the target, where times are compared. It is judged
        at the last look, or as soon as the share's own interval excludes it.
    """

    improved: list[str] = text()
    not_collapsed: list[str] = text()
    reached: float = number(minimum=0, maximum=1)


@dataclass
class Claim(Checked):
    """A statement, and the rule by which runs decide it.

    id: a short label, as the source numbers it.
    statement, source, quotation, confound, scale: for people; what the scale is beside the source's.
    base: overrides of all arms. arms: by name, the overrides that make each.
    error: the probability of a wrong answer by the reading that decides that is accepted, over all looks.
    definition: the reading that decides. alternatives: other readings, under which the answer could flip.
    causes: arms that are described beside the verdict and decide nothing; they get ``seeds.minimum`` seeds.
    history: how earlier rules judged it, and why they were changed, one sentence each.
    notebook: the folder in which the verdict gets a page.
    """

    id: str = text()
    statement: str = text(longest=10_000, lines=True)
    source: str = text(longest=10_000, lines=True)
    quotation: str = required()
    confound: str = required()
    scale: str = required()
    base: list[str] = required()
    arms: dict[str, list[str]] = required()
    seeds: Seeds = required()
    error: float = number(above=0, below=0.5)
    definition: Definition = required()
    alternatives: dict[str, Definition] = required()
    guards: Guards = required()
    causes: dict[str, list[str]] = required()
    history: list[str] = required()
    notebook: str = text(longest=LONGEST_PATH)

    def wanted(self, arm: str, n: int) -> range:
        """The seeds of which ``arm`` has runs when the claim is looked at after ``n``."""
        count = min(n, self.seeds.minimum) if arm in self.causes else n
        return range(self.seeds.first, self.seeds.first + count)

    @cached_property
    def effects(self) -> dict[str, Effect]:
        """The effect of each reading, the one that decides first, under the name ``definition``."""
        found = {}
        for name, reading in self.readings.items():
            try:
                found[name] = parse(reading.effect, self.arms)
            except ConfigError as error:
                raise ConfigError(f"{name}.{error}") from error
        return found

    @cached_property
    def readings(self) -> dict[str, Definition]:
        """All definitions by name, the one that decides first."""
        return {"definition": self.definition, **self.alternatives}

    def rule_hash(self) -> str:
        """Twelve hex digits of everything that decides; words for people are not in it."""
        rule = asdict(self)
        for words in (
            "id",
            "statement",
            "source",
            "quotation",
            "confound",
            "scale",
            "causes",
            "history",
            "notebook",
        ):
            del rule[words]
        return hashlib.sha256(json.dumps(rule, sort_keys=True).encode()).hexdigest()[:12]


def claim(plain: Mapping[str, Any]) -> Claim:
    """The claim that a YAML file describes; an alternative says only what it changes of the definition.

    Raises:
        ConfigError: it makes no sense; names the key.
    """
    whole = dict(plain)
    for key in ("definition", "alternatives", "arms", "causes"):
        if not isinstance(whole.get(key) or {}, Mapping):
            raise ConfigError(f"claim.{key} must map names to values; got {whole[key]!r}")
    known = whole.get("definition") or {}
    for name, changes in (whole.get("alternatives") or {}).items():
        if not isinstance(changes, Mapping):
            raise ConfigError(
                f"claim.alternatives.{name} must say what it changes of the definition, as "
                f"{{margin: 0.1}}; got {changes!r}"
            )
    whole["alternatives"] = {
        name: OmegaConf.to_container(OmegaConf.merge(known, changes))
        for name, changes in (whole.get("alternatives") or {}).items()
    }
    guards = whole.get("guards")
    if isinstance(guards, Mapping) and guards.get("not_collapsed", ()) is None:
        whole["guards"] = {**guards, "not_collapsed": list(whole.get("arms") or ())}
    found: Claim = typed(whole, Claim, "claim")
    try:
        _check(found)
    except ConfigError as error:
        raise ConfigError(f"claim.{error}") from error
    return found


def _check(found: Claim) -> None:
    """Raise a ConfigError where the claim contradicts itself."""
    for name in [*found.arms, *found.causes]:
        if not name.isidentifier() or not NAME.fullmatch(name):
            raise ConfigError(f"arms: {name!r} cannot be written in an effect; take letters, digits and _")
    if both := set(found.arms) & set(found.causes):
        raise ConfigError(f"causes: {', '.join(sorted(both))} is an arm already; take another name")
    if "definition" in found.alternatives:
        raise ConfigError("alternatives: definition is the reading that decides; take another name")
    every = [*found.arms.values(), *found.causes.values()]
    for override in [*found.base, *(item for arm in every for item in arm)]:
        if roots(override) & NO_ARM:
            raise ConfigError(f"arms: {override} makes no arm; give it on the command line, if at all")
    effects = found.effects
    silent = set(found.arms) - {arm for effect in effects.values() for arm in effect.arms}
    if silent:
        raise ConfigError(f"arms: no effect speaks of {', '.join(sorted(silent))}; put them under causes")
    for guard in ("improved", "not_collapsed"):
        unknown = set(getattr(found.guards, guard)) - set(found.arms)
        if unknown:
            raise ConfigError(f"guards.{guard}: there is no arm {', '.join(sorted(unknown))}")
    for name, reading in found.readings.items():
        if reading.outcome.kind in ("share", "correlation"):
            _check_sides(name, reading.outcome.kind, effects[name])


def _check_sides(name: str, kind: str, effect: Effect) -> None:
    """Raise a ConfigError unless an interval is known for ``effect``."""
    sides = effect.sides()
    if sides is None or (kind == "correlation" and len(effect.arms) > 1):
        two = "'arm - arm', " if kind == "share" else ""
        raise ConfigError(
            f"{name}.effect: with kind={kind} it may be {two}'arm - number' or 'number - arm'; "
            f"got {effect.text!r}"
        )
