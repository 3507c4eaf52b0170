"""The notebook's files: the same runs give the same bytes, and what a person wrote around them stays."""

import csv
import hashlib
import json
import re
from dataclasses import replace

import numpy as np
import pytest
from claims import judged, made, plain, runs, seeds
from markdown_it import MarkdownIt

from dae_lab.claims.evidence import gather
from dae_lab.claims.judge import judge
from dae_lab.claims.publishing import page
from dae_lab.claims.publishing.circumstances import Circumstances
from dae_lab.claims.publishing.html import as_html
from dae_lab.claims.statistics.decision import Conclusion
from dae_lab.errors import ConfigError

ONCE = seeds(5, 5)


def write(folder, name, found, every, missing=(), again=False):
    """The page of ``found``."""
    circumstances = Circumstances(claim=name, seeds=found.n, missing=[*missing])
    evidence = gather(found.claim, every, found.n, missing=missing)
    return page.publish(found, evidence, circumstances, folder, again)


def write_invalid(folder, every):
    """The page of a claim that lacks a run."""
    claim, missing = made(seeds=ONCE), ["arm a has no run with seed 0"]
    found = judge(claim, gather(claim, every, 5, missing=missing))
    return write(folder, "mine", found, every, missing)


@pytest.fixture
def mine(store):
    every = runs(store, a=np.linspace(0.2, 0.21, 5), b=np.full(5, 0.1))
    return judged(made(seeds=ONCE), every, 5), every


def test_the_same_runs_give_the_same_bytes(mine, tmp_path):
    found, every = mine
    for folder in ("one", "two", "two"):
        write(tmp_path / folder, "mine", found, every)
    files = {file.name: file.read_bytes() for file in (tmp_path / "one" / "mine").iterdir()}
    assert files == {file.name: file.read_bytes() for file in (tmp_path / "two" / "mine").iterdir()}
    assert {"README.md", "verdict.json", "verdict.svg", "runs.csv", "outcome.png"} <= files.keys()


def test_the_table_has_every_run(mine, tmp_path):
    found, every = mine
    file = write(tmp_path, "mine", found, every)
    rows = list(csv.DictReader((file.parent / "runs.csv").read_text().splitlines()))
    assert [(row["arm"], row["seed"]) for row in rows] == [(arm, str(n)) for arm in "ab" for n in range(5)]
    assert [row["run_id"] for row in rows[:5]] == [every["a"][seed].run_id for seed in range(5)]
    assert float(rows[4]["reading:definition"]) == pytest.approx(0.21)


def test_words_that_change_are_changed_on_the_page(mine, tmp_path):
    found, every = mine
    write(tmp_path, "mine", found, every)
    again = judged(made(seeds=ONCE, confound="something else"), every, 5)
    assert "something else" in write(tmp_path, "mine", again, every).read_text()


def test_figures_of_an_earlier_verdict_go(mine, tmp_path):
    found, every = mine
    file = write(tmp_path, "mine", found, every)
    assert (file.parent / "outcome.png").exists()
    write_invalid(tmp_path, every)
    assert not (file.parent / "outcome.png").exists()
    known = json.loads((file.parent / "verdict.json").read_text())
    assert known["verdict"] == "invalid"
    assert "Invalid: arm a has no run with seed 0." in file.read_text()


def test_a_person_s_pictures_stay(mine, tmp_path):
    """Beside the figures, and in the place of one that is no longer drawn."""
    found, every = mine
    file = write(tmp_path, "mine", found, every)
    home = file.parent
    for name in ("mine.png", "val_mse.png"):
        (home / name).write_bytes(b"a person's own")
    write_invalid(tmp_path, every)
    assert not (home / "outcome.png").exists()
    for name in ("mine.png", "val_mse.png"):
        assert (home / name).read_bytes() == b"a person's own"


def test_a_list_of_pictures_removes_nothing_outside_its_folder(mine, tmp_path):
    found, every = mine
    home = write(tmp_path, "mine", found, every).parent
    victim = tmp_path / "victim.png"
    victim.write_bytes(b"a person's own")
    known = json.loads((home / "verdict.json").read_text())
    known["pictures"]["../victim.png"] = hashlib.sha256(b"a person's own").hexdigest()[:12]
    (home / "verdict.json").write_text(json.dumps(known))
    write(tmp_path, "mine", found, every)
    assert victim.exists()


def test_a_link_is_replaced_not_followed(mine, tmp_path):
    found, every = mine
    home = write(tmp_path, "mine", found, every).parent
    victim = tmp_path / "thesis.tex"
    victim.write_text("a person's own")
    for name in page.FILES:
        (home / name).unlink()
        (home / name).symlink_to(victim)
    (home / "verdict.json").write_text("{}")
    write(tmp_path, "mine", found, every)
    assert victim.read_text() == "a person's own"


@pytest.mark.parametrize("name", page.FILES)
def test_a_folder_that_is_no_claim_s_is_refused(tmp_path, name):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / name).write_text("a person's own")
    with pytest.raises(ConfigError, match=f"{name} was not written for a claim"):
        page.need_writable(tmp_path, "mine")
    (tmp_path / "mine" / "verdict.json").write_text("{}")
    page.need_writable(tmp_path, "mine")


HOSTILE = "<script>alert(1)</script> ![p](http://a/p.png) [l](http://a) <img src=x onerror=y>"


