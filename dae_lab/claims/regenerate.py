"""A claim's page made again from its ``rule.yaml`` and ``runs.csv`` alone: no store, no training."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from dae_lab.claims.claim import Claim, load_claim
from dae_lab.claims.evidence import Evidence, gather
from dae_lab.claims.judge import Verdict, judge
from dae_lab.claims.measurement import Runs
from dae_lab.claims.publishing.circumstances import Circumstances, with_caveats
from dae_lab.claims.publishing.page import publish
from dae_lab.claims.publishing.runs_file import read_runs
from dae_lab.errors import ConfigError, UserError
from dae_lab.parts.schema import NAME, parse_schema


def regenerate(folder: Path, name: str) -> tuple[Path, Verdict]:
    """Judge the claim ``name`` of ``folder`` again, and publish it there; gives its page and the verdict.

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
        claim, circumstances = _read_rule(rule, name)
        evidence = _read_evidence(claim, circumstances, read_runs(rows))
        verdict = judge(claim, evidence, circumstances.divisor)
    except UserError as error:
        raise type(error)(f"regenerate: {home} is damaged, or of another version: {error}") from error
    if not evidence.missing:
        verdict = replace(verdict, provisional=circumstances.provisional)
    verdict = with_caveats(verdict, evidence, circumstances)
    return publish(verdict, evidence, circumstances, folder, again=True), verdict


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
    return load_claim(known), circumstances


def _read_evidence(claim: Claim, circumstances: Circumstances, rows: Runs) -> Evidence:
    """The evidence of the first seeds that were judged, by the runs of the claim's arms."""
    n = circumstances.seeds
    if n not in claim.seeds.looks():
        raise ConfigError(f"judged.seeds: there is no look after {n} seeds")
    wanted = {
        arm: {seed: run for seed, run in rows.get(arm, {}).items() if seed in claim.wanted(arm, n)}
        for arm in claim.all_arms
    }
    runs = {arm: wanted[arm] for arm in claim.short_arms}
    long_runs = {arm: wanted[arm] for arm in claim.long_arms}
    absent = [arm for arm in claim.arms for seed in claim.wanted(arm, n) if seed not in runs[arm]]
    if absent and not circumstances.missing:
        raise ConfigError(f"runs.csv lacks runs of arm {absent[0]}")
    return gather(claim, runs, n, long_runs, circumstances.missing)
