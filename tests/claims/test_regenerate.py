"""A page made again from its own files is the same, byte for byte, without a store."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from claims import OUTCOME, judged, made, plain, recorded, seeds
from processes import assert_refused, finish, start

from dae_lab.claims.evidence import gather
from dae_lab.claims.judge import judge
from dae_lab.claims.publishing.circumstances import Circumstances, with_caveats
from dae_lab.claims.publishing.page import publish
from dae_lab.claims.publishing.runs_file import read_runs, write_runs
from dae_lab.claims.regenerate import regenerate
from dae_lab.errors import UserError

RNG = np.random.default_rng(3)


def curve(end: float) -> list[float]:
    return [float(end + np.exp(-epoch / 5)) for epoch in range(40)]


@pytest.fixture
def every(store):
    """Runs of three arms, one of them a cause with fewer seeds."""
    return {
        arm: {
            seed: recorded(
                store,
                {"test/mse": end + RNG.normal() / 100, "baseline_mse/noisy": 0.1, "time/cpu_s": 3.25},
                curve=curve(end + RNG.normal() / 1000),
                collapse="black" if (arm, seed) == ("c", 1) else "none",
            )
            for seed in range(2 if arm == "c" else 5)
        }
        for arm, end in (("a", 0.3), ("b", 0.1), ("c", 0.2))
    }


CLAIM = {
    "seeds": seeds(2, 5, 3),
    "causes": {"c": ["loss=mae"]},
    "definition": {**plain()["definition"], "outcome": {**OUTCOME, "relative_to": "baseline_mse/noisy"}},
    "alternatives": {
        "time": {"outcome": {"kind": "time", "metric": "val/mse", "share": 0.9, "relative_to": None}},
        "common": {"outcome": {"kind": "time", "metric": "val/mse", "target": "common", "relative_to": None}},
        "collapse": {
            "outcome": {"kind": "share", "metric": "collapse", "among": ["black"], "relative_to": None}
        },
        "epoch_3": {"outcome": {"metric": "val/mse", "at": 3, "relative_to": None}},
    },
}


def write(folder, every, found, missing=(), **changes):
    circumstances = Circumstances(
        claim="mine",
        seeds=found.n,
        stated=1_700_000_000_000,
        changed="judged by another rule",
        command="python",
        missing=[*missing],
        **changes,
    )
    evidence = gather(found.claim, every, found.n, missing=missing)
    return publish(with_caveats(found, evidence, circumstances), evidence, circumstances, folder).parent


def content(home):
    return {file.name: file.read_bytes() for file in home.iterdir()}


@pytest.mark.parametrize("changes", [{}, {"divisor": 3, "history": "Asked again", "cut_short": True}])
def test_a_page_is_made_again_byte_for_byte(every, tmp_path, changes):
    found = judged(made(**CLAIM), every, 5, changes.get("divisor", 1))
    home = write(tmp_path / "one", every, found, **changes)
    before = content(home)
    elsewhere = tmp_path / "two" / "mine"
    elsewhere.mkdir(parents=True)
    for name in ("rule.yaml", "runs.csv"):
        shutil.copy(home / name, elsewhere / name)
    page, again = regenerate(tmp_path / "two", "mine")
    assert content(page.parent) == before
    assert again.conclusion is found.conclusion
    assert {"README.md", "verdict.json", "effect.png", "val_mse.png"} <= before.keys()


def test_a_claim_that_could_not_be_judged_is_made_again_too(every, tmp_path):
    del every["a"][3]
    claim, missing = made(**CLAIM), ["arm a has no run with seed 3: it went wrong"]
    found = judge(claim, gather(claim, every, 5, missing=missing))
    home = write(tmp_path, every, found, missing)
    before = content(home)
    regenerate(tmp_path, "mine")
    assert content(home) == before


def test_runs_are_read_as_they_were_written(every):
    claim = made(**CLAIM)
    found = judged(claim, every, 5)
    known = read_runs(write_runs(claim, found.readings, every))
    assert {arm: list(of) for arm, of in known.items()} == {arm: list(of) for arm, of in every.items()}
    one, other = known["a"][2], every["a"][2]
    assert one.curve("val/mse") == other.curve("val/mse")
    assert one.values["test/mse"] == other.values["test/mse"]
    assert (one.run_id, one.started, one.tags["collapse"]) == (other.run_id, other.started, "none")


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("rule.yaml", "id: [X1"),
        ("rule.yaml", "id: X1"),
        ("rule.yaml", "[]"),
        ("rule.yaml", "judged: 3"),
        ("runs.csv", ""),
        ("runs.csv", "arm,seed\na,0\n"),
        ("runs.csv", "arm,seed,run_id,began\na,zero,x,1\n"),
        ("runs.csv", "\0"),
        ("rule.yaml", ("claim: mine", "claim: ../../escaped")),
        ("rule.yaml", ("claim: mine", "claim: other")),
        ("rule.yaml", ("divisor: 1", "divisor: 0")),
        ("rule.yaml", ("divisor: 1", "divisor: 1.0e+24")),
        ("rule.yaml", ("stated: 17", "stated: 1799999")),
        ("rule.yaml", ("seeds: 5\n  divisor", "seeds: 4\n  divisor")),
    ],
)
def test_damaged_files_are_refused(every, tmp_path, file, text):
    home = write(tmp_path, every, judged(made(**CLAIM), every, 5))
    if isinstance(text, tuple):
        before = (home / file).read_text()
        assert text[0] in before
        text = before.replace(*text)
    (home / file).write_text(text)
    for name in ("mine", "../mine"):
        with pytest.raises(UserError, match="mine"):
            regenerate(tmp_path, name)
    assert not list(tmp_path.parent.glob("escaped"))


def test_runs_of_other_seeds_and_long_curves_do_no_harm(store, every, tmp_path):
    home = write(tmp_path, every, judged(made(**CLAIM), every, 5))
    before = content(home)
    rows = (home / "runs.csv").read_text()
    more = rows.splitlines()[1].replace("a,0,", "a,77,", 1)
    (home / "runs.csv").write_text(f"{rows}{more}\n")
    regenerate(tmp_path, "mine")
    assert content(home) == before
    assert (
        len(read_runs(rows.replace("0: ", "0: " + "0.123456789 " * 20_000))["a"][0].curve("val/mse")) > 20_000
    )


def test_the_command(every, tmp_path, monkeypatch):
    write(tmp_path / "experiments", every, judged(made(**CLAIM), every, 5))
    before = content(tmp_path / "experiments" / "mine")
    monkeypatch.chdir(tmp_path)
    code, output, errors = finish(start("regenerate=mine", store=None, fresh=True))
    assert code == 0, errors
    assert "X1 mine: a is worse than b" in output
    assert content(tmp_path / "experiments" / "mine") == before
    assert not (tmp_path / "mlruns").exists()
    for name, message in (("other", "there is mine"), ("../mine", "a claim's name takes")):
        assert_refused(
            code=1, errors=finish(start(f"regenerate={name}", store=None, fresh=True))[2], message=message
        )


EXPERIMENTS = Path(__file__).parents[2] / "experiments"
PAGES = sorted(
    file.parent.name for file in EXPERIMENTS.glob("*/rule.yaml") if "\njudged:\n" in file.read_text()
)


@pytest.mark.parametrize("name", PAGES)
def test_every_page_that_is_kept_is_made_again_byte_for_byte(tmp_path, name):
    (tmp_path / name).mkdir()
    for file in ("rule.yaml", "runs.csv"):
        shutil.copy(EXPERIMENTS / name / file, tmp_path / name / file)
    page, _ = regenerate(tmp_path, name)
    assert content(page.parent) == content(EXPERIMENTS / name)
