"""All claims at once over many stored runs: what judging costs."""

import json
import re
import time
from pathlib import Path

import pytest
from omegaconf import OmegaConf
from processes import client, run, runs, trajectory

from dae_lab.config.run import Config
from dae_lab.config.typed import typed
from dae_lab.data.images import Dataset
from dae_lab.experiment import identity, loaded
from dae_lab.tracking.store import Store

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
    return f"claim.seeds.minimum={count}", f"claim.seeds.maximum={count}"


def recorded_again(store: Path, count: int) -> None:
    """For each arm records of seeds 6 to ``count``, made of that of seed 0: its numbers, shifted a little."""
    data: dict[str, Dataset] = {}
    for first in [item for item in runs(store) if item.data.params["seed"] == "0"]:
        text = Path(client(store).download_artifacts(first.info.run_id, "config.yaml")).read_text()
        curves = trajectory(store, first)
        for seed in range(6, count):
            config: Config = typed(
                {**OmegaConf.to_container(OmegaConf.create(text)), "seed": seed}, Config, ""
            )
            if str(config.data) not in data:
                data[str(config.data)] = loaded(config)
            own = identity(config, data[str(config.data)])
            with Store(config.tracking).record("again", own, {}, afresh=True) as record:
                record.params(first.data.params)
                points = [(name, value, step) for name, curve in curves.items() for step, value in curve]
                record.series([(name, value * (1 + seed / 1000), step) for name, value, step in points])
                record.tag("collapse", first.data.tags["collapse"])
                record.tag("kept", first.data.tags["kept"])


@pytest.mark.long
def test_thirteen_claims_over_500_stored_runs_are_judged_in_less_than_ten_seconds(tmp_path, capsys):
    """Six seeds of each arm are trained, as little as may be, the others are made of them."""
    store, notebook = tmp_path / "store", tmp_path / "notebook"
    asked = ("claim=glob(*,exclude=fast_*)", *TINY, f"claim.notebook={notebook}")
    code, _, errors = run(*asked, *seeds(6), store=store, seconds=3000)
    assert code == 0, errors
    recorded_again(store, 20)
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
