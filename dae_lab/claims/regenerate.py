"""A claim's page made again from its ``rule.yaml`` and ``runs.csv`` alone: no store, no training."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from dae_lab.claims import notebook
from dae_lab.claims.archive import read_runs
from dae_lab.claims.evidence import gather
from dae_lab.claims.judge import Judgement, invalid, judge
from dae_lab.claims.notebook import Circumstances
from dae_lab.claims.outcome import Runs
from dae_lab.claims.remarks import remarks
from dae_lab.claims.spec import Claim, claim
from dae_lab.errors import ConfigError, UserError
from dae_lab.parts.schema import NAME, parse_schema


def regenerate(folder: Path, name: str) -> tuple[Path, Judgement]:
    """Judge the claim ``name`` of the notebook ``folder`` again, and write its page; gives where it is.

    Equal files and equal code give equal bytes.

    Raises:
        UserError: there is no such page, or its files are damaged.
    """
    if not NAME.fullmatch(name):
        raise ConfigError(
            f"regenerate: a claim's name takes letters, digits, _ and -, up to 50; got {name!r}"
        )
    home = folder / name
    try:
        rule, rows = (home / "rule.yaml").read_text("utf-8"), (home / "runs.csv").read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        known = ", ".join(sorted(file.parent.name for file in folder.glob("*/runs.csv"))) or "none"
        raise UserError(f"regenerate: {home} holds no page of a claim; there is {known}") from error
    try:
        stated, circumstances = _read_rule(rule, name)
        every = _wanted(stated, circumstances.seeds, read_runs(rows))
        runs = {arm: of for arm, of in every.items() if arm not in stated.long_arms}
        long_runs = {arm: every[arm] for arm in stated.long_arms}
        found = _judge(stated, circumstances, runs)
    except UserError as error:
        raise type(error)(f"regenerate: {home} is damaged, or of another version: {error}") from error
    page, _ = notebook.write(folder, found, runs, circumstances, long_runs=long_runs)
    return page, found


def _read_rule(text: str, name: str) -> tuple[Claim, Circumstances]:
    try:
        known: Any = OmegaConf.to_container(OmegaConf.create(text), resolve=False)
    except (YAMLError, OmegaConfBaseException) as error:
        raise ConfigError(f"rule.yaml cannot be read: {str(error).splitlines()[0]}") from error
    if not isinstance(known, dict) or "judged" not in known:
        raise ConfigError("rule.yaml does not say how the claim was judged, under the key judged")
    circumstances: Circumstances = parse_schema(known.pop("judged"), Circumstances, "judged")
    if circumstances.claim != name:
        raise ConfigError(f"judged.claim is {circumstances.claim!r}, not {name}")
    return claim(known), circumstances


def _wanted(stated: Claim, n: int, runs: Runs) -> Runs:
    """The runs of the first ``n`` seeds, by the arms of the claim."""
    return {
        arm: {seed: of for seed, of in runs.get(arm, {}).items() if seed in stated.wanted(arm, n)}
        for arm in stated.all_arms
    }


def _judge(stated: Claim, circumstances: Circumstances, runs: Runs) -> Judgement:
    n = circumstances.seeds
    if n not in stated.seeds.looks():
        raise ConfigError(f"judged.seeds: there is no look after {n} seeds")
    if circumstances.missing:
        found = invalid(stated, circumstances.missing, n)
    else:
        absent = [arm for arm in stated.arms for seed in stated.wanted(arm, n) if seed not in runs[arm]]
        if absent:
            raise ConfigError(f"runs.csv lacks runs of arm {absent[0]}")
        found = judge(gather(stated, runs, n), circumstances.divisor)
        found = replace(found, provisional=circumstances.provisional)
    said = remarks(stated, found, runs, circumstances.stated, circumstances.changed, circumstances.overrides)
    return replace(found, remarks=said, history=circumstances.history)
