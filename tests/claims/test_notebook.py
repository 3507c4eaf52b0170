"""The notebook's files: the same runs give the same bytes, and what a person wrote around them stays."""

import csv
import json

import numpy as np
import pytest
from claims import made, runs

from dae_lab.claims import notebook
from dae_lab.claims.judge import gather, judge
from dae_lab.claims.page import as_html
from dae_lab.claims.statistics.decision import Verdict
from dae_lab.errors import ConfigError

ONCE = {"minimum": 5, "maximum": 5, "batch": 5}


@pytest.fixture
def judged(store):
    every = runs(store, a=np.linspace(0.2, 0.21, 5), b=np.full(5, 0.1))
    return judge(gather(made(seeds=ONCE), every, 5)), every


def test_the_same_runs_give_the_same_bytes(judged, tmp_path):
    found, every = judged
    for folder in ("one", "two", "two"):
        notebook.write(tmp_path / folder, "mine", found, every, {"Scale": "small"})
    files = {file.name: file.read_bytes() for file in (tmp_path / "one" / "mine").iterdir()}
    assert files == {file.name: file.read_bytes() for file in (tmp_path / "two" / "mine").iterdir()}
    assert {"README.md", "verdict.json", "verdict.svg", "runs.csv", "outcome.png"} <= files.keys()


def test_the_table_has_every_run(judged, tmp_path):
    found, every = judged
    page = notebook.write(tmp_path, "mine", found, every, {})
    rows = list(csv.DictReader((page.parent / "runs.csv").read_text().splitlines()))
    assert [(row["arm"], row["seed"]) for row in rows] == [(arm, str(n)) for arm in "ab" for n in range(5)]
    assert [row["run_id"] for row in rows[:5]] == [every["a"][seed].run_id for seed in range(5)]
    assert float(rows[4]["definition"]) == pytest.approx(0.21)


def test_words_that_change_are_changed_on_the_page(judged, tmp_path):
    found, every = judged
    notebook.write(tmp_path, "mine", found, every, {})
    again = judge(gather(made(seeds=ONCE, confound="something else"), every, 5))
    assert "something else" in notebook.write(tmp_path, "mine", again, every, {}).read_text()


def test_figures_of_an_earlier_verdict_go(judged, tmp_path):
    found, every = judged
    page = notebook.write(tmp_path, "mine", found, every, {})
    assert (page.parent / "outcome.png").exists()
    wrong = made(seeds=ONCE, guards={"improved": [], "not_collapsed": [], "reached": 0.5})
    from dae_lab.claims.judge import invalid

    notebook.write(tmp_path, "mine", invalid(wrong, ["arm a has no run with seed 0"], 5), every, {})
    assert not (page.parent / "outcome.png").exists()
    known = json.loads((page.parent / "verdict.json").read_text())
    assert known["verdict"] == "invalid"
    assert "Invalid: arm a has no run with seed 0." in page.read_text()


def test_the_index_keeps_what_is_around_it(judged, tmp_path):
    _, every = judged
    (tmp_path / "README.md").write_text("before\n<!-- verdicts -->\nold\n<!-- end -->\nafter\n")
    for name in ("b10", "b2"):
        notebook.write(tmp_path, name, judge(gather(made(seeds=ONCE, id=name), every, 5)), every, {})
    text = (tmp_path / "README.md").read_text()
    assert text.startswith("before\n<!-- verdicts -->\n\n| claim |")
    assert text.endswith("<!-- end -->\nafter\n")
    assert "old" not in text
    assert text.index("b2/README.md") < text.index("b10/README.md")


def test_a_badge_says_its_verdict():
    for verdict in Verdict:
        assert f">{verdict.value}</text>" in notebook.badge(verdict)


def test_odd_letters_break_no_table_and_no_page(judged, tmp_path):
    _, every = judged
    odd = "a | b\n<!-- end --> <script> ![p](x.jpg)"
    wrote = set()
    for _ in range(3):
        found = judge(gather(made(seeds=ONCE, statement=odd), every, 5))
        page = notebook.write(tmp_path, "mine", found, every, {})
        wrote.add((tmp_path / "README.md").read_text())
    assert len(wrote) == 1
    assert "a \\| b &lt;!-- end --> &lt;script>" in wrote.pop()
    assert as_html(page.parent, every).count("<table>") > 3


@pytest.mark.parametrize("damaged", [b"{}", b"[]", b"{", b"\xff", b""])
def test_a_damaged_page_spoils_no_other(judged, tmp_path, caplog, damaged):
    found, every = judged
    for name in ("other", "mine"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "verdict.json").write_bytes(damaged)
    notebook.write(tmp_path, "mine", found, every, {})
    assert "verdict.json is damaged" in caplog.text
    assert "mine/README.md" in (tmp_path / "README.md").read_text()
    assert json.loads((tmp_path / "mine" / "verdict.json").read_text())["claim"] == "mine"


def test_what_follows_an_index_without_its_end_stays(judged, tmp_path):
    found, every = judged
    (tmp_path / "README.md").write_text("<!-- verdicts -->\n\n| old |\n\nafter\n")
    notebook.write(tmp_path, "mine", found, every, {})
    text = (tmp_path / "README.md").read_text()
    assert text.endswith("<!-- end -->\nafter\n")
    assert "old" not in text


def test_a_folder_that_cannot_be_written_is_refused_at_once(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"claim\.notebook: .*file cannot be written"):
        notebook.need_writable(tmp_path / "file")
