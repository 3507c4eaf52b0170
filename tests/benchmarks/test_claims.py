"""All claims at once over many stored runs: what judging costs."""

import json
import re
import time
from dataclasses import replace
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from mlflow.entities import Run
from omegaconf import OmegaConf
from processes import run, runs, trajectory

from dae_lab import experiment
from dae_lab.claims.claim import load_claim
from dae_lab.claims.plan import trained
from dae_lab.config.run import Config
from dae_lab.config.validate import validate
from dae_lab.experiment import identity, loaded
from dae_lab.paths import conf_folder
from dae_lab.tracking.store import RunStore

TINY = (
    "training.epochs=8",  # of fewer no claim about epochs could be decided
    "training.batches=1",
    "training.batch_size=20",
    "data.train=[0,300]",
    "data.validation=[300,400]",
    "data.test=[400,500]",
    "evaluation.baselines=linear",
    "evaluation.images=50",
    "evaluation.report=false",
    "tracking.grids=0",
    "tracking.log_model=false",
)


def seeds(count: int) -> tuple[str, ...]:
    return tuple(f"claim.seeds.{key}={count}" for key in ("minimum", "maximum", "support"))


def arms(store: Path) -> list[Config]:
    """What the claims train with seed 0, each once."""
    found: dict[str, Config] = {}
    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        for name in [
            file.stem for file in (conf_folder() / "claim").glob("*.yaml") if file.stem[:5] != "fast_"
        ]:
            asked = load_claim(OmegaConf.to_container(compose("config", overrides=[f"claim={name}"]).claim))
            for own in [*asked.arms.values(), *asked.causes.values()]:
                overrides = [*asked.base, *TINY, *own, "seed=0", f"tracking.dir={store}"]
                config = validate(compose("config", overrides=overrides))
                found.setdefault(trained(config), config)
    return [*found.values()]


def recorded_again(config: Config, seed: int, like: Run, curves: dict[str, list[tuple[int, float]]]) -> None:
    """A record of ``config`` with another seed, made of the run ``like``: its numbers, shifted a little."""
    config = replace(config, seed=seed)
    with RunStore(config.tracking).open_run(
        "again", identity(config, loaded(config)), {}, resume=False
    ) as record:
        record.log_params({**like.data.params, "seed": seed})
        points = [(name, value, step) for name, curve in curves.items() for step, value in curve]
        record.log_series([(name, value * (1 + seed / 1000), step) for name, value, step in points])
        for tag in ("collapse", "kept"):
            record.set_tag(tag, like.data.tags[tag])


@pytest.mark.long
def test_thirteen_claims_over_500_stored_runs_are_judged_in_less_than_ten_seconds(tmp_path, capsys):
    """One seed of each arm is trained, as little as may be, the others are made of it."""
    store, notebook = tmp_path / "store", tmp_path / "notebook"
    asked = ("claim=glob(*,exclude=fast_*)", *TINY, f"claim.notebook={notebook}")
    for config in arms(store):
        experiment.run(config)
        like = runs(store)[-1]
        curves = trajectory(store, like)
        for seed in range(1, 20):
            recorded_again(config, seed, like, curves)
    count = len(runs(store))
    assert count > 500
    code, _, errors = run(*asked, *seeds(20), store=store)  # tags the runs, once
    assert code == 0, errors
    began = time.perf_counter()
    code, _, errors = run(*asked, *seeds(20), store=store)
    took = time.perf_counter() - began
    with capsys.disabled():
        print(f"\n13 claims over {count} runs: {took:.1f} s")
    assert code == 0, errors
    assert re.search(r"\b0 to train", errors)
    assert len(runs(store)) == count
    found = [json.loads(page.read_text()) for page in notebook.glob("*/verdict.json")]
    assert [one["seeds"] for one in found] == [20] * 13
    assert took < 10
