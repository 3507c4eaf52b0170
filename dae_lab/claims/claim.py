"""What is claimed, and the rule that decides it: ``conf/claim/<name>.yaml`` as checked dataclasses."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from functools import cached_property
from typing import Any

from omegaconf import OmegaConf

from dae_lab.claims.expression import Effect, parse
from dae_lab.claims.outcomes import outcome_kind
from dae_lab.claims.outcomes.kind import OutcomeKind
from dae_lab.claims.rule import Bridge, Definition, Guards, Seeds
from dae_lab.config.overrides import roots
from dae_lab.config.run import COMMAND_LINE_KEYS
from dae_lab.errors import ConfigError
from dae_lab.parts.schema import NAME, Line, LongLine, Name, Prose, Schema, option, parse_schema

NO_ARM = {*COMMAND_LINE_KEYS, "claim", "hydra", "seed", "sweep", "tracking"}
"""Parts of the config that do not say what is trained."""

UNDECISIVE = {
    *("id", "statement", "source", "quotation", "confound", "scale", "history", "labels"),
    *("bridges", "causes", "notebook"),
}
"""Keys of a claim that decide nothing, so that its rule is the same whatever they say."""


class Claim(Schema):
    """A statement, and the rule by which runs decide it.

    id: a short label, as the source numbers it.
    statement, source, quotation, confound, scale: for people; what the scale is beside the source's.
    base: overrides of all arms. arms: by name, the overrides that make each.
    error: the probability of a wrong answer by the reading that decides that is accepted, over all looks.
    definition: the reading that decides. alternatives: other readings, under which the answer could flip.
    causes: arms that are described beside the verdict and decide nothing; they get ``seeds.minimum`` seeds.
    history: how earlier rules judged it, and why they were changed, one sentence each.
    labels: what a person calls an arm, by its name.
    bridges: what single runs at the source's length say, by name; they decide nothing.
    notebook: the folder in which the verdict gets a page.
    """

    id: Line = option()
    statement: Prose = option()
    source: Prose = option()
    quotation: str = option()
    confound: str = option()
    scale: str = option()
    base: list[str] = option()
    arms: dict[str, list[str]] = option()
    seeds: Seeds = option()
    error: float = option(gt=0, lt=0.5)
    definition: Definition = option()
    alternatives: dict[Name, Definition] = option()
    guards: Guards = option()
    causes: dict[str, list[str]] = option()
    history: list[str] = option()
    labels: dict[str, str] = option()
    bridges: dict[Name, Bridge] = option()
    notebook: LongLine = option()

    def wanted(self, arm: str, n: int) -> range:
        """The seeds of which ``arm`` has runs when the claim is looked at after ``n``."""
        count = min(n, self.seeds.minimum) if arm in self.causes else n
        return range(self.seeds.first, self.seeds.first + (1 if arm in self.long_arms else count))

    @cached_property
    def long_arms(self) -> dict[str, list[str]]:
        """The arms at the source's length, ``<arm>_<bridge>``: their overrides."""
        return {
            f"{arm}_{name}": [*self.arms[arm], *bridge.change]
            for name, bridge in self.bridges.items()
            for arm in bridge.arms
        }

    @cached_property
    def short_arms(self) -> dict[str, list[str]]:
        """The arms and causes, at the claim's own length: their overrides."""
        return {**self.arms, **self.causes}

    @cached_property
    def all_arms(self) -> dict[str, list[str]]:
        """The overrides of all that is trained."""
        return {**self.short_arms, **self.long_arms}

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

    @cached_property
    def kinds(self) -> dict[str, OutcomeKind]:
        """The kind of outcome of each reading."""
        return {name: outcome_kind(reading.outcome) for name, reading in self.readings.items()}

    def label(self, arm: str) -> str:
        """What a person calls ``arm``."""
        return self.labels.get(arm, arm.replace("_", " "))

    def rule_hash(self) -> str:
        """Twelve hex digits of everything that decides; words for people are not in it."""
        rule = {key: value for key, value in asdict(self).items() if key not in UNDECISIVE}
        return hashlib.sha256(json.dumps(rule, sort_keys=True).encode()).hexdigest()[:12]


def load_claim(plain: Mapping[str, Any]) -> Claim:
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
    found: Claim = parse_schema(whole, Claim, "claim")
    try:
        _check(found)
    except ConfigError as error:
        raise ConfigError(f"claim.{error}") from error
    return found


def _check(found: Claim) -> None:
    """Raise a ConfigError where the claim contradicts itself."""
    for name in found.short_arms:
        if not name.isidentifier() or not NAME.fullmatch(name):
            raise ConfigError(f"arms: {name!r} cannot be written in an effect; take letters, digits and _")
    if both := set(found.arms) & set(found.causes):
        raise ConfigError(f"causes: {', '.join(sorted(both))} is an arm already; take another name")
    if "definition" in found.alternatives:
        raise ConfigError("alternatives: definition is the reading that decides; take another name")
    _check_bridges(found)
    for override in [*found.base, *(item for arm in found.all_arms.values() for item in arm)]:
        if roots(override) & NO_ARM:
            raise ConfigError(f"arms: {override} makes no arm; give it on the command line, if at all")
    if not found.definition.votes:
        raise ConfigError(
            "definition.votes: the reading that decides votes; give false to alternatives alone"
        )
    for name, kind in found.kinds.items():
        try:
            kind.check()
        except ConfigError as error:
            path = name if name == "definition" else f"alternatives.{name}"
            raise ConfigError(f"{path}.outcome.{error}") from error
    effects = found.effects
    if unknown := set(found.labels) - set(found.short_arms):
        raise ConfigError(f"labels: there is no arm {', '.join(sorted(unknown))}")
    silent = set(found.arms) - {arm for effect in effects.values() for arm in effect.arms}
    if silent:
        raise ConfigError(f"arms: no effect speaks of {', '.join(sorted(silent))}; put them under causes")
    for guard in ("improved", "not_collapsed"):
        unknown = set(getattr(found.guards, guard)) - set(found.arms)
        if unknown:
            raise ConfigError(f"guards.{guard}: there is no arm {', '.join(sorted(unknown))}")
    for name, kind in found.kinds.items():
        try:
            kind.check_effect(effects[name])
        except ConfigError as error:
            raise ConfigError(f"{name}.effect: {error}") from error


def _check_bridges(found: Claim) -> None:
    """Raise a ConfigError unless the effects of single long runs can be computed."""
    for name, bridge in found.bridges.items():
        kind = found.kinds["definition"]
        if not kind.single_runs:
            raise ConfigError(f"bridges.{name}: one run has no {kind.name} to compare")
        if unknown := set(bridge.arms) - set(found.arms):
            raise ConfigError(f"bridges.{name}.arms: there is no arm {', '.join(sorted(unknown))}")
        try:
            effect = parse(bridge.effect, found.arms)
        except ConfigError as error:
            raise ConfigError(f"bridges.{name}.{error}") from error
        if silent := set(bridge.arms) - set(effect.arms):
            raise ConfigError(f"bridges.{name}: the effect does not speak of {', '.join(sorted(silent))}")
    if both := set(found.long_arms) & set(found.short_arms):
        raise ConfigError(f"bridges: {', '.join(sorted(both))} is an arm already; name the bridge otherwise")