def test_words_of_people_bring_no_html_picture_or_link(mine, tmp_path):
    _, every = mine
    words = dict.fromkeys(
        ("statement", "source", "quotation", "confound", "scale"), f'{HOSTILE}\n\n[r]: http://a "t"'
    )
    found = replace(judged(made(seeds=ONCE, id=HOSTILE, **words), every, 5), caveats=(HOSTILE,))
    file = write(tmp_path, "mine", found, every)
    for text in (file.read_text(), (tmp_path / "README.md").read_text()):
        html = MarkdownIt("commonmark", {"html": True}).enable("table").render(text)
        allowed = ("README.md", "verdict.svg", "rule.yaml", "verdict.json", "runs.csv", ".png")
        targets = re.findall(r'(?:src|href)="([^"]*)"', html)
        assert [target for target in targets if not target.endswith(allowed) or "//" in target] == []
        assert not re.search(r"<(script|img src=x)", html)
    shown = as_html(file.parent, every)
    assert "Content-Security-Policy" in shown
    assert not re.search(r'(?:src|href)="(?!data:)', shown)


def test_a_picture_of_elsewhere_is_left_out(mine, tmp_path):
    found, every = mine
    file = write(tmp_path, "mine", found, every)
    file.write_text(file.read_text() + "\n![tracked](http://elsewhere/p.png)\n")
    shown = as_html(file.parent, every)
    assert "elsewhere" not in shown
    assert "tracked" in shown


@pytest.mark.parametrize("key", ["id", "claim", "statement", "verdict", "seeds", "remarks"])
def test_a_verdict_of_other_kinds_is_not_in_the_index(mine, tmp_path, key, caplog):
    found, every = mine
    home = write(tmp_path, "other", found, every).parent
    known = json.loads((home / "verdict.json").read_text())
    (home / "verdict.json").write_text(json.dumps({**known, key: {"a": 1}}))
    write(tmp_path, "mine", found, every)
    assert "other/README.md" not in (tmp_path / "README.md").read_text()
    assert "is damaged" in caplog.text


def test_the_index_keeps_what_is_around_it(mine, tmp_path):
    _, every = mine
    (tmp_path / "README.md").write_text("before\n<!-- verdicts -->\nold\n<!-- end -->\nafter\n")
    for name in ("b10", "b2"):
        write(tmp_path, name, judged(made(seeds=ONCE, id=name), every, 5), every)
    text = (tmp_path / "README.md").read_text()
    assert text.startswith("before\n<!-- verdicts -->\n\n| claim |")
    assert text.endswith("<!-- end -->\nafter\n")
    assert "old" not in text
    assert text.index("b2/README.md") < text.index("b10/README.md")


def test_a_badge_says_its_verdict():
    for conclusion in Conclusion:
        assert f">{conclusion.value}</text>" in page.badge(conclusion)


def test_odd_letters_break_no_table_and_no_page(mine, tmp_path):
    _, every = mine
    odd = "a | b\n<!-- end --> <script> ![p](x.jpg)"
    wrote = set()
    for _ in range(3):
        found = judged(made(seeds=ONCE, statement=odd), every, 5)
        file = write(tmp_path, "mine", found, every)
        wrote.add((tmp_path / "README.md").read_text())
    assert len(wrote) == 1
    assert "a \\| b &lt;!-- end --> &lt;script>" in wrote.pop()
    assert as_html(file.parent, every).count("<table>") > 3


@pytest.mark.parametrize("damaged", [b"{}", b"[]", b"{", b"\xff", b""])
def test_a_damaged_page_spoils_no_other(mine, tmp_path, caplog, damaged):
    found, every = mine
    for name in ("other", "mine"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "verdict.json").write_bytes(damaged)
    write(tmp_path, "mine", found, every)
    assert "verdict.json is damaged" in caplog.text
    assert "mine/README.md" in (tmp_path / "README.md").read_text()
    assert json.loads((tmp_path / "mine" / "verdict.json").read_text())["claim"] == "mine"


def test_what_follows_an_index_without_its_end_stays(mine, tmp_path):
    found, every = mine
    (tmp_path / "README.md").write_text("<!-- verdicts -->\n\n| old |\n\nafter\n")
    write(tmp_path, "mine", found, every)
    text = (tmp_path / "README.md").read_text()
    assert text.endswith("<!-- end -->\nafter\n")
    assert "old" not in text


def test_a_folder_that_cannot_be_written_is_refused_at_once(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"claim\.notebook: .*file/mine cannot be written"):
        page.need_writable(tmp_path / "file", "mine")


def test_figures_are_drawn_again_where_what_they_show_changes(mine, tmp_path):
    found, every = mine
    figure = write(tmp_path, "mine", found, every).parent / "effect.png"
    before, written = figure.read_bytes(), figure.stat().st_mtime_ns
    write(tmp_path, "mine", found, every)
    assert figure.stat().st_mtime_ns == written
    write(tmp_path, "mine", found, every, again=True)
    assert figure.stat().st_mtime_ns > written
    assert figure.read_bytes() == before
    figure.write_bytes(b"damaged")
    write(tmp_path, "mine", found, every)
    assert figure.read_bytes() == before
    less = made(seeds=ONCE, definition={**plain()["definition"], "margin": 0.01})
    write(tmp_path, "mine", judged(less, every, 5), every)
    assert figure.read_bytes() != before
