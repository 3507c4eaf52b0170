"""Claims judged by real runs in real processes."""

import json
import re

import pytest
from processes import assert_refused, client, finished, run, runs

TINY = ("data=digits", "training.epochs=2", "training.batches=4", "tracking.log_model=false")

FEW = {"minimum: 3, maximum: 6": "minimum: 2, maximum: 2"}
"""Two seeds and no more, where the verdict does not matter."""

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
seeds: {minimum: 3, maximum: 6, batch: 3, support: 2, futility: 0}
guards: {not_collapsed: []}
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
    batches = {"minimum: 3, maximum: 6, batch: 3": "minimum: 2, maximum: 4, batch: 2"}
    command = [*mine(**batches), "--config-name=config", f"claim.notebook={notebook}"]
    code, output, errors = run(*command, store=store)
    assert code == 0, errors
    assert "X1 mine: A network without training is worse" in output
    verdict = json.loads((notebook / "mine" / "verdict.json").read_text())
    assert verdict["verdict"] in output.lower()
    assert len(finished(store)) == 2 * verdict["seeds"]
    assert (verdict["seeds"] == 4) == ("on to 4 seeds" in errors)
    before = {file.name: file.read_bytes() for file in (notebook / "mine").iterdir()}
    told = f"python -m dae_lab.run --config-dir {tmp_path}/my --config-name=config claim=mine"
    assert told in (notebook / "mine" / "README.md").read_text(encoding="utf-8")
    assert {
        "README.md",
        "verdict.json",
        "rule.yaml",
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
        ({"metric: val/mse": "kind: time, metric: val/ssim, target: 0.8"}, "val/ssim does not fall"),
        ({"metric: val/mse": "metric: val/mse, at: 3"}, "at: there are 1 epochs, not 3"),
        ({"short - long": "abs(short - long)"}, "undecidable: it could never be refuted"),
        ({"short - long": "trend(short, long) - 1"}, "undecidable: It could never be supported"),
        ({"[training.epochs=1]": "[tracking.grids=0]"}, "tracking.grids=0 makes no arm"),
        ({"metric: val/mse": "metric: val/mse, share: 0.5"}, "share means nothing with kind=value"),
        ({"minimum: 3, maximum: 6": "minimum: 1, maximum: 1"}, "claim.seeds.minimum must be at least 2"),
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
    assert_refused(code, errors, message)
    assert runs(tmp_path / "store") == []
    assert not notebook.exists()


@pytest.mark.long
def test_a_rule_that_was_changed_is_flagged_for_good(mine, tmp_path):
    store, notebook = tmp_path / "store", tmp_path / "notebook"
    command = (*mine(**FEW), f"claim.notebook={notebook}")

    def asked(*more: str) -> dict:
        code, _, errors = run(*command, *more, store=store)
        assert code == 0, errors
        return json.loads((notebook / "mine" / "verdict.json").read_text())

    first = asked()
    assert not [text for text in first["remarks"] if "too" in text or "begun" in text]
    for _ in range(2):  # asking again does not launder it
        changed = asked("claim.definition.margin=0.001")
        assert changed["rule"] != first["rule"]
        told = "; ".join(changed["remarks"])
        assert f"judged by the rule {first['rule']}, too, recorded before this one" in told
        assert "4 of the 4 runs had begun before this rule was recorded" in told
        assert "otherwise than its file says, with" in told
        assert "claim.definition.margin=0.001" in told
        assert first["rule"] in (notebook / "README.md").read_text()
    restored = "; ".join(asked()["remarks"])
    assert f"judged by the rule {changed['rule']}, too, recorded after this one" in restored
    again = "; ".join(asked("optimizer.learning_rate=0.002")["remarks"])
    assert changed["rule"] in again
    assert "by this rule with other arms, too" in again


def test_a_family_shares_arms_and_the_error_rate(mine, tmp_path):
    """Of two claims that differ in their margin alone, every run is one of both."""
    store, notebook = tmp_path / "store", tmp_path / "notebook"
    command = mine(**FEW)
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
    # the other is decided at half the rate, so that this one may use all of it, unless it was as well
    assert known["mine"]["error_divided_by"] == (2 if known["mine"]["level"] == 0.975 else 1)
    assert "claim=mine,other" in known["mine"]["facts"]["Again"]
    assert "Holm's correction" in (notebook / "other" / "README.md").read_text()
    (claimed,) = [one for one in summaries(store) if one.data.tags["claim"] == "other"]
    assert claimed.data.tags["verdict"] == "equivalent"
    names = {item.path for item in client(store).list_artifacts(claimed.info.run_id)}
    assert {"claim.html", "README.md", "verdict.json", "runs.csv", "outcome.png"} <= names

    assert known["mine"]["history"] == ""
    alone = [text.replace("claim=mine,other", "claim=mine") for text in command]
    code, _, errors = run(*alone, f"claim.notebook={notebook}", store=store)
    assert code == 0, errors
    again = json.loads((notebook / "mine" / "verdict.json").read_text())
    assert again["error_divided_by"] == 1
    assert again["history"].startswith("Asked again (before: ")
    assert "after 2 of at most 2 seeds, in a family of 2" in again["history"]
    assert again["sentence"].startswith(again["history"])
    page = (notebook / "mine" / "README.md").read_text().split("\n\n")
    assert next(text for text in page if text[0] not in "#!").startswith("**Asked again (before: ")


def summaries(store):
    home = client(store).get_experiment_by_name("dae_lab claims")
    return client(store).search_runs([home.experiment_id])


@pytest.mark.long
def test_an_arm_that_fails_is_named_and_the_verdict_invalid(mine, tmp_path):
    """A learning rate that no training survives; as a cause it would take nothing away."""
    store, notebook = tmp_path / "store", tmp_path / "notebook"
    wild = {"short: [training.epochs=1]": "short: [optimizer.learning_rate=1.0e+9]"}
    code, output, errors = run(*mine(**FEW, **wild), f"claim.notebook={notebook}", store=store)
    assert code == 1
    assert "Traceback" not in errors
    assert "Invalid: arm short has no run with seed 0: " in output
    known = json.loads((notebook / "mine" / "verdict.json").read_text())
    assert known["verdict"] == "invalid"
    assert known["seeds"] == 2

    text = {
        "arms:\n  short: [training.epochs=1]\n  long: []\n": (
            "arms:\n  brief: [training.epochs=1]\n  long: []\n"
            "causes:\n  wild: [optimizer.learning_rate=1.0e+9]\n"
        ),
        "short - long": "brief - long",
    }
    code, output, errors = run(*mine(**FEW, **text), f"claim.notebook={notebook}", store=store)
    assert code == 1  # runs have failed
    assert "Invalid" not in output
    assert "| wild | 0 | – no run finished |" in (notebook / "mine" / "README.md").read_text()


def test_a_claim_s_file_cannot_say_where(mine, tmp_path):
    """By no detour: neither an option that an arm chooses, nor the claim itself, writes elsewhere."""
    store, folder = tmp_path / "store", tmp_path / "my"
    (folder / "tracking").mkdir(parents=True)
    (folder / "training").mkdir()
    (folder / "tracking" / "theirs.yaml").write_text(f"defaults: [default]\ndir: {tmp_path}/theirs\n")
    (folder / "training" / "theirs.yaml").write_text("# @package _global_\ntracking: {experiment: theirs}\n")
    for changes, message in (
        ({"[training.epochs=1]": "[tracking=theirs]"}, "tracking=theirs makes no arm"),
        ({"[training.epochs=1]": f"['tracking={{dir: {tmp_path}}}']"}, "makes no arm"),
        ({"[training.epochs=1]": "[+training@x=theirs]"}, "x: there is no such key"),
        (
            {"[training.epochs=1]": f"[evaluation.cache={tmp_path}/theirs]"},
            "evaluation.cache is not an arm's",
        ),
        (
            {"[training.epochs=1]": f"[data=mnist, data.cache={tmp_path}/theirs]"},
            "data.cache is not an arm's",
        ),
        ({"source: nobody": f"source: nobody\nnotebook: {tmp_path}/theirs"}, "inside the current one"),
        ({"source: nobody": "source: nobody\nnotebook: ../theirs"}, "inside the current one"),
    ):
        code, _, errors = run(*mine(**changes), store=store)
        assert_refused(code, errors, message)
    assert not (tmp_path / "theirs").exists()
    assert runs(store) == []


def test_what_cannot_be_asked_is_refused(mine, tmp_path):
    store = tmp_path / "store"
    for more, message in (
        ("optimizer.learning_rate=0.001,0.002", "a claim is asked once in a command"),
        ("++seed=3", "seed: a claim takes its seeds from claim.seeds"),
        ("replay=abc", "replay trains one recorded run again"),
    ):
        code, _, errors = run(*mine(), more, store=store)
        assert_refused(code, errors, message)
    assert runs(store) == []


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["claim=./mine"], "the name of a claim takes letters, digits, _ and -"),
        (["claim=glob(zz*)"], "claim=glob(zz*): this gives no value to claim"),
        (["sweep.metric=test/nope"], "sweep.metric: a claim says itself what is measured"),
        (["claim.notebook=/dev/null/x"], "claim.notebook: /dev/null/x/mine cannot be written"),
    ],
)
def test_a_command_that_makes_no_sense_is_refused(mine, tmp_path, more, message):
    command = [text for text in mine() if not (text == "claim=mine" and more[0].startswith("claim="))]
    code, _, errors = run(*command, *more, store=tmp_path / "store")
    assert_refused(code, errors, message)
    assert runs(tmp_path / "store") == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"source: nobody": "source: nobody: really"},
            "line 8: mapping values are not allowed here; put values",
        ),
        ({"[evaluation=scores]": "[data.train=[0,9], a=1]"}, "expected ',' or ']'"),
        ({"{not_collapsed: []}": "[short]"}, "a list stands where names with values are expected"),
        ({"long: []": "long: loss=mse"}, "claim.arms.long must be a list, as [32, 64]; got 'loss=mse'"),
        ({"source: nobody\n": ""}, "claim.source is missing: give it a value\n"),
        ({"  - rule@_here_: default\n": ""}, "has one"),
    ],
)
def test_a_file_that_is_no_claim_is_refused_in_a_sentence(mine, tmp_path, changes, message):
    code, _, errors = run(*mine(**changes), "plan=true", store=tmp_path / "store")
    assert_refused(code, errors, message)
