"""The list of all claims and their verdicts, ``README.md`` of the notebook."""

import hashlib
import json
import logging
import re
from collections.abc import Mapping, Sequence
from functools import partial
from math import inf
from pathlib import Path
from statistics import stdev
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from dae_lab.claims import markdown, words
from dae_lab.claims.statistics.decision import Verdict
from dae_lab.files import replace_file, replace_text
from dae_lab.provenance import code_fingerprint
from dae_lab.report.markdown import prose

if TYPE_CHECKING:
    from dae_lab.figures.effects import ClaimEffect

log = logging.getLogger(__name__)

HEAD = (
    *("claim", "statement", "verdict", "what was found", "effect"),
    *("seeds", "scale", "cost", "command", "to mind"),
)
"""Of the table."""

STATE = "drawn from"
"""The text chunk of a PNG file that tells whether it has to be drawn again."""

INDEX = "Claims and their verdicts. Each page is written by `python -m dae_lab.run claim=<name>`.\n"


def write(folder: Path) -> None:
    """A row a claim, in ``README.md`` of the notebook, between its marks; what is around them stays.

    ``effects.png`` draws the effects of all of them.
    """
    verdicts = []
    for file in folder.glob("*/verdict.json"):
        known = read_verdict(file)
        if _is_verdict(known):
            verdicts.append(known)
        else:
            log.warning("%s is damaged, or of another version: its claim is not in the index", file)
    verdicts.sort(key=lambda one: _natural(one["id"]))
    listed = markdown.table(HEAD, [_row(known) for known in verdicts])
    text = f"<!-- verdicts -->\n\n{listed}\n\n{_draw(folder, verdicts)}<!-- end -->"
    home = folder / "README.md"
    before = home.read_text("utf-8") if home.exists() else f"# Claims\n\n{INDEX}\n"
    marked = re.compile(r"<!-- verdicts -->(.*?<!-- end -->|\n*(\|[^\n]*\n?)*)", re.DOTALL)
    after = marked.sub(lambda _: text, before, count=1) if marked.search(before) else f"{before}{text}\n"
    replace_text(home, after)


def _row(known: Mapping[str, Any]) -> list[str]:
    place = quote(known["claim"])
    mind = filter(None, [str(known.get("history") or ""), *known["remarks"]])
    first, facts = _first(known), known.get("facts") or {}
    effect = "–"
    if first:
        low, high = map(words.number, _interval(first))
        effect = f"`{first['definition']['effect']}` = {words.number(first['effect'])} [{low}, {high}]"
    return [
        f"[{prose(known['id'])} {prose(known['claim'])}]({place}/README.md)",
        prose(known["statement"]),
        f"![{prose(known['verdict'])}]({place}/verdict.svg)",
        prose(str(known.get("first_sentence") or "")),
        effect,
        str(known["seeds"]),
        prose(str(facts.get("Scale", ""))),
        prose(str(facts.get("Cost", ""))),
        str(facts.get("Again", "")),
        prose("; ".join(mind)),
    ]


def _interval(first: Mapping[str, Any]) -> tuple[float, float]:
    """The interval of a reading; JSON has null for an infinite end."""
    low, high = first["interval"]
    return -inf if low is None else low, inf if high is None else high


def _first(known: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The reading that decides, where it has an effect; None in the file of another version."""
    try:
        first: Mapping[str, Any] = known["readings"][0]
        numbers = [first["effect"], first["definition"]["margin"], *filter(None, first["interval"])]
        return first if all(isinstance(value, int | float) for value in numbers) else None
    except (KeyError, IndexError, TypeError):
        return None


def _draw(folder: Path, verdicts: Sequence[Mapping[str, Any]]) -> str:
    """Draw ``effects.png``, unless it shows these effects; gives the Markdown that shows it."""
    drawn = [(known, first) for known in verdicts if (first := _first(known))]
    if not drawn:
        return ""
    shown = [(known["id"], known["claim"], known["verdict"], first) for known, first in drawn]
    text = json.dumps([code_fingerprint(("claims", "figures")), shown])
    state = hashlib.sha256(text.encode()).hexdigest()
    if _state(folder / "effects.png") != state:
        from dae_lab.figures.effects import effects  # here, because matplotlib takes a second

        info = PngInfo()
        info.add_text(STATE, state)
        picture = effects([_effect(known, first) for known, first in drawn])
        replace_file(folder / "effects.png", partial(picture.save, format="PNG", optimize=True, pnginfo=info))
    return "![The effects of all claims, with their intervals.](effects.png)\n\n"


def _state(picture: Path) -> str:
    """What ``picture`` was drawn from; empty where it is missing or damaged."""
    try:
        with Image.open(picture) as image:
            return str(image.info.get(STATE, ""))
    except (OSError, SyntaxError, ValueError):
        return ""


def _effect(known: Mapping[str, Any], first: Mapping[str, Any]) -> "ClaimEffect":
    """The first reading's effect in units of its margin, or of its standard deviation where that is 0."""
    from dae_lab.figures.effects import ClaimEffect

    margin, name = first["definition"]["margin"], f"{known['id']} {known['claim'].replace('_', ' ')}"
    unit, boundary = margin, 1.0
    if not margin:
        unit, boundary, name = _spread(first.get("effects") or ()), 0.0, f"{name} *"
    two_sided = first["definition"].get("rule") != "difference" and boundary
    low, high = _interval(first)
    verdict = Verdict(known["verdict"])
    return ClaimEffect(
        name,
        first["effect"] / unit,
        low / unit,
        high / unit,
        (-boundary, boundary) if two_sided else (boundary,),
        verdict.value,
        f"#{words.COLOURS[verdict]}",
    )


def _spread(effects: Sequence[float | None]) -> float:
    """Their standard deviation; 1 where there is none."""
    known = [value for value in effects if value is not None]
    return (stdev(known) if len(known) > 1 else 0.0) or 1.0


def _is_verdict(known: Mapping[str, Any]) -> bool:
    texts = all(isinstance(known.get(key), str) for key in ("id", "claim", "statement", "verdict"))
    remarks = known.get("remarks")
    listed = isinstance(remarks, list) and all(isinstance(remark, str) for remark in remarks)
    judged = known.get("verdict") in [one.value for one in Verdict]
    return texts and listed and judged and isinstance(known.get("seeds"), int)


def _natural(label: str) -> list[tuple[str, int]]:
    """Sorts A2 before A10."""
    return [(word, int(number or 0)) for word, number in re.findall(r"(\D+)(\d*)", label)]


def read_verdict(file: Path) -> dict[str, Any]:
    """A verdict as it was written; empty where there is none that can be read."""
    try:
        found = json.loads(file.read_text("utf-8"))
    except (FileNotFoundError, ValueError):
        found = None
    return found if isinstance(found, dict) else {}
