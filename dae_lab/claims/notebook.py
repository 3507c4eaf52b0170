"""The lab notebook, ``experiments/<claim>/``: the same runs give the same bytes."""

import csv
import io
import json
import math
import re
from collections.abc import Mapping
from dataclasses import asdict
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

from dae_lab.claims import beside, markdown, words
from dae_lab.claims.beside import Found
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
    captions = {}
    if found.readings:
        from dae_lab.claims.pictures import CAPTIONS, pictures  # here, because matplotlib takes a second

        for file, picture in pictures(found, runs).items():
            picture.save(home / f"{file}.png", optimize=True)
            captions[f"{file}.png"] = CAPTIONS[file]
    effects = found.claim.effects()
    others = {one.name: beside.beside(one, effects[one.name].sides()) for one in found.readings}
    content = json.dumps(verdict(name, found, others, facts), indent=1) + "\n"
    (home / "verdict.json").write_text(content, "utf-8")
    (home / "verdict.svg").write_text(badge(found.verdict), "utf-8")
    (home / "runs.csv").write_text(table(found, runs), "utf-8")
    (home / "README.md").write_text(markdown.page(name, found, others, facts, captions), "utf-8")
    index(folder)
    return home / "README.md"


def verdict(
    name: str, found: Judgement, others: Mapping[str, Found], facts: Mapping[str, str]
) -> dict[str, Any]:
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
        "error": found.claim.error,
        "error_divided_by": found.share,
        "rule": found.claim.rule_hash(),
        "broken": list(found.broken),
        "readings": [_plain_reading(one, others[one.name]) for one in found.readings],
        "facts": dict(facts),
    }
    plain: dict[str, Any] = _plain(content)
    return plain


def _plain_reading(one: Reading, others: Found) -> dict[str, Any]:
    return {
        "name": one.name,
        "definition": asdict(one.definition),
        "verdict": one.verdict.value,
        "effect": one.effect,
        "interval": [one.interval.low, one.interval.high],
        "others": beside.plain(others),
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
            known = found.readings if seed in found.claim.wanted(arm, found.n) else ()
            values = [one.arms[arm].values[seed] for one in known]
            rows.writerow([arm, seed, run.run_id, run.tags.get("fingerprint", ""), *values])
    return file.getvalue()


def badge(found: Verdict) -> str:
    """The verdict at a glance, as a picture of its own."""
    word, width = escape(found.value), 16 + 8 * len(found.value)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="22" role="img" aria-label="{word}">'
        f'<rect width="{width}" height="22" rx="4" fill="#{words.COLOURS[found]}"/>'
        f'<text x="{width / 2:g}" y="15" fill="#fff" font-family="sans-serif" font-size="12" '
        f'font-weight="bold" text-anchor="middle" textLength="{width - 16}">{word}</text></svg>\n'
    )


def index(folder: Path) -> None:
    """One line a claim, in ``README.md`` of the notebook, between its marks; what is around them stays."""
    lines = ["| claim | statement | verdict | seeds |", "|---|---|---|---|"]
    for file in sorted(folder.glob("*/verdict.json")):
        known = json.loads(file.read_text("utf-8"))
        place = quote(known["claim"])
        link = f"[{known['id']} {known['claim']}]({place}/README.md)"
        mark = f"![{known['verdict']}]({place}/verdict.svg)"
        lines.append(f"| {link} | {known['statement']} | {mark} | {known['seeds']} |")
    text = "\n".join(lines)
    home = folder / "README.md"
    before = home.read_text("utf-8") if home.exists() else f"# Claims\n\n{INDEX}\n<!-- verdicts -->\n"
    marked = re.sub(r"<!-- verdicts -->.*?(<!-- end -->\n|\Z)", "", before, flags=re.DOTALL)
    home.write_text(f"{marked}<!-- verdicts -->\n\n{text}\n\n<!-- end -->\n", "utf-8")


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
