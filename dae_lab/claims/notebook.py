"""The lab notebook, ``experiments/<claim>/``: the same runs give the same bytes."""

import csv
import io
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import quote

from dae_lab.claims import words
from dae_lab.claims.judge import Judgement, Reading
from dae_lab.claims.outcome import Runs
from dae_lab.claims.statistics.decision import Verdict

INDEX = "Claims and their verdicts. Each page is written by `python -m dae_lab.run claim=<name>`.\n"


def write(folder: Path, name: str, found: Judgement, runs: Runs, facts: Mapping[str, str]) -> Path:
    """Write the page of one claim, and bring the index up to date.

    Args:
        folder: of the notebook. name: the claim's. runs: those judged. facts: what else is told of them.

    Returns:
        the page.
    """
    home = folder / name
    home.mkdir(parents=True, exist_ok=True)
    drawn = _figures(found, runs)
    for file, picture in drawn.items():
        picture.save(home / f"{file}.png", optimize=True)
    (home / "verdict.json").write_text(json.dumps(verdict(name, found, facts), indent=1) + "\n", "utf-8")
    (home / "runs.csv").write_text(table(found, runs), "utf-8")
    (home / "README.md").write_text(page(name, found, facts, list(drawn)), "utf-8")
    index(folder)
    return home / "README.md"


def page(name: str, found: Judgement, facts: Mapping[str, str], figures: Sequence[str]) -> str:
    """The page, as Markdown."""
    claim = found.claim
    parts = [
        f"# {claim.id}: {claim.statement}",
        badge(found.verdict),
        f"**{words.headline(found)}** ({words.MEANING[found.verdict]})",
        f"*Source: {claim.source}*",
    ]
    if claim.confound:
        parts.append(f"What confounds it there: {claim.confound}")
    parts += ["## What was asked", _question(found)]
    if found.readings:
        parts += ["## What was found", _readings(found), _arms(found)]
    parts += [f"![{file}]({file}.png)" for file in figures]
    parts += ["## How it was found", _method(name, found, facts)]
    return "\n\n".join(parts) + "\n"


def badge(verdict: Verdict) -> str:
    """The verdict at a glance, in plain text: a picture would have to come from somewhere."""
    return f"`{verdict.value.upper()}`"


def _question(found: Judgement) -> str:
    lines = ["| reading | what is measured | the claim holds if |", "|---|---|---|"]
    for name, reading in found.claim.readings().items():
        margin = words.number(reading.margin)
        wanted = (
            f"{reading.effect} within ±{margin}"
            if reading.rule == "equivalence"
            else f"{reading.effect} > {margin}"
        )
        lines.append(f"| {_title(name)} | {words.outcome(reading.outcome)} | {wanted} |")
    lines += ["", "| arm | overrides |", "|---|---|"]
    for arm, overrides in {**found.claim.arms, **found.claim.causes}.items():
        lines.append(f"| {arm} | `{' '.join([*found.claim.base, *overrides])}` |")
    return "\n".join(lines)


def _readings(found: Judgement) -> str:
    level = f"{found.level:.2%}"
    lines = [
        f"| reading | effect | {level} interval | bootstrap | sign-flip p | verdict |",
        "|---|---|---|---|---|---|",
    ]
    for one in found.readings:
        bootstrap = f"[{words.number(one.bootstrap.low)}, {words.number(one.bootstrap.high)}]"
        cells = (words.number(one.effect), words.bounds(one), bootstrap, words.number(one.p))
        lines.append(f"| {_title(one.name)} | {' | '.join(cells)} | {one.verdict.value} |")
    return "\n".join(lines)


def _arms(found: Judgement) -> str:
    lines = ["| arm | mean | spread over seeds | not reached |", "|---|---|---|---|"]
    for arm, measured in found.readings[0].arms.items():
        values = measured.values
        spread = values.std(ddof=1) if len(values) > 1 else math.nan
        cells = (words.number(float(values.mean())), words.number(float(spread)))
        lines.append(f"| {arm} | {' | '.join(cells)} | {int((~measured.reached).sum())} |")
    return "\n".join(lines)


