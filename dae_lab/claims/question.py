"""A claim that was asked for, checked before anything is trained."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from omegaconf import DictConfig, OmegaConf

from dae_lab.claims.evidence import BEYOND, Evidence
from dae_lab.claims.expression import Effect
from dae_lab.claims.judge import Judgement
from dae_lab.claims.rule import Outcome
from dae_lab.claims.spec import Claim, claim
from dae_lab.claims.statistics import correlation, paired, proportion
from dae_lab.claims.statistics.decision import can_be_both, telling
from dae_lab.claims.statistics.interval import Interval
from dae_lab.config.fingerprint import fingerprint
from dae_lab.config.run import COMMAND_LINE_KEYS, Config
from dae_lab.config.sources import is_common_cache
from dae_lab.errors import ConfigError, UserError
from dae_lab.parts.schema import NAME
from dae_lab.recording.names import (
    CURVES,
    FALLING,
    LABELS,
    is_recorded,
    least_and_greatest,
    metric_names,
    need_recorded,
)
from dae_lab.sweep.plan import Composed, check


class Composes(Protocol):
    """Who composes configs, see ``dae_lab.sweep.launcher.Engine``."""

    def compose(self, overrides: list[str]) -> Composed:
        """The config of one run."""


@dataclass(frozen=True)
class Asked:
    """How a claim was judged once: by which rule and arms, in which family, to what verdict.

    family: how many claims were judged together. members: eight hex digits of their names.
    divisor: of the error rate. maximum: seeds at the last look that was planned.
    seeds: those that were judged. code: eight hex digits of the code that trained.
    """

    rule: str
    family: int
    members: str
    divisor: int
    maximum: int
    seeds: int
    verdict: str
    code: str

    def is_same_study(self, other: "Asked") -> bool:
        """Whether both are looks of one study."""
        mine, its = ((one.rule, one.members, one.maximum, one.code) for one in (self, other))
        return mine == its

    def sentence(self) -> str:
        """``inconclusive after 20 of at most 20 seeds, in a family of 13``."""
        alone = "alone" if self.family == 1 else f"in a family of {self.family}"
        return f"{self.verdict} after {self.seeds} of at most {self.maximum} seeds, {alone}"


@dataclass
class Question:
    """A claim that is being judged.

    name: the option of the group ``claim``. overrides: the user's own, ``claim=…`` with them.
    arms: each arm's config, composed with seed 0 and checked. changed: what is to be said of earlier rules.
    stated: when this rule was recorded, in milliseconds since 1970. rule: its hash, and that of the arms.
    asked: how it was judged before, by this rule or others. forgotten: how often besides.
    numbers: by arm and seed, the number of the job.
    """

    name: str
    claim: Claim
    overrides: list[str]
    arms: dict[str, Composed]
    numbers: dict[tuple[str, int], int] = field(default_factory=dict)
    evidence: Evidence | None = None
    judgement: Judgement | None = None
    changed: str = ""
    stated: int = 0
    rule: str = ""
    asked: list[Asked] = field(default_factory=list)
    forgotten: int = 0

    @property
    def settled(self) -> bool:
        """Whether more seeds would change nothing, promise nothing, or there are no more."""
        return self.judgement is not None and self.judgement.settled

    @property
    def next_look(self) -> int:
        """After how many seeds it is looked at next."""
        done = self.judgement.n if self.judgement else 0
        return next(n for n in self.claim.seeds.looks() if n > done)


def ask(item: Composed, engine: Composes, family: int = 1) -> Question:
    """The claim that ``item`` chose, with its arms composed and checked.

    Args:
        family: how many claims are judged together.

    Raises:
        UserError: it makes no sense, an arm cannot be trained, or no outcome could decide it.
    """
    name = next(text.partition("=")[2] for text in item.overrides if text.startswith("claim="))
    try:
        if not NAME.fullmatch(name):
            raise ConfigError("the name of a claim takes letters, digits, _ and -, up to 50")
        stated = item.config.claim
        if not isinstance(stated, DictConfig):
            raise ConfigError(f"claim must map keys to values, as {{id: W1}}; got {stated!r}")
        found = claim(OmegaConf.to_container(stated, resolve=True))  # type: ignore[arg-type]
        _check_notebook(found, item.overrides)
        own = [text for text in item.overrides if not text.lstrip("+~").startswith(("claim=", "claim."))]
        if any(text.lstrip("+~").startswith("seed=") for text in own):
            raise ConfigError("seed: a claim takes its seeds from claim.seeds, claim.seeds.first and up")
        if any(text.lstrip("+~").startswith("sweep.metric=") for text in own):
            raise ConfigError("sweep.metric: a claim says itself what is measured, in claim.definition")
        arms = _arms(found, own, item, engine)
        judged = (arms[name] for name in found.short_arms)
        refuse_undecidable(found, [checked(arm).training.epochs for arm in judged], family)
    except UserError as error:
        raise type(error)(f"claim={name}: {error}") from error
    return Question(name, found, item.overrides, arms)


def _check_notebook(found: Claim, overrides: Sequence[str]) -> None:
    """Raise a ConfigError where a claim's file, not the command line, writes outside the current folder."""
    folder = Path(found.notebook)
    if "claim.notebook" in {text.partition("=")[0].lstrip("+") for text in overrides}:
        return
    if folder.is_absolute() or ".." in folder.parts or found.notebook.startswith("~"):
        raise ConfigError(
            f"claim.notebook: a claim's file may name a folder inside the current one; got {found.notebook}; "
            f"give another one on the command line"
        )


