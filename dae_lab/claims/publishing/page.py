"""The folder of a claim's page, ``experiments/<claim>/``: the same runs give the same bytes."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from html import escape
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from omegaconf import OmegaConf

from dae_lab import files
from dae_lab.claims.bridges import evaluate_bridges
from dae_lab.claims.evidence import Evidence
from dae_lab.claims.judge import Verdict
from dae_lab.claims.outcomes.kind import Tests
from dae_lab.claims.publishing import index, markdown, text
from dae_lab.claims.publishing.circumstances import Circumstances
from dae_lab.claims.publishing.facts import facts_of
from dae_lab.claims.publishing.figures import draw_figures
from dae_lab.claims.publishing.runs_file import write_runs
from dae_lab.claims.publishing.verdict_file import read_verdict, verdict_content
from dae_lab.claims.statistics.decision import Conclusion
from dae_lab.errors import ConfigError

FILES = ("README.md", "rule.yaml", "runs.csv", "verdict.svg", "outcome.png", "effect.png", "val_mse.png")
"""The files of a page besides ``verdict.json``."""


def publish(
    verdict: Verdict, evidence: Evidence, circumstances: Circumstances, folder: Path, again: bool = False
) -> Path:
    """Write the page of one claim, and bring the index up to date; gives the page.

    Args:
        folder: of all pages.
        again: draw the figures too that show the same already.
    """
    name, claim = circumstances.claim, verdict.claim
    home = folder / name
    tests = {one.name: sensitivity_tests(verdict, one.name) for one in verdict.readings}
    facts = facts_of(claim, evidence, circumstances)
    bridges = evaluate_bridges(claim, evidence.runs, evidence.long_runs, verdict.n)
    content = verdict_content(name, verdict, tests, facts, bridges)
    home.mkdir(parents=True, exist_ok=True)
    known = read_verdict(home / "verdict.json")
    if not (home / "verdict.json").exists():
        files.replace_text(home / "verdict.json", "{}\n")  # from now on a claim's folder, even if we are cut
    captions = draw_figures(home, verdict, evidence.runs, again)
    pictures = {file: _digest(home / file) for file in captions}
    _remove_pictures(home, known, captions)
    rows = write_runs(claim, verdict.readings, {**evidence.runs, **evidence.long_runs})
    rule = OmegaConf.create({**asdict(claim), "judged": asdict(circumstances)})
    page = markdown.page(verdict, tests, facts, captions, evidence.collapsed, bridges)
    files.replace_text(home / "runs.csv", rows)
    files.replace_text(home / "rule.yaml", OmegaConf.to_yaml(rule))
    files.replace_text(home / "verdict.svg", badge(verdict.conclusion))
    files.replace_text(home / "README.md", page)
    # at last: what was cut before is done again
    content |= {"figures": captions, "pictures": pictures}
    files.replace_text(home / "verdict.json", json.dumps(content, indent=1) + "\n")
    index.write(folder, again)
    return home / "README.md"


def sensitivity_tests(verdict: Verdict, name: str) -> Tests:
    """Other tests of the numbers of the reading ``name``; none where a run has no value."""
    [reading] = [one for one in verdict.readings if one.name == name]
    measured = reading.measured
    return measured.kind.sensitivity_tests(measured, reading.interval.level) if measured.is_known else {}


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


def badge(conclusion: Conclusion) -> str:
    """The conclusion at a glance, as an SVG picture."""
    word, width = escape(conclusion.value), 16 + 8 * len(conclusion.value)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="22" role="img" aria-label="{word}">'
        f'<rect width="{width}" height="22" rx="4" fill="#{text.COLOURS[conclusion]}"/>'
        f'<text x="{width / 2:g}" y="15" fill="#fff" font-family="sans-serif" font-size="12" '
        f'font-weight="bold" text-anchor="middle" textLength="{width - 16}">{word}</text></svg>\n'
    )