def _method(name: str, found: Judgement, facts: Mapping[str, str]) -> str:
    lines = [
        f"- {words.seeds(found)}.",
        "- Intervals: Student's t over the seeds' own differences, at the level that alpha spending leaves "
        "to this look (Lan & DeMets 1983; repeated intervals, Jennison & Turnbull 1989); of shares, exact.",
        f"- Rule `{found.claim.rule_hash()}`, error rate {words.number(found.claim.error)} over all looks.",
        *(f"- {key}: {value}" for key, value in facts.items()),
        f"- Again: `python -m dae_lab.run claim={name}`; numbers: [verdict.json](verdict.json), "
        "[runs.csv](runs.csv).",
    ]
    return "\n".join(lines)


def verdict(name: str, found: Judgement, facts: Mapping[str, str]) -> dict[str, Any]:
    """Everything the page says, as JSON; what is not finite is null."""
    content = {
        "claim": name,
        "id": found.claim.id,
        "statement": found.claim.statement,
        "verdict": found.verdict.value,
        "sentence": words.headline(found),
        "seeds": found.n,
        "seeds_fixed_design": found.needed,
        "level": found.level,
        "rule": found.claim.rule_hash(),
        "broken": list(found.broken),
        "readings": [_plain_reading(one) for one in found.readings],
        "facts": dict(facts),
    }
    plain: dict[str, Any] = _plain(content)
    return plain


def _plain_reading(one: Reading) -> dict[str, Any]:
    return {
        "name": one.name,
        "definition": asdict(one.definition),
        "verdict": one.verdict.value,
        "effect": one.effect,
        "interval": [one.interval.low, one.interval.high],
        "bootstrap": [one.bootstrap.low, one.bootstrap.high],
        "sign_flip_p": one.p,
        "effects": one.effects.tolist(),
        "arms": {
            arm: {"values": item.values.tolist(), "reached": item.reached.tolist()}
            for arm, item in one.arms.items()
        },
    }


def table(found: Judgement, runs: Runs) -> str:
    """The runs judged, as CSV: arm, seed, run, and the value of each reading."""
    file = io.StringIO()
    rows = csv.writer(file, lineterminator="\n")
    rows.writerow(["arm", "seed", "run_id", "fingerprint", *(one.name for one in found.readings)])
    for arm, of in runs.items():
        for seed, run in sorted(of.items()):
            values = [
                one.arms[arm].values[seed]
                for one in found.readings
                if seed in found.claim.wanted(arm, found.n)
            ]
            rows.writerow([arm, seed, run.run_id, run.tags.get("fingerprint", ""), *values])
    return file.getvalue()


def index(folder: Path) -> None:
    """One line a claim, in ``README.md`` of the notebook, between its marks; what is around them stays."""
    lines = ["| claim | statement | verdict | seeds |", "|---|---|---|---|"]
    for file in sorted(folder.glob("*/verdict.json")):
        known = json.loads(file.read_text("utf-8"))
        link = f"[{known['id']} {known['claim']}]({quote(known['claim'])}/README.md)"
        lines.append(f"| {link} | {known['statement']} | `{known['verdict'].upper()}` | {known['seeds']} |")
    text = "\n".join(lines)
    home = folder / "README.md"
    before = home.read_text("utf-8") if home.exists() else f"# Claims\n\n{INDEX}\n<!-- verdicts -->\n"
    marked = re.sub(r"<!-- verdicts -->.*?(<!-- end -->\n|\Z)", "", before, flags=re.DOTALL)
    home.write_text(f"{marked}<!-- verdicts -->\n\n{text}\n\n<!-- end -->\n", "utf-8")


def _figures(found: Judgement, runs: Runs) -> dict[str, Any]:
    """The figures by name: effects, and the arms' curves."""
    if not found.readings:
        return {}
    from dae_lab.claims.pictures import pictures

    return pictures(found, runs)


def _title(name: str) -> str:
    return "**decides**" if name == "definition" else name.replace("_", " ")


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
