"""Every claim of conf/ makes sense, and so does the rule they start from."""

import re
from dataclasses import fields

import pytest
from omegaconf import OmegaConf
from processes import run, runs

from dae_lab.claims.claim import Claim, load_claim
from dae_lab.claims.decidability import need_decidable
from dae_lab.paths import conf_folder

FOLDER = conf_folder() / "claim"
NAMES = sorted(file.stem for file in FOLDER.glob("*.yaml"))


def plain(name: str) -> dict:
    both = OmegaConf.merge(
        OmegaConf.load(FOLDER / "rule" / "default.yaml"), OmegaConf.load(FOLDER / f"{name}.yaml")
    )
    found = OmegaConf.to_container(both)
    del found["defaults"]
    return found


@pytest.mark.parametrize("name", NAMES)
def test_it_can_be_decided(name):
    """Alone, and at the error rate of a family of all of them."""
    found = load_claim(plain(name))
    need_decidable(found)
    need_decidable(found, divisor=len(NAMES))
    if found.id[0] != "F":  # which the framework says of itself
        assert found.source.startswith(found.id[0])
        assert found.quotation


def test_all_claims_of_both_articles_are_there_and_the_framework_s_own():
    ids = sorted(load_claim(plain(name)).id for name in NAMES)
    numbered = [
        f"{of}{number}" for of, last in (("A", 6), ("B", 7), ("F", 3)) for number in range(1, last + 1)
    ]
    assert ids == sorted([*numbered, "B4m", "B5r"])  # article B says two things of the stall, and of levers


def test_the_rule_they_start_from_fills_what_a_claim_need_not_say():
    given = OmegaConf.load(FOLDER / "rule" / "default.yaml")
    assert {item.name for item in fields(Claim)} - set(given) == {"id", "statement", "source", "arms"}


def test_all_of_them_can_be_asked_at_once(tmp_path):
    """Every arm composes, records what is asked of it, and is trained once for all claims that share it."""
    cluster = ("hydra/launcher=slurm", "hydra.launcher.cluster=local")  # not timed, as that takes minutes
    code, output, errors = run("claim=glob(*)", "plan=true", *cluster, store=tmp_path)
    assert code == 0, errors
    claims = [load_claim(plain(name)) for name in NAMES]
    wanted = sum(one.seeds.minimum * (len(one.arms) + len(one.causes)) for one in claims)
    count = int(re.search(r"(\d+) to train", output + errors)[1])
    assert 100 < count < wanted
    powers = re.findall(r"power: (\d+)% for .* of one standard deviation over seeds, (\d+)% of two", output)
    assert len(powers) == sum(one.definition.outcome.kind == "value" or one.id[0] == "A" for one in claims)
    assert all(0 < int(one) <= int(two) for one, two in powers)
    assert runs(tmp_path) == []
