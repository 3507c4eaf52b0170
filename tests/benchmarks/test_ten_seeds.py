"""Article B's `spatial_latent` with MSE: how surely, and how early, its collapse is found."""

import pytest
from processes import run, runs

SEEDS = range(10)


@pytest.mark.long
def test_it_is_black_on_ten_of_ten_seeds_and_stopped_within_the_first_epoch(tmp_path, capsys):
    """At the article's scale, learning rate 5e-4, 60,000 digits: within 469 steps."""
    for seed in SEEDS:
        options = ("experiment=spatial_latent_mse", f"seed={seed}", "training.on_collapse=stop")
        light = ("evaluation=scores", "tracking.log_model=false", "tracking.grids=0")
        code, _, errors = run(*options, *light, store=tmp_path)
        assert code == 1
        with capsys.disabled():
            print(f"\nseed {seed}:", *(line for line in errors.splitlines() if "stuck" in line))
        assert "error: the output is black for every input" in errors
    for item in runs(tmp_path):
        assert item.info.status == "FAILED"
        assert item.data.tags["collapse"] == "black"
        assert item.data.tags["reason"].startswith("the output is black for every input")
        assert item.data.metrics["test/mse"] == pytest.approx(0.1140, abs=2e-4)
    assert len(runs(tmp_path)) == len(SEEDS)
