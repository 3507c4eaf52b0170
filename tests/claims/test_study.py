"""Claims judged by real runs in real processes."""

import json
import re

import pytest
from processes import client, finished, run, runs

TINY = ("data=digits", "training.epochs=2", "training.batches=4", "tracking.log_model=false")

MINE = """
defaults:
  - rule@_here_: default
  - _self_

id: X1
statement: A network without training is worse
source: nobody
base: [evaluation=scores]
arms:
  short: [training.epochs=1]
  long: []
seeds: {minimum: 3, maximum: 6, batch: 3}
definition:
  outcome: {metric: val/mse}
  effect: short - long
"""


@pytest.fixture
def mine(tmp_path):
    """``mine(**{"old": "new"})``: what chooses a claim of one's own, changed like that."""

    def make(**changes: str) -> list[str]:
        folder = tmp_path / "my" / "claim"
        folder.mkdir(parents=True, exist_ok=True)
        text = MINE
        for old, new in changes.items():
            text = text.replace(old, new)
        (folder / "mine.yaml").write_text(text)
        return ["-m", "--config-dir", str(tmp_path / "my"), "claim=mine", *TINY]

    return make


def test_it_trains_what_is_missing_judges_and_writes_down(mine, tmp_path):
    store, notebook = tmp_path / "store", tmp_path / "notebook"
    command = [*mine(), f"claim.notebook={notebook}"]
    code, output, errors = run(*command, store=store)
    assert code == 0, errors
    assert "X1 mine: A network without training is worse" in output
    verdict = json.loads((notebook / "mine" / "verdict.json").read_text())
    assert verdict["verdict"] in output.lower()
    assert verdict["seeds"] in (3, 6)
    assert len(finished(store)) == 2 * verdict["seeds"]
    before = {file.name: file.read_bytes() for file in (notebook / "mine").iterdir()}
    assert {
        "README.md",
        "verdict.json",
        "verdict.svg",
        "runs.csv",
        "outcome.png",
        "effect.png",
        "val_mse.png",
    } <= before.keys()
    assert re.search(r"\| \[X1 mine\]\(mine/README.md\) \|", (notebook / "README.md").read_text())

    code, _, errors = run(*command, store=store)
    assert code == 0, errors
    assert "0 to train" in errors
    assert len(runs(store)) == 2 * verdict["seeds"]
    assert {file.name: file.read_bytes() for file in (notebook / "mine").iterdir()} == before


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"short - long": "short - lang"}, "effect: 'short - lang' speaks of lang; the arms are short, long"),
        ({"[training.epochs=1]": "[training.epochz=1]"}, "arm short: training.epochz"),
        ({"[training.epochs=1]": "[loss=msee]"}, "did you mean loss=mse"),
        ({"[training.epochs=1]": "[]"}, "arms: short and long differ in nothing that is trained"),
        ({"metric: val/mse": "metric: val/msse"}, "record no val/msse; did you mean val/mse"),
        ({"metric: val/mse": "kind: share, metric: colapse, among: [black]"}, "runs have no tag colapse"),
        ({"metric: val/mse": "kind: share, metric: collapse, among: [blck]"}, "collapse is never blck"),
        ({"metric: val/mse": "metric: code/silhouette"}, "arm short: definition.outcome.metric"),
        ({"minimum: 3, maximum: 6": "minimum: 1, maximum: 1"}, "Fewer than two seeds"),
        (
            {
                "{metric: val/mse}": "{kind: share, metric: collapse, among: [black]}",
                "maximum: 6": "maximum: 3",
            },
            "undecidable",
        ),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_trained(mine, tmp_path, changes, message):
    notebook = tmp_path / "notebook"
    code, _, errors = run(*mine(**changes), f"claim.notebook={notebook}", store=tmp_path / "store")
    assert code == 1
    assert message in errors
    assert errors.count("error:") == 1
    assert "Traceback" not in errors
    assert runs(tmp_path / "store") == []
    assert not notebook.exists()


def test_a_rule_that_was_changed_is_flagged(mine, tmp_path):
    store, notebook = tmp_path / "store", tmp_path / "notebook"
    here = f"claim.notebook={notebook}"
    once = {"minimum: 3, maximum: 6": "minimum: 2, maximum: 2"}
    code, _, errors = run(*mine(**once), here, store=store)
    assert code == 0, errors
    first = json.loads((notebook / "mine" / "verdict.json").read_text())["rule"]
    code, _, errors = run(*mine(**once), here, "claim.definition.margin=0.001", store=store)
    assert code == 0, errors
    assert f"the rule was {first} when" in errors
    changed = json.loads((notebook / "mine" / "verdict.json").read_text())
    assert changed["rule"] != first
    assert first in changed["facts"]["Changed since it was first stated"]
    assert first in (notebook / "mine" / "README.md").read_text()


def test_a_family_shares_arms_and_the_error_rate(mine, tmp_path):
    """Of two claims that differ in their margin alone, every run is one of both."""
    store, notebook = tmp_path / "store", tmp_path / "notebook"
    once = {"minimum: 3, maximum: 6": "minimum: 2, maximum: 2"}
    command = mine(**once)
    home = tmp_path / "my" / "claim"
    text = (home / "mine.yaml").read_text()
    (home / "other.yaml").write_text(f"{text}  margin: 10\n")
    command[command.index("claim=mine")] = "claim=mine,other"
    code, _, errors = run(*command, f"claim.notebook={notebook}", store=store)
    assert code == 0, errors
    assert len(finished(store)) == 4
    known = {name: json.loads((notebook / name / "verdict.json").read_text()) for name in ("mine", "other")}
    assert known["other"]["verdict"] == "equivalent"  # no error is as large as 10
    assert known["other"]["error_divided_by"] == 2
    assert known["mine"]["error_divided_by"] in (1, 2)
    assert "Holm's correction" in (notebook / "other" / "README.md").read_text()
    (claimed,) = [one for one in summaries(store) if one.data.tags["claim"] == "other"]
    assert claimed.data.tags["verdict"] == "equivalent"
    names = {item.path for item in client(store).list_artifacts(claimed.info.run_id)}
    assert {"claim.html", "README.md", "verdict.json", "runs.csv", "outcome.png"} <= names


def summaries(store):
    home = client(store).get_experiment_by_name("dae_lab claims")
    return client(store).search_runs([home.experiment_id])
