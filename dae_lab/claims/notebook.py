"""The lab notebook, ``experiments/<claim>/``: the same runs give the same bytes."""

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from html import escape
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from omegaconf import OmegaConf

from dae_lab import files
from dae_lab.claims import beside, index, markdown, words
from dae_lab.claims.archive import LATEST, write_runs
from dae_lab.claims.beside import Found
from dae_lab.claims.bridge import BridgeResult, evaluate_bridges
from dae_lab.claims.index import read_verdict
from dae_lab.claims.judge import Judgement, Reading
from dae_lab.claims.outcome import ClaimRun, Runs
from dae_lab.claims.sentence import first_sentence
from dae_lab.claims.spec import Claim
from dae_lab.claims.statistics.decision import Verdict
from dae_lab.errors import ConfigError
from dae_lab.parts.schema import Schema, option
from dae_lab.provenance import code_fingerprint
from dae_lab.report.markdown import code
from dae_lab.tracking.plain import plain

log = logging.getLogger(__name__)

FILES = ("README.md", "rule.yaml", "runs.csv", "verdict.svg", "outcome.png", "effect.png", "val_mse.png")
"""What a page consists of, beside ``verdict.json``."""

NO_RUNS: Runs = {}


class Circumstances(Schema):
    """How a claim was asked and judged, as far as its runs do not say it; kept in ``rule.yaml``.

    claim: its name. seeds: those judged. divisor: of its error rate.
    stated: when the rule was recorded, in milliseconds since 1970.
    changed: what is to be said of other rules. history: how it was judged before, otherwise.
    overrides: those of the command line that change what is asked. command: what asks it again.
    cut_short: the study was stopped before its next look. missing: why it could not be judged at all.
    provisional: other claims that were judged with it may change its verdict.
    """

    claim: str
    seeds: int
    divisor: int = option(ge=1, le=1000, default=1)
    stated: int = option(ge=0, le=LATEST, default=0)
    changed: str = ""
    history: str = ""
    overrides: list[str] = option(default_factory=list)
    command: str = ""
    cut_short: bool = False
    missing: list[str] = option(default_factory=list)
    provisional: bool = False


def write(
    folder: Path,
    found: Judgement,
    runs: Runs,
    circumstances: Circumstances,
    drawn: str = "",
    long_runs: Runs = NO_RUNS,
) -> tuple[Path, str]:
    """Write the page of one claim, and bring the index up to date; figures only where something has changed.

    Args:
        folder: of the notebook. runs: those judged.
        drawn: what this gave when it drew the figures that are there.
        long_runs: those at the source's length, see ``Claim.long_arms``.

    Returns:
        the page, and a digest of all that its figures depend on.
    """
    name = circumstances.claim
    home, rows = folder / name, write_runs(found.claim, found.readings, {**runs, **long_runs})
    home.mkdir(parents=True, exist_ok=True)
    effects = found.claim.effects
    others = {one.name: beside.beside(one, effects[one.name].sides()) for one in found.readings}
    facts = facts_of(found.claim, runs, circumstances, long_runs)
    bridge_results = evaluate_bridges(found.claim, runs, long_runs, found.n)
    content = verdict(name, found, others, facts, bridge_results)
    depends_on = "\n".join([json.dumps(content), rows, code_fingerprint(("claims", "figures"))])
    state = hashlib.sha256(depends_on.encode()).hexdigest()[:12]
    known = read_verdict(home / "verdict.json")
    if not (home / "verdict.json").exists():
        files.replace_text(home / "verdict.json", "{}\n")  # from now on a claim's folder, even if we are cut
    captions = _draw(home, state == drawn, known, found, runs) if found.readings else {}
    pictures = {file: _digest(home / file) for file in captions}
    _remove_pictures(home, known, captions)
    files.replace_text(home / "runs.csv", rows)
    files.replace_text(home / "rule.yaml", _rule(found.claim, circumstances))
    files.replace_text(home / "verdict.svg", badge(found.verdict))
    files.replace_text(home / "README.md", markdown.page(found, others, facts, captions, bridge_results))
    # at last: what was cut before is done again
    content |= {"figures": captions, "pictures": pictures}
    files.replace_text(home / "verdict.json", json.dumps(content, indent=1) + "\n")
    index.write(folder)
    return home / "README.md", state


def _rule(claim: Claim, circumstances: Circumstances) -> str:
    """The rule, and how it was asked, as YAML."""
    return OmegaConf.to_yaml(OmegaConf.create({**asdict(claim), "judged": asdict(circumstances)}))


def facts_of(
    claim: Claim, runs: Runs, circumstances: Circumstances, long_runs: Runs = NO_RUNS
) -> dict[str, str]:
    """What the page tells of the runs."""
    every, long = _every(runs), _every(long_runs)
    facts = {"Scale": "; ".join(sorted({_scale(run) for run in every}))}
    if claim.scale:
        facts["Beside the source"] = claim.scale
    facts["Cost"] = _cost(every)
    if long:
        facts["Cost"] += f"; at the source's length {_cost(long)}"
    for title, found in (
        ("Processor", {run.settings.get("machine/cpu", "") for run in every}),
        ("Code", {run.tags.get("mlflow.source.git.commit", "")[:12] for run in every}),
    ):
        if known := sorted(filter(None, found)):
            facts[title] = "; ".join(known)
    facts["Rule"] = f"`{claim.rule_hash()}`, recorded {_utc(circumstances.stated)}"
    if every:
        facts["Rule"] += f"; the first of these runs began {_utc(min(run.began for run in every))}"
    if circumstances.cut_short:
        facts["Cut short"] = "it was stopped before its next look, and goes on with the same command"
    facts["Again"] = code(circumstances.command)
    facts["This page again"] = code(f"python -m dae_lab.run regenerate={circumstances.claim}")
    return facts


