"""The lab notebook, ``experiments/<claim>/``: the same runs give the same bytes."""

import csv
import hashlib
import io
import json
import logging
import os
import re
from collections.abc import Mapping
from dataclasses import asdict
from html import escape
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any
from urllib.parse import quote

from omegaconf import OmegaConf

from dae_lab.claims import beside, markdown, words
from dae_lab.claims.beside import Found
from dae_lab.claims.judge import Judgement, Reading
from dae_lab.claims.outcome import Runs
from dae_lab.claims.statistics.decision import Verdict
from dae_lab.errors import ConfigError
from dae_lab.provenance import code_fingerprint
from dae_lab.report.markdown import prose
from dae_lab.tracking.plain import plain

log = logging.getLogger(__name__)

FILES = ("README.md", "rule.yaml", "runs.csv", "verdict.svg", "outcome.png", "effect.png", "val_mse.png")
"""What a page consists of, beside ``verdict.json``."""

INDEX = "Claims and their verdicts. Each page is written by `python -m dae_lab.run claim=<name>`.\n"


def write(folder: Path, name: str, found: Judgement, runs: Runs, facts: Mapping[str, str]) -> Path:
    """Write the page of one claim, and bring the index up to date; figures only where something has changed.

    Args:
        folder: of the notebook. name: the claim's. runs: those judged. facts: what else is told of them.

    Returns:
        the page.
    """
    home, rows = folder / name, table(found, runs)
    home.mkdir(parents=True, exist_ok=True)
    effects = found.claim.effects
    others = {one.name: beside.beside(one, effects[one.name].sides()) for one in found.readings}
    content = verdict(name, found, others, facts)
    drawn_of = "\n".join([json.dumps(content), rows, code_fingerprint(("claims", "figures"))])
    state = hashlib.sha256(drawn_of.encode()).hexdigest()[:12]
    known = _known(home / "verdict.json")
    if not (home / "verdict.json").exists():
        _write(home / "verdict.json", "{}\n")  # from now on this folder is a claim's, even if we are cut
    captions = _draw(home, state, known, found, runs) if found.readings else {}
    pictures = {file: _digest(home / file) for file in captions}
    _remove_pictures(home, known, captions)
    _write(home / "runs.csv", rows)
    _write(home / "rule.yaml", OmegaConf.to_yaml(OmegaConf.structured(found.claim)))
    _write(home / "verdict.svg", badge(found.verdict))
    _write(home / "README.md", markdown.page(found, others, facts, captions))
    # at last: what was cut before is done again
    content |= {"figures": captions, "pictures": pictures, "state": state}
    _write(home / "verdict.json", json.dumps(content, indent=1) + "\n")
    index(folder)
    return home / "README.md"


def _write(file: Path, content: str | bytes) -> None:
    """Write ``file`` at once; a link to another file is replaced, not followed."""
    draft = file.with_name(f"{file.name}.{os.getpid()}")
    draft.write_bytes(content if isinstance(content, bytes) else content.encode())
    os.replace(draft, file)


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


def _known(file: Path) -> dict[str, Any]:
    """A verdict as it was written; empty where there is none that can be read."""
    try:
        found = json.loads(file.read_text("utf-8"))
    except (FileNotFoundError, ValueError):
        found = None
    return found if isinstance(found, dict) else {}


def _draw(home: Path, state: str, known: Mapping[str, Any], found: Judgement, runs: Runs) -> dict[str, str]:
    """Draw the figures, unless they are there; gives their captions by file."""
    drawn_before = known.get("figures")
    captions = drawn_before if isinstance(drawn_before, dict) and drawn_before.keys() <= {*FILES} else {}
    if known.get("state") == state and all((home / file).exists() for file in captions):
        return captions
    from dae_lab.claims.pictures import CAPTIONS, pictures  # here, because matplotlib takes a second

    drawn = pictures(found, runs)
    for file, picture in drawn.items():
        png = io.BytesIO()
        picture.save(png, "PNG", optimize=True)
        _write(home / f"{file}.png", png.getvalue())
    return {f"{file}.png": CAPTIONS[file] for file in drawn}


def verdict(
    name: str, found: Judgement, others: Mapping[str, Found], facts: Mapping[str, str]
) -> dict[str, Any]:
    """The verdict with all that it stands on, as JSON takes it; what is not finite is null."""
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
        "remarks": list(found.remarks),
        "broken": list(found.broken),
        "readings": [_plain_reading(found, one, others[one.name]) for one in found.readings],
        "facts": dict(facts),
    }
    return plain(content)


def _plain_reading(found: Judgement, one: Reading, others: Found) -> dict[str, Any]:
    return {
        "name": one.name,
        "definition": asdict(one.definition),
        "verdict": words.said(found, one),
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
        for place, (seed, run) in enumerate(sorted(of.items())):
            values = [one.arms[arm].values[place] for one in found.readings]
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
    every = []
    for file in sorted(folder.glob("*/verdict.json")):
        known = _known(file)
        if _is_verdict(known):
            every.append(known)
        else:
            log.warning("%s is damaged, or of another version: its claim is not in the index", file)
    rows = []
    for known in sorted(every, key=lambda one: _natural(one["id"])):
        place = quote(known["claim"])
        link = f"[{prose(known['id'])} {prose(known['claim'])}]({place}/README.md)"
        mark = f"![{prose(known['verdict'])}]({place}/verdict.svg)"
        words_of_people = prose(known["statement"]), prose("; ".join(known["remarks"]))
        rows.append([link, words_of_people[0], mark, str(known["seeds"]), words_of_people[1]])
    listed = markdown.table(["claim", "statement", "verdict", "seeds", "to mind"], rows)
    text = f"<!-- verdicts -->\n\n{listed}\n\n<!-- end -->"
    home = folder / "README.md"
    before = home.read_text("utf-8") if home.exists() else f"# Claims\n\n{INDEX}\n"
    marked = re.compile(r"<!-- verdicts -->(.*?<!-- end -->|\n*(\|[^\n]*\n?)*)", re.DOTALL)
    after = marked.sub(lambda _: text, before, count=1) if marked.search(before) else f"{before}{text}\n"
    _write(home, after)


def _is_verdict(known: Mapping[str, Any]) -> bool:
    texts = all(isinstance(known.get(key), str) for key in ("id", "claim", "statement", "verdict"))
    remarks = known.get("remarks")
    listed = isinstance(remarks, list) and all(isinstance(remark, str) for remark in remarks)
    return texts and listed and isinstance(known.get("seeds"), int)


def _natural(label: str) -> list[tuple[str, int]]:
    """Sorts A2 before A10."""
    return [(word, int(number or 0)) for word, number in re.findall(r"(\D+)(\d*)", label)]
