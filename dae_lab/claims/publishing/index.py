"""The list of all claims and their verdicts, ``README.md`` of the notebook."""

import logging
import re
from collections.abc import Mapping, Sequence
from functools import partial
from math import inf
from pathlib import Path
from statistics import stdev
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from dae_lab.claims.publishing import markdown
from dae_lab.claims.publishing.pictures import draw
from dae_lab.claims.publishing.text import COLOURS
from dae_lab.claims.publishing.verdict_file import read_verdict
from dae_lab.claims.statistics.decision import Conclusion
from dae_lab.files import replace_text
from dae_lab.formatting import significant
from dae_lab.report.markdown import prose

if TYPE_CHECKING:
    from PIL.Image import Image

log = logging.getLogger(__name__)

HEAD = (
    *("claim", "statement", "verdict", "what was found", "effect"),
    *("seeds", "scale", "cost", "command", "to mind"),
)
"""Of the table."""

INDEX = "Claims and their verdicts. Each page is written by `python -m dae_lab.run claim=<name>`.\n"


def write(folder: Path, again: bool = False) -> None:
    """A row a claim, in ``README.md`` of the notebook, between its marks; what is around them stays.

    ``effects.png`` shows the effects of all of them; ``again``: draw it even if it shows the same already.
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
    text = f"<!-- verdicts -->\n\n{listed}\n\n{_draw_effects(folder, verdicts, again)}<!-- end -->"
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
        low, high = map(significant, _interval(first))
        effect = f"`{first['definition']['effect']}` = {significant(first['effect'])} [{low}, {high}]"
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


def _draw_effects(folder: Path, verdicts: Sequence[Mapping[str, Any]], again: bool) -> str:
    """Draw ``effects.png``, unless it shows these effects; gives the Markdown that shows it."""
    shown = [_effect(known, first) for known in verdicts if (first := _first(known))]
    if not shown:
        return ""
    draw(folder / "effects.png", shown, partial(_draw, shown), again)
    return "![The effects of all claims, with their intervals.](effects.png)\n\n"


def _draw(shown: Sequence[Mapping[str, Any]]) -> "Image":
    from dae_lab.figures.effects import ClaimEffect, effects  # here, because matplotlib takes a second

    return effects([ClaimEffect(**one) for one in shown])


def _effect(known: Mapping[str, Any], first: Mapping[str, Any]) -> dict[str, Any]:
    """The first reading's effect in units of its margin, or of its standard deviation where that is 0.

    By the names of ``figures.effects.ClaimEffect``.
    """
    margin, name = first["definition"]["margin"], f"{known['id']} {known['claim'].replace('_', ' ')}"
    unit, boundary = margin, 1.0
    if not margin:
        unit, boundary, name = _spread(first.get("effects") or ()), 0.0, f"{name} *"
    two_sided = first["definition"].get("rule") != "difference" and boundary
    low, high = _interval(first)
    conclusion = Conclusion(known["verdict"])
    return {
        "name": name,
        "effect": first["effect"] / unit,
        "low": low / unit,
        "high": high / unit,
        "boundaries": (-boundary, boundary) if two_sided else (boundary,),
        "verdict": conclusion.value,
        "colour": f"#{COLOURS[conclusion]}",
    }


def _spread(effects: Sequence[float | None]) -> float:
    """Their standard deviation; 1 where there is none."""
    known = [value for value in effects if value is not None]
    return (stdev(known) if len(known) > 1 else 0.0) or 1.0


def _is_verdict(known: Mapping[str, Any]) -> bool:
    texts = all(isinstance(known.get(key), str) for key in ("id", "claim", "statement", "verdict"))
    remarks = known.get("remarks")
    listed = isinstance(remarks, list) and all(isinstance(remark, str) for remark in remarks)
    concluded = known.get("verdict") in [one.value for one in Conclusion]
    return texts and listed and concluded and isinstance(known.get("seeds"), int)


def _natural(label: str) -> list[tuple[str, int]]:
    """Sorts A2 before A10."""
    return [(word, int(number or 0)) for word, number in re.findall(r"(\D+)(\d*)", label)]