def _every(runs: Runs) -> list[ClaimRun]:
    return [run for of in runs.values() for run in of.values()]


def _cost(runs: Sequence[ClaimRun]) -> str:
    """``10 runs, 3.26 CPU hours``."""
    spent = sum(run.values.get("time/cpu_s", 0.0) for run in runs)
    return f"{len(runs)} run{'s' * (len(runs) != 1)}, {spent / 3600:.2f} CPU hours"


def _utc(milliseconds: int) -> str:
    return f"{datetime.fromtimestamp(milliseconds / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC"


def _scale(run: ClaimRun) -> str:
    """``rows [0, 60000] of mnist, 10 epochs of 128 images a step``."""
    known = run.settings
    data = known.get("data._target_", "").rpartition(".load_")[2]
    epochs, size = known.get("training.epochs"), known.get("training.batch_size")
    plural = "" if epochs == "1" else "s"
    return f"rows {known.get('data.train')} of {data}, {epochs} epoch{plural} of {size} images a step"


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()[:12]


def _remove_pictures(home: Path, known: Mapping[str, Any], captions: Mapping[str, str]) -> None:
    """Remove the pictures that an earlier verdict drew, as it left them; all other files are a person's."""
    drawn = known.get("pictures")
    for name, digest in drawn.items() if isinstance(drawn, dict) else ():
        file = home / name
        if name not in captions and file.name == name and file.is_file() and _digest(file) == digest:
            file.unlink()


def need_writable(folder: Path, name: str) -> None:
    """Raise a ConfigError unless the page of the claim ``name`` could be written to ``folder``."""
    home = folder / name
    theirs = [file for file in FILES if (home / file).exists()]
    if theirs and not (home / "verdict.json").is_file():
        raise ConfigError(
            f"claim.notebook: {home / theirs[0]} was not written for a claim, and would be overwritten; "
            f"choose another folder"
        )
    try:
        home.mkdir(parents=True, exist_ok=True)
        TemporaryFile(dir=home).close()
    except OSError as error:
        raise ConfigError(
            f"claim.notebook: {home} cannot be written ({error.strerror}); choose a folder you may write to"
        ) from error


def _draw(home: Path, same: bool, known: Mapping[str, Any], found: Judgement, runs: Runs) -> dict[str, str]:
    """Draw the figures, unless the ``same`` are there; gives their captions by file."""
    drawn_before = known.get("figures")
    captions = drawn_before if isinstance(drawn_before, dict) and drawn_before.keys() <= {*FILES} else {}
    if same and captions and all((home / file).exists() for file in captions):
        return captions
    from dae_lab.claims.pictures import CAPTIONS, pictures  # here, because matplotlib takes a second

    drawn = pictures(found, runs)
    for file, picture in drawn.items():
        files.replace_file(home / f"{file}.png", partial(picture.save, format="PNG", optimize=True))
    return {f"{file}.png": CAPTIONS[file] for file in drawn}


def verdict(
    name: str,
    found: Judgement,
    others: Mapping[str, Found],
    facts: Mapping[str, str],
    bridge_results: Sequence[BridgeResult] = (),
) -> dict[str, Any]:
    """The verdict with all that it stands on, as JSON takes it; what is not finite is null."""
    content = {
        "claim": name,
        "id": found.claim.id,
        "statement": found.claim.statement,
        "verdict": found.verdict.value,
        "first_sentence": first_sentence(found),
        "sentence": words.headline(found),
        "seeds": found.n,
        "seeds_fixed_design": found.needed.seeds if found.needed else None,
        "verdict_fixed_design": found.needed.verdict.value if found.needed else None,
        "unconditional": found.unconditional.value if found.unconditional else None,
        "level": found.level,
        "error": found.claim.error,
        "error_divided_by": found.share,
        "rule": found.claim.rule_hash(),
        "history": found.history,
        "remarks": list(found.remarks),
        "broken": list(found.broken),
        "readings": [_plain_reading(found, one, others[one.name]) for one in found.readings],
        "bridges": [_plain_bridge(one) for one in bridge_results],
        "facts": dict(facts),
    }
    return plain(content)


def _plain_bridge(one: BridgeResult) -> dict[str, Any]:
    ends = [one.interval.low, one.interval.high]
    effects = {"long": one.long, "short": one.short, "mean": one.mean, "interval": ends}
    return {"name": one.name, **asdict(one.bridge), "values": dict(one.values), **effects}


def _plain_reading(found: Judgement, one: Reading, others: Found) -> dict[str, Any]:
    return {
        "name": one.name,
        "definition": asdict(one.definition),
        "verdict": (Verdict.invalid if found.broken else one.verdict).value,
        "problem": one.problem,
        "error_divided_by": one.divisor,
        "chance_of_verdict": one.chance,
        "effect": one.effect,
        "interval": [one.interval.low, one.interval.high],
        "others": beside.plain(others),
        "effects": one.effects.tolist(),
        "arms": {
            arm: {"values": item.values.tolist(), "reached": item.reached.tolist()}
            for arm, item in one.arms.items()
        },
    }


def badge(found: Verdict) -> str:
    """The verdict at a glance, as a picture of its own."""
    word, width = escape(found.value), 16 + 8 * len(found.value)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="22" role="img" aria-label="{word}">'
        f'<rect width="{width}" height="22" rx="4" fill="#{words.COLOURS[found]}"/>'
        f'<text x="{width / 2:g}" y="15" fill="#fff" font-family="sans-serif" font-size="12" '
        f'font-weight="bold" text-anchor="middle" textLength="{width - 16}">{word}</text></svg>\n'
    )
