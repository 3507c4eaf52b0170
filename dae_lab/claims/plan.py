"""A claim that was asked for: its arms composed and checked, before anything is trained."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from dae_lab.claims.claim import Claim, load_claim
from dae_lab.claims.decidability import need_decidable
from dae_lab.config.fingerprint import fingerprint
from dae_lab.config.run import COMMAND_LINE_KEYS, Config
from dae_lab.config.sources import is_common_cache
from dae_lab.errors import ConfigError, UserError
from dae_lab.parts.schema import NAME
from dae_lab.recording.names import is_recorded, metric_names
from dae_lab.sweep.compose import Composed, Composer
from dae_lab.sweep.plan import check

RunKey = tuple[str, int]
"""What a run trains, see ``trained``, and its seed: equal for runs that claims share."""


@dataclass(frozen=True)
class PlannedRun:
    """A run that a claim is judged by."""

    arm: str
    seed: int
    key: RunKey


@dataclass(frozen=True)
class ClaimPlan:
    """A claim that was asked for, and what its arms train.

    Attributes:
        name: the option of the group ``claim``. overrides: the user's own, ``claim=…`` with them.
        arms: each arm's config, composed with seed 0 and checked.
    """

    name: str
    claim: Claim
    overrides: list[str]
    arms: Mapping[str, Composed]

    def runs(self, n: int) -> Iterator[PlannedRun]:
        """The runs of the first ``n`` seeds, seed by seed."""
        keys = {arm: trained(checked(self.arms[arm])) for arm in self.claim.short_arms}
        first = self.claim.seeds.first
        for seed in range(first, first + n):
            for arm, key in keys.items():
                if seed in self.claim.wanted(arm, n):
                    yield PlannedRun(arm, seed, (key, seed))

    def long_runs(self) -> Iterator[PlannedRun]:
        """The single runs at the source's length."""
        seed = self.claim.seeds.first
        for arm in self.claim.long_arms:
            yield PlannedRun(arm, seed, (trained(checked(self.arms[arm])), seed))

    def compose(self, run: PlannedRun) -> Composed:
        """The config of ``run``."""
        arm = self.arms[run.arm]
        overrides = [text for text in arm.overrides if not text.startswith("seed=")]
        config = replace(checked(arm), seed=run.seed)
        return replace(arm, overrides=[*overrides, f"seed={run.seed}"], checked=config)


def plan_claim(item: Composed, composer: Composer, family: int = 1) -> ClaimPlan:
    """The plan of the claim that ``item`` chose.

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
        claim = load_claim(OmegaConf.to_container(stated, resolve=True))  # type: ignore[arg-type]
        _check_notebook(claim, item.overrides)
        own = [text for text in item.overrides if not text.lstrip("+~").startswith(("claim=", "claim."))]
        _check_own(own)
        arms = _arms(claim, own, item, composer)
        epochs = [checked(arms[arm]).training.epochs for arm in claim.short_arms]
        need_decidable(claim, epochs, family)
    except UserError as error:
        raise type(error)(f"claim={name}: {error}") from error
    return ClaimPlan(name, claim, item.overrides, arms)


def _check_own(overrides: Sequence[str]) -> None:
    """Raise a ConfigError for overrides of the command line that a claim does not take."""
    if any(text.lstrip("+~").startswith("seed=") for text in overrides):
        raise ConfigError("seed: a claim takes its seeds from claim.seeds, claim.seeds.first and up")
    if any(text.lstrip("+~").startswith("sweep.metric=") for text in overrides):
        raise ConfigError("sweep.metric: a claim says itself what is measured, in claim.definition")


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


def _arms(found: Claim, own: list[str], item: Composed, composer: Composer) -> dict[str, Composed]:
    """Each arm's config, checked: two that are the same are an error, too.

    All are recorded where the command, ``item``, says, whatever options an arm chooses.
    """
    locations = _locations(composer.compose(item.overrides).config)  # not resolved, as those of the arms
    arms: dict[str, Composed] = {}
    for arm, overrides in found.all_arms.items():
        try:
            composed = composer.compose([*found.base, *own, *overrides, "seed=0"])
            if moved := [
                key for key, place in _locations(composed.config).items() if place != locations[key]
            ]:
                raise ConfigError(f"{moved[0]} is not an arm's to change; give it on the command line")
            config = check(composed)
            _check_outcomes(found, config)
        except UserError as error:
            raise type(error)(f"arm {arm}: {error}") from error
        arms[arm] = replace(composed, checked=config)
    need_different_arms(arms)
    return arms


def need_different_arms(arms: Mapping[str, Composed]) -> None:
    """Raise a ConfigError for two arms that train the same."""
    seen: dict[str, str] = {}
    for name, arm in arms.items():
        twin = seen.setdefault(trained(checked(arm)), name)
        if twin != name:
            reason = f"; training.precision=auto is {arm.measurement}" if arm.measurement else ""
            raise ConfigError(f"arms: {twin} and {name} differ in nothing that is trained{reason}")


def _locations(config: DictConfig) -> dict[str, Any]:
    """What says where and whether runs are done, by key; the cache as None where it is the common one."""
    keys = [f"tracking.{key}" for key in ("dir", "uri", "experiment", "reuse", "patience")]
    locations = {key: OmegaConf.select(config, key) for key in (*keys, *COMMAND_LINE_KEYS, "sweep")}
    for group in ("evaluation", "data"):
        cache = OmegaConf.to_container(config[group], resolve=False).get("cache")  # type: ignore[union-attr]
        locations[f"{group}.cache"] = None if is_common_cache(cache) else cache
    return locations


def checked(arm: Composed) -> Config:
    """The config of an arm of a ``ClaimPlan``."""
    assert arm.checked is not None
    return arm.checked


def trained(config: Config) -> str:
    """Equal for configs that give the same numbers, wherever their data and records lie."""
    data = {key: value for key, value in asdict(config.data).items() if key not in ("cache", "download")}
    return fingerprint(config, json.dumps(data, sort_keys=True), "")


def _check_outcomes(claim: Claim, config: Config) -> None:
    """Raise a ConfigError for an outcome that a run of ``config`` does not record."""
    for name, kind in claim.kinds.items():
        try:
            kind.check_recorded(config)
        except ConfigError as error:
            raise ConfigError(f"{name}.outcome.{error}") from error
        if claim.guards.improved and not is_recorded("val/mse", metric_names(config)):
            raise ConfigError("guards.improved needs validation images, for val/mse")
