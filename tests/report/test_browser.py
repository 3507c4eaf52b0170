"""The page in a real browser: all of it is seen, nothing is complained of, nothing leaves the machine."""

import json
import re
from html import unescape
from pathlib import Path

import pytest
from browser import look
from evaluations import example

from dae_lab.report.page import SECTIONS, page

POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy"[^>]*>')
PROBE = """<script>onload = () => {
  const all = selector => [...document.querySelectorAll(selector)];
  document.body.dataset.seen = JSON.stringify({
    width: document.documentElement.scrollWidth,
    heights: Object.fromEntries(all("section").map(part => [part.id, part.offsetHeight])),
    cut: all("table, img, pre, .alarm").filter(part => part.offsetWidth > part.parentElement.clientWidth)
      .map(part => part.outerHTML.slice(0, 200)),
    broken: all("img").filter(image => !image.complete || !image.naturalWidth).length,
  });
}</script></body>"""
"""Measures the layout; the page itself has no script, and forbids any."""


@pytest.fixture(scope="module")
def html() -> str:
    found, pictures = example()
    return page("a run", found, pictures, "seed: 0\n" * 100, {"data/fingerprint": "f" * 64})


def written(folder: Path, html: str) -> Path:
    path = folder / "page.html"
    path.write_text(html, encoding="utf-8")
    return path


def test_nothing_is_complained_of_and_nothing_asked_for(html, tmp_path):
    seen = look(written(tmp_path, html), tmp_path)
    assert seen.console == []
    assert seen.requests == []
    assert all(f'<section id="{name}">' in seen.dom for name in SECTIONS)
    colours = seen.screenshot.getcolors(1 << 24)
    assert len(colours) > 100
    assert max(count for count, _ in colours) < 0.97 * 1000 * 1200


@pytest.mark.parametrize("width", [700, 1400])
def test_everything_fits_and_every_picture_is_decoded(html, tmp_path, width):
    probed = POLICY.sub("", html).replace("</body>", PROBE)
    seen = look(written(tmp_path, probed), tmp_path, width)
    assert seen.console == []
    layout = json.loads(unescape(re.search(r'data-seen="([^"]*)"', seen.dom)[1]))
    assert layout["width"] == width
    assert layout["cut"] == []
    assert layout["broken"] == 0
    assert list(layout["heights"]) == list(SECTIONS)
    assert min(layout["heights"].values()) > 60


def test_an_image_from_elsewhere_is_caught(tmp_path):
    """So the checks above can fail."""
    elsewhere = "http://pictures.invalid/x.png"
    bad = f'<!DOCTYPE html><title>bad</title><img src="{elsewhere}" alt=""><script>nope()</script>'
    seen = look(written(tmp_path, bad), tmp_path)
    assert seen.requests == [elsewhere]
    assert any("nope is not defined" in line for line in seen.console)


def test_the_policy_of_the_page_refuses_images_and_scripts_from_elsewhere(html, tmp_path):
    elsewhere = "http://pictures.invalid/x.png"
    bad = html.replace("</body>", f'<img src="{elsewhere}" alt=""><script>nope()</script></body>')
    seen = look(written(tmp_path, bad), tmp_path)
    assert seen.requests == []
    assert len(seen.console) == 2
    assert all("Content Security Policy" in line for line in seen.console)
