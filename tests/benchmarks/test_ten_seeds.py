"""Article B's `spatial_latent` with MSE: how surely, and how early, its collapse is found."""

import re

import pytest
from processes import run, runs, trajectory

from dae_lab.model.autoencoder import STEP_LOSSES

SEEDS = range(10)
EPOCH = 469
"""Steps in an epoch: 60,000 digits, 128 a step."""


@pytest.mark.long
def test_it_is_black_on_ten_of_ten_seeds_and_stopped_within_the_first_epoch(tmp_path, capsys):
    """At the article's scale, learning rate 5e-4, 60,000 digits: within 469 steps."""
    last_steps = {}
    for seed in SEEDS:
        options = ("experiment=spatial_latent_mse", f"seed={seed}", "training.on_collapse=stop")
        light = ("evaluation=scores", "tracking.log_model=false", "tracking.grids=0")
        code, _, errors = run(*options, *light, store=tmp_path)
        assert code == 1, errors
        with capsys.disabled():
            print(f"\nseed {seed}:", *(line for line in errors.splitlines() if "stuck" in line))
        assert "error: the output is black for every input" in errors
        (step,) = re.findall(r"^WARNING: step (\d+): .* training ends here", errors, re.MULTILINE)
        last_steps[str(seed)] = int(step)
    found = {item.data.tags["seed"]: item for item in runs(tmp_path)}
    assert found.keys() == last_steps.keys()
    for seed, item in found.items():
        assert item.info.status == "FAILED"
        assert item.data.tags["collapse"] == "black"
        assert item.data.tags["reason"].startswith("the output is black for every input")
        assert "training was stopped" in item.data.tags["reason"]
        assert item.data.metrics["test/mse"] == pytest.approx(0.1140, abs=2e-4)
        curves = trajectory(tmp_path, item)
        assert [epoch for epoch, _ in curves["train/loss"]] == [1]
        steps = [number for number, _ in curves["train/step_loss"]]
        assert steps == list(range(1, min(last_steps[seed], STEP_LOSSES) + 1))  # it did stop where it said,
        assert last_steps[seed] < EPOCH  # before the first epoch was over
