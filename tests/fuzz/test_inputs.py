"""Whatever is typed or written is answered: done, or refused in a sentence; nothing else is run or written.

There are 2,000 inputs, always the same; ``DAE_LAB_FUZZ=100000`` makes more, ``DAE_LAB_FUZZ_SEED=1`` others.
"""

import os

import pytest
from answers import Quick, answer
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from inputs import claim_files, command_lines, overrides, preset_files, programs

from dae_lab.startup import spare_collection

NUMBER = int(os.environ.get("DAE_LAB_FUZZ", "2000"))
SEED = os.environ.get("DAE_LAB_FUZZ_SEED")
CHECKS = {"deadline": None, "database": None, "derandomize": SEED is None}
CHECKS |= {"suppress_health_check": list(HealthCheck), "phases": [Phase.generate]}


def many(share: float):
    """A test of ``share`` of the inputs."""

    def decorate(test):
        test = settings(max_examples=max(1, int(NUMBER * share)), **CHECKS)(test)
        return test if SEED is None else seed(int(SEED))(test)

    return decorate


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where the command is given, with a person's configs in ``my/``, beside a file of somebody else."""
    home = tmp_path_factory.mktemp("fuzz") / "here"
    for group in ("experiment", "claim"):
        (home / "my" / group).mkdir(parents=True)
    (home.parent / "victim").write_text("a person's own")
    (home / "victim").write_text("a person's own")
    return home


@pytest.fixture(scope="module")
def quick(folder):
    spare_collection()
    return Quick(folder)


@pytest.fixture(autouse=True)
def at_home(folder, monkeypatch):
    """Warnings of Hydra are no errors here; nothing of this machine's user is within reach."""
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.delenv("HYDRA_FULL_ERROR", raising=False)


pytestmark = pytest.mark.filterwarnings("ignore")


def need_sound(found, *inputs):
    assert not found.fault(), (found.fault(), found.errors[-2000:], inputs)


@many(0.5)
@given(command_lines)
def test_a_command_line(quick, line):
    need_sound(quick.answer(line), line)


@many(0.25)
@given(preset_files, st.lists(overrides, max_size=1))
def test_a_preset(quick, folder, content, more):
    (folder / "my" / "experiment" / "mine.yaml").write_bytes(content)
    need_sound(quick.answer(["experiment=mine", *more], afresh=True), content, more)


@many(0.23)
@given(claim_files)
def test_a_claim(quick, folder, content):
    (folder / "my" / "claim" / "mine.yaml").write_bytes(content)
    need_sound(quick.answer(["claim=mine"], claims=True, afresh=True), content)


@many(0.01)
@given(command_lines, preset_files, claim_files, st.sampled_from(["", "experiment=mine", "claim=mine"]))
def test_the_whole_command(folder, line, preset, claim, own):
    """Slower by far, for Hydra composes its own part of the config too, twice."""
    (folder / "my" / "experiment" / "mine.yaml").write_bytes(preset)
    (folder / "my" / "claim" / "mine.yaml").write_bytes(claim)
    mine = ["--config-dir", "my", own] if own else []
    place = f"tracking.dir={folder}/runs"
    with pytest.MonkeyPatch.context() as patch:
        need_sound(answer([*mine, *line, place], folder, patch), line, preset, claim, own)


@many(0.01)
@given(programs, st.sampled_from([[], ["plan=true"], ["-m", "seed=0,1"], ["--cfg=hydra"], ["--info=config"]]))
def test_a_preset_that_runs_a_program(folder, content, line):
    (folder / "my" / "experiment" / "mine.yaml").write_bytes(content)
    with pytest.MonkeyPatch.context() as patch:
        found = answer(["--config-dir", "my", "experiment=mine", *line], folder, patch)
    need_sound(found, content, line)
    assert found.code or b"hydra" not in content
