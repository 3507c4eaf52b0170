"""The sweep's page says all that was found, escaped, and a browser shows it whole without a network."""

import json
import re
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest
from browser import look
from processes import prepare
from sweeps import recorded, swept, with_noise

from dae_lab.sweep import text
from dae_lab.sweep.page import SECTIONS, page
from dae_lab.sweep.results import draw_figures
from dae_lab.sweep.summary import Summary, summarise
from dae_lab.tracking.store import RunStore

EVIL = "<script>alert(1)</script> & \"quoted\" 'twice' {{ 7 * 7 }} </style>"
POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy"[^>]*>')
PROBE = """<script>onload = () => {
  const all = selector => [...document.querySelectorAll(selector)];
  document.body.dataset.seen = JSON.stringify({
    width: document.documentElement.scrollWidth,
    sections: all("section").map(part => part.id),
    lowest: Math.min(...all("section").map(part => part.offsetHeight)),
    cut: all("table, img, .alarm").filter(part => part.offsetWidth > part.parentElement.clientWidth)
      .map(part => part.outerHTML.slice(0, 200)),
    broken: all("img").filter(image => !image.complete || !image.naturalWidth).length,
  });
}</script></body>"""


class Parsed(HTMLParser):
    """A page taken apart: its elements and its text; fails where one is not closed in its turn."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict]] = []
        self.texts: list[str] = []
        self.open: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []
        self.text = " ".join(" ".join(self.texts).split())

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in ("meta", "img", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.texts.append(data)


def scores(mse: float) -> dict[str, float]:
    return {
        "test/mse": mse,
        "test/psnr": 18.06,
        "test/ssim": 0.9,
        "test/bce_excess": mse / 5,
        "test/baselines_beaten": 12.0,
    }


@pytest.fixture(scope="module")
def store(compose, tmp_path_factory) -> RunStore:
    return RunStore(compose(f"tracking.dir={prepare(tmp_path_factory.mktemp('store'))}").tracking)


@pytest.fixture(scope="module")
def usual(store):
    """Two arms, of which one has a run that failed."""
    arms = {"loss=bce": [scores(0.012), scores(0.014), scores(0.013)], "loss=mse": [scores(0.02), None]}
    made = swept(store, arms)
    return summarise(*made, "test/mse", "minimize", wall=65.0), made[2]


@pytest.fixture(scope="module")
def whole(usual) -> str:
    found, runs = usual
    return page(found, draw_figures(found, runs), "sweep.max_failures=0: 1 run failed")


def many(found: Summary, count: int) -> Summary:
    """``found`` with many arms of long names."""
    first, arms = found.arms[0], []
    for place in range(count):
        name = f"{'optimizer.learning_rate=0.001 ' * 5}{place}"
        arms.append(replace(first, name=name, members=tuple(replace(one, arm=name) for one in first.members)))
    return replace(found, arms=tuple(arms))


def test_the_page_is_whole_and_needs_nothing_but_itself(whole):
    elements = Parsed(whole).elements
    assert whole.startswith("<!DOCTYPE html>")
    policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    assert ("meta", {"http-equiv": "Content-Security-Policy", "content": policy}) in elements
    assert "script" not in dict(elements)
    addresses = [attrs[key] for _, attrs in elements for key in ("src", "href") if key in attrs]
    assert all(address.startswith(("data:image/png;base64,", "#")) for address in addresses)
    assert not re.search(r"https?:|@import|url\(", whole)
    levels = [int(tag[1]) for tag, _ in elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    names = [attrs["id"] for _, attrs in elements if "id" in attrs]
    assert len(set(names)) == len(names)
    assert {address[1:] for address in addresses if address[0] == "#"} <= set(names)
    images = [attrs for tag, attrs in elements if tag == "img"]
    assert len(images) == 3
    assert all(len(image["alt"]) > 20 and int(image["width"]) == 1120 for image in images)


def test_all_that_was_found_is_said(usual, whole):
    found, _ = usual
    said = Parsed(whole).text
    assert "Lowest test/mse: 0.0120, loss=bce, seed 0." in said
    assert "0.0130 [0.0105, 0.0155] 18.06" in said  # ± 4.3027 · 0.001 / √3
    assert "loss=mse 1 of 2 0.0200" in said
    assert "1 run failed. What is shown is made of those that finished." in said
    assert "Given up: sweep.max_failures=0" in said
    assert "[5/5] loss=mse seed=1 OSError: no space left logs/4.log" in said
    assert "arm loss=bce: 3, loss=mse: 1" in said
    assert '<th scope="row">epochs</th>' not in whole  # it is the same in all runs
    assert all(one.run_id in said for one in found.members)
    assert "the command took 0:01:05" in said
    assert said.count("by Student’s t") == 2


def test_arms_under_different_noise_stand_under_their_task(store):
    arms = {"sigma=0.1": [scores(0.002)], "sigma=0.5 bce": [scores(0.03)], "sigma=0.5 mse": [scores(0.02)]}
    made = with_noise(swept(store, arms), [0.1, 0.5, 0.5])
    html = page(summarise(*made, "test/mse", "minimize"), {})
    said = Parsed(html).text
    assert (
        "Lowest test/mse of each task: noise.sigma=0.1: 0.0020, sigma=0.1, seed 0; noise.sigma=0.5: 0.0200"
        in said
    )
    assert "These runs have 2 tasks: noise.sigma=0.1; noise.sigma=0.5." in said
    assert "collapsed" not in said
    assert html.count('<th scope="rowgroup" class="left" colspan="7">') == 2
    assert html.count('<tr class="model">') == 2
    assert "<strong>0.0200</strong>" in html
    assert "<strong>0.0020</strong>" not in html  # the only arm of its task
    assert "not for arms of different tasks" not in said  # no curves are drawn here


def test_equal_arguments_give_equal_bytes(usual):
    assert page(usual[0], {}) == page(usual[0], {})


def test_the_best_mean_of_a_column_is_bold(whole):
    assert "<strong>0.0130</strong>" in whole
    assert "<strong>0.0200</strong>" not in whole
    assert whole.count("<strong>12.0</strong>") == 2


def test_what_comes_from_outside_is_escaped(store):
    made = swept(store, {EVIL: [scores(0.1), None]})
    made[2][0] = recorded(store, scores(0.1), {"loss": "a"})
    found = summarise(*made, "test/mse", "minimize")
    failure = replace(found.failures[0], reason=EVIL)
    found = replace(found, failures=(failure,), differences={EVIL: {0: EVIL}})
    parsed = Parsed(page(found, {}, EVIL))
    assert "script" not in dict(parsed.elements)
    assert parsed.text.count(EVIL) >= 7


def test_what_is_missing_is_said(store):
    nothing = summarise(*swept(store, {"a": [None]}), "test/mse", "minimize")
    said = Parsed(page(nothing, {})).text
    assert "No run has finished with a value of test/mse." in said
    assert said.count("Left out: no run has finished.") == 3
    one = summarise(*swept(store, {"a": [scores(0.1)]}), "test/mse", "minimize")
    said = Parsed(page(one, {})).text
    assert "One seed an arm gives no interval" in said
    assert "Left out: the validation MSE: no finished run has recorded it" in said
    assert "Left out: all finished runs have the same params." in said
    assert "Failures None." in said


def test_metrics_not_known_of_all_runs_say_of_how_many(store):
    found = summarise(*swept(store, {"a": [scores(0.1), {"test/mse": 0.2}]}), "test/mse", "minimize")
    assert "18.06 n=1" in Parsed(page(found, {})).text


def test_many_arms_go_by_numbers(usual):
    found = many(usual[0], 14)
    said = Parsed(page(found, {})).text
    assert all(arm.name in said for arm in found.arms)
    assert text.describe_drawn_arms(found) == "Shown: the 12 of 14 arms with the best mean test/mse."


def written(folder: Path, html: str) -> Path:
    path = folder / "page.html"
    path.write_text(html, encoding="utf-8")
    return path


def test_nothing_is_complained_of_and_nothing_asked_for(whole, tmp_path):
    seen = look(written(tmp_path, whole), tmp_path)
    assert seen.console == []
    assert seen.requests == []
    colours = seen.screenshot.getcolors(1 << 24)
    assert len(colours) > 100
    assert max(count for count, _ in colours) < 0.97 * 1000 * 1200


@pytest.mark.parametrize("width", [700, 1400])
@pytest.mark.parametrize("arms", [2, 12])
def test_everything_fits_and_every_picture_is_decoded(usual, tmp_path, width, arms):
    found, runs = usual
    drawn = draw_figures(found, runs)
    html = page(found if arms == 2 else many(found, arms), drawn)
    seen = look(written(tmp_path, POLICY.sub("", html).replace("</body>", PROBE)), tmp_path, width)
    assert seen.console == []
    layout = json.loads(unescape(re.search(r'data-seen="([^"]*)"', seen.dom)[1]))
    assert layout["width"] == width  # wide tables have scroll bars of their own
    assert layout["broken"] == 0
    assert layout["sections"] == list(SECTIONS)
    assert layout["lowest"] > 60
    assert layout["cut"] == [] or width == 700