def _arms(found: Claim, own: list[str], item: Composed, engine: Composes) -> dict[str, Composed]:
    """Each arm's config, checked: two that are the same are an error, too.

    All are recorded where the command, ``item``, says, whatever options an arm chooses.
    """
    places = _places(engine.compose(item.overrides).config)  # not resolved, as those of the arms
    arms: dict[str, Composed] = {}
    for arm, overrides in found.all_arms.items():
        try:
            composed = engine.compose([*found.base, *own, *overrides, "seed=0"])
            if moved := [key for key, place in _places(composed.config).items() if place != places[key]]:
                raise ConfigError(f"{moved[0]} is not an arm's to change; give it on the command line")
            config = check(composed)
            _check_outcomes(found, config)
        except UserError as error:
            raise type(error)(f"arm {arm}: {error}") from error
        arms[arm] = replace(composed, checked=config)
    refuse_equal_arms(arms)
    return arms


def refuse_equal_arms(arms: Mapping[str, Composed]) -> None:
    """Raise a ConfigError for two arms that train the same."""
    seen: dict[str, str] = {}
    for name, arm in arms.items():
        twin = seen.setdefault(trained(checked(arm)), name)
        if twin != name:
            reason = f"; training.precision=auto is {arm.measurement}" if arm.measurement else ""
            raise ConfigError(f"arms: {twin} and {name} differ in nothing that is trained{reason}")


def _places(config: DictConfig) -> dict[str, Any]:
    """What says where and whether runs are done, by key; the cache as None where it is the common one."""
    keys = [f"tracking.{key}" for key in ("dir", "uri", "experiment", "reuse", "patience")]
    places = {key: OmegaConf.select(config, key) for key in (*keys, *COMMAND_LINE_KEYS, "sweep")}
    for group in ("evaluation", "data"):
        cache = OmegaConf.to_container(config[group], resolve=False).get("cache")  # type: ignore[union-attr]
        places[f"{group}.cache"] = None if is_common_cache(cache) else cache
    return places


def checked(arm: Composed) -> Config:
    """The config of an arm of a ``Question``."""
    assert arm.checked is not None
    return arm.checked


def trained(config: Config) -> str:
    """Equal for configs that give the same numbers, wherever their data and records lie."""
    data = {key: value for key, value in asdict(config.data).items() if key not in ("cache", "download")}
    return fingerprint(config, json.dumps(data, sort_keys=True), "")


def _check_outcomes(found: Claim, config: Config) -> None:
    """Raise a ConfigError for an outcome that a run of ``config`` does not record."""
    for name, reading in found.readings.items():
        try:
            _check_outcome(reading.outcome, config)
        except ConfigError as error:
            raise ConfigError(f"{name}.outcome.{error}") from error
        if found.guards.improved and not is_recorded("val/mse", metric_names(config)):
            raise ConfigError("guards.improved needs validation images, for val/mse")


