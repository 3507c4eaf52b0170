"""The page of a claim as one HTML file that needs nothing but itself, for MLflow."""

import base64
import re
from pathlib import Path

from markdown_it import MarkdownIt

from dae_lab.claims.measurement import Runs
from dae_lab.report.html import environment

KINDS = {".png": "image/png", ".svg": "image/svg+xml"}


def as_html(home: Path, runs: Runs) -> str:
    """The page as HTML: no script, no request to anywhere; equal arguments give equal bytes.

    Args:
        home: the folder of the claim in the notebook. runs: those that it was judged by.
    """
    text = (home / "README.md").read_text("utf-8")
    body = MarkdownIt("commonmark", {"html": False}).enable("table").render(text)
    body = re.sub(r'(?<= src=")([^"/]+\.(?:png|svg))(?=")', lambda found: _uri(home / found[1]), body)
    body = re.sub(r'<img src="(?!data:)[^"]*" alt="([^"]*)"[^>]*>', r"\1", body)  # of elsewhere
    body = re.sub(r"<a [^>]*>(.*?)</a>", r"\1", body)  # there are no files beside this one
    body = re.sub(r"<table>.*?</table>", r'<div class="wide">\g<0></div>', body, flags=re.DOTALL)
    rows = [(arm, seed, run.run_id) for arm, of in runs.items() for seed, run in sorted(of.items())]
    return (
        environment("claims/publishing", "report")
        .get_template("page.html.jinja")
        .render(name=home.name, body=body, runs=rows)
    )


def _uri(file: Path) -> str:
    if not file.exists():  # a picture that a person's words speak of
        return file.name
    return f"data:{KINDS[file.suffix]};base64,{base64.b64encode(file.read_bytes()).decode()}"
