"""The list of claims: what each found, and one picture of all effects."""

import io
import json

import numpy as np
import pytest
from claims import judged, made, runs, seeds
from PIL import Image

from dae_lab.claims.evidence import gather
from dae_lab.claims.publishing.circumstances import Circumstances
from dae_lab.claims.publishing.page import publish

ONCE = seeds(5, 5)


def write(folder, name, every, **changes):
    found = judged(made(seeds=ONCE, **changes), every, 5)
    evidence = gather(found.claim, every, found.n)
    publish(found, evidence, Circumstances(claim=name, seeds=found.n, command="ask it again"), folder)
    return found


@pytest.fixture
def every(store):
    return runs(store, a=np.linspace(0.2, 0.21, 5), b=np.full(5, 0.1))


def test_a_row_says_what_was_found(every, tmp_path):
    found = write(tmp_path, "mine", every)
    [row] = [line for line in (tmp_path / "README.md").read_text().splitlines() if "mine/README.md" in line]
    assert "Test MSE, mean of 5 seeds: a 0.205, b 0.1." in row
    assert f"`a - b` = 0.105 [{found.readings[0].interval.low:.4g}, " in row
    assert "ask it again" in row
    assert "CPU hours" in row


def test_the_picture_of_all_effects_is_drawn_where_they_change(every, tmp_path):
    write(tmp_path, "mine", every)
    picture = tmp_path / "effects.png"
    before, written = picture.read_bytes(), picture.stat().st_mtime_ns
    write(tmp_path, "mine", every)
    assert picture.stat().st_mtime_ns == written
    write(tmp_path, "other", every)
    with Image.open(picture) as now, Image.open(io.BytesIO(before)) as then:
        assert now.height > then.height
    picture.write_bytes(b"damaged")
    write(tmp_path, "other", every)
    with Image.open(picture) as now:
        now.verify()


@pytest.mark.parametrize("readings", [None, [], [{}], [{"effect": "x"}], [{"effect": None}]])
def test_a_verdict_of_another_version_has_no_effect(every, tmp_path, readings):
    write(tmp_path, "mine", every)
    file = tmp_path / "mine" / "verdict.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "readings": readings}))
    write(tmp_path, "other", every)
    [row] = [line for line in (tmp_path / "README.md").read_text().splitlines() if "mine/README.md" in line]
    assert "| – |" in row
