"""The list of all claims and their verdicts, ``README.md`` of the notebook."""

import json
import logging
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from dae_lab.claims import markdown
from dae_lab.files import write_text
from dae_lab.report.markdown import prose

log = logging.getLogger(__name__)

INDEX = "Claims and their verdicts. Each page is written by `python -m dae_lab.run claim=<name>`.\n"


def write(folder: Path) -> None:
    """One line a claim, in ``README.md`` of the notebook, between its marks; what is around them stays."""
    every = []
    for file in sorted(folder.glob("*/verdict.json")):
        known = read_verdict(file)
        if _is_verdict(known):
            every.append(known)
        else:
            log.warning("%s is damaged, or of another version: its claim is not in the index", file)
    rows = []
    for known in sorted(every, key=lambda one: _natural(one["id"])):
        place = quote(known["claim"])
        link = f"[{prose(known['id'])} {prose(known['claim'])}]({place}/README.md)"
        mark = f"![{prose(known['verdict'])}]({place}/verdict.svg)"
        mind = filter(None, [str(known.get("history") or ""), *known["remarks"]])
        words_of_people = prose(known["statement"]), prose("; ".join(mind))
        rows.append([link, words_of_people[0], mark, str(known["seeds"]), words_of_people[1]])
    listed = markdown.table(["claim", "statement", "verdict", "seeds", "to mind"], rows)
    text = f"<!-- verdicts -->\n\n{listed}\n\n<!-- end -->"
    home = folder / "README.md"
    before = home.read_text("utf-8") if home.exists() else f"# Claims\n\n{INDEX}\n"
    marked = re.compile(r"<!-- verdicts -->(.*?<!-- end -->|\n*(\|[^\n]*\n?)*)", re.DOTALL)
    after = marked.sub(lambda _: text, before, count=1) if marked.search(before) else f"{before}{text}\n"
    write_text(home, after)


def _is_verdict(known: Mapping[str, Any]) -> bool:
    texts = all(isinstance(known.get(key), str) for key in ("id", "claim", "statement", "verdict"))
    remarks = known.get("remarks")
    listed = isinstance(remarks, list) and all(isinstance(remark, str) for remark in remarks)
    return texts and listed and isinstance(known.get("seeds"), int)


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