def _check_outcome(outcome: Outcome, config: Config) -> None:
    if outcome.kind == "share":
        if outcome.metric not in LABELS:
            raise ConfigError(f"metric: runs have no tag {outcome.metric}; there is {', '.join(LABELS)}")
        if odd := set(outcome.among) - {*LABELS[outcome.metric]}:
            raise ConfigError(
                f"among: {outcome.metric} is never {', '.join(sorted(odd))}, but one of "
                f"{', '.join(LABELS[outcome.metric])}"
            )
        return
    known = metric_names(config)
    if outcome.kind == "time":
        known = [name for name in known if name.startswith(CURVES)]
        if not outcome.metric.endswith(FALLING) and is_recorded(outcome.metric, known):
            raise ConfigError(
                f"metric: kind=time asks when a curve has come down, and {outcome.metric} does not fall; "
                f"take one that ends in {', '.join(FALLING)}"
            )
    if outcome.at is not None and outcome.metric.startswith(CURVES) and outcome.at > config.training.epochs:
        raise ConfigError(f"at: there are {config.training.epochs} epochs, not {outcome.at}")
    for key, wanted in (("metric", outcome.metric), ("relative_to", outcome.relative_to)):
        if wanted:
            need_recorded(key, wanted, known)


def refuse_undecidable(found: Claim, epochs: Sequence[int] = (1_000_000,), divisor: int = 1) -> None:
    """Raise a ConfigError for a rule that no outcome could support, or none refute.

    epochs: of the arms, which no time exceeds. divisor: of the error rate, in a family.
    """
    looks = found.seeds.planned_looks()
    error = found.error / divisor
    planned = error if found.seeds.beyond == "none" else error * (1 - BEYOND)
    for name, reading in found.readings.items():
        effect, kind = found.effects[name], reading.outcome.kind
        others = 1 if name == "definition" else len(found.alternatives)
        exact = None if kind == "value" else _attainable(effect, kind, max(epochs))
        bounded = effect.bounds(*_range(reading.outcome)) if kind == "value" else None
        if bounded and reading.rule == "difference" and bounded[0] >= reading.margin:
            raise ConfigError(
                f"{name}: this rule is undecidable: it could never be refuted, for {reading.effect} is never "
                f"below {bounded[0]:g}, and the margin is {reading.margin:g}"
            )
        why = can_be_both(looks[-1], planned / others, looks, reading.margin, reading.kind, bounded, exact)
        if why:
            family = f" In a family of {divisor}, the error rate is {error:.2g}." if divisor > 1 else ""
            raise ConfigError(f"{name}: this rule is undecidable: {why}{family}")
        if found.seeds.beyond != "none" and kind not in ("value", "time"):
            raise ConfigError(
                f"seeds.beyond: {name} is a {kind}, for which no interval beyond the maximum is known; give "
                f"seeds.beyond=none and a larger seeds.maximum"
            )


def _range(outcome: Outcome) -> tuple[float, float]:
    """Between what the values of a metric lie."""
    if outcome.relative_to:
        least = min(least_and_greatest(name)[0] for name in (outcome.metric, outcome.relative_to))
        return (0.0, math.inf) if least >= 0 else (-math.inf, math.inf)
    return least_and_greatest(outcome.metric)


Attainable = Callable[[int, float], list[Interval]]


def _attainable(effect: Effect, kind: str, epochs: int) -> Attainable:
    """The most telling intervals that an effect can have, where they have a width even if all seeds agree."""
    if kind == "time":
        return partial(_of_times, effect.bounds(0.0, epochs), 1.0 if effect.in_units else 0.0)
    of_one = proportion.attainable if kind == "share" else correlation.attainable
    if len(effect.arms) > 1:
        return proportion.paired_attainable
    return lambda n, level: [effect.place(one) for one in of_one(n, level)]


def _of_times(bounds: tuple[float, float], grain: float, n: int, level: float) -> list[Interval]:
    """As narrow as may be, round the least effect, none, and the greatest."""
    low, high = (min(max(end, -1e9), 1e9) for end in bounds)
    width = paired.mean_interval([0.0] * n, level, grain)
    return [width.shifted(effect) for effect in telling(low, high)]
