"""Which config files of a run are not the package's."""

from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from processes import client, run, runs

from dae_lab.config.outside import choices, outside_files
from dae_lab.paths import conf_folder


@pytest.fixture
def mine(tmp_path) -> Path:
    """A folder with a preset that is made of another file of that folder, and one that is not chosen."""
    folder = tmp_path / "mine" / "experiment"
    folder.mkdir(parents=True)
    (folder / "rain.yaml").write_text(
        "# @package _global_\ndefaults: [base.v1, override /loss: mse]\nname: rain\n"
    )
    (folder / "base.v1.yaml").write_text("# @package _global_\nnoise: {sigma: 0.3}\n")
    (folder / "other.yaml").write_text("# @package _global_\nname: other\n")
    return folder.parent


def test_the_files_that_a_preset_is_made_of_are_found(mine):
    overrides = ["experiment=rain", "noise.sigma=0.2", "seed=1", "optimizer/schedule=cosine"]
    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        given = [*overrides, f"hydra.searchpath=[{mine}]"]
        hydra = compose("config", given, return_hydra_config=True).hydra
        loader = GlobalHydra.instance().config_loader()
        found = outside_files(loader, hydra, given)
        assert outside_files(loader, hydra, ["experiment=spatial_latent"]) == []
    assert sorted(file.relative_to(mine) for file in found) == [
        Path("experiment/base.v1.yaml"),
        Path("experiment/rain.yaml"),
    ]


def test_values_choose_no_files():
    given = ["noise=blur", "noise.sigma=1", "~noise.sigma", "seed=1", "+noise@evaluation.corruptions.a=blur"]
    assert choices(given) == [given[0], given[-1]]


@pytest.mark.parametrize("sweep", [(), pytest.param(("-m",), marks=pytest.mark.long)], ids=["run", "sweep"])
def test_a_run_keeps_the_files_that_it_was_made_of(mine, tmp_path, sweep):
    tiny = ("data=digits", "debug=smoke", "evaluation=scores", "tracking.log_model=false")
    own = ("--config-dir", str(mine), "experiment=rain")
    code, _, errors = run(*sweep, *own, *tiny, store=tmp_path / "store")
    assert code == 0, errors
    (found,) = runs(tmp_path / "store")
    here = client(tmp_path / "store")
    diff = Path(here.download_artifacts(found.info.run_id, "uncommitted.diff", str(tmp_path))).read_text()
    for name in ("rain", "base.v1"):
        file = mine / "experiment" / f"{name}.yaml"
        assert f"config file: {file}\n{file.read_text()}" in diff
    assert f"config file: {mine / 'experiment' / 'other.yaml'}" not in diff
