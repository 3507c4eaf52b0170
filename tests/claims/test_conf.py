"""Every claim of conf/ makes sense, and so does the rule they start from."""

from dataclasses import fields

import pytest
from omegaconf import OmegaConf

from dae_lab.claims.spec import Claim, claim
from dae_lab.claims.study import refuse_undecidable
from dae_lab.config.places import conf_folder

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
    found = claim(plain(name))
    refuse_undecidable(found)
    assert found.id[0] in "AB"
    assert found.source.startswith(found.id[0])


def test_all_claims_of_both_articles_are_there():
    ids = sorted(claim(plain(name)).id for name in NAMES)
    assert ids == [f"A{number}" for number in range(1, 7)] + [f"B{number}" for number in range(1, 8)]


def test_the_rule_they_start_from_fills_what_a_claim_need_not_say():
    given = OmegaConf.load(FOLDER / "rule" / "default.yaml")
    assert {item.name for item in fields(Claim)} - set(given) == {"id", "statement", "source", "arms"}
