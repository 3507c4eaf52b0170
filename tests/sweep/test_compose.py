"""The composer of sweeps, held against Hydra itself."""

import pytest
from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.utils import setup_globals
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import OmegaConf

from dae_lab.paths import conf_folder
from dae_lab.sweep.compose import Composer

RUNS = (
    (),
    ("seed=3",),
    ("experiment=spatial_latent", "seed=1"),
    ("experiment=spatial_latent", "~noise.sigma", "noise=masking"),
    ("experiment=dense_latent", "training=fast", "training.epochs=2"),
    ("loss=weighted", "+loss@loss.terms.extra=ssim"),
    ("claim=mse_stalls", "claim.seeds.maximum=7"),
    ("+noise@evaluation.corruptions.chain=chain", "optimizer/schedule=cosine"),
    ("latent=dense", "latent.z_dim=16", "tracking.dir=elsewhere"),
    ("latent=dense", "latent.z_dim=2", "tracking.dir=elsewhere"),
)


@pytest.fixture(scope="module")
def composer():
    """One composer for all runs, as a sweep has it."""
    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        loader = GlobalHydra.instance().config_loader()
        master = loader.load_configuration("config", ["hydra/launcher=ray"], RunMode.MULTIRUN)
        yield Composer(loader, master)


@pytest.mark.parametrize("overrides", RUNS)
def test_a_run_is_what_hydra_makes_of_it(composer, overrides):
    config, preset = composer.load(list(overrides))
    theirs = hydra_compose("config", overrides=list(overrides), return_hydra_config=True)
    chosen = theirs.hydra.runtime.choices.experiment
    OmegaConf.set_readonly(theirs, False)
    OmegaConf.set_struct(theirs, False)
    del theirs["hydra"]
    assert OmegaConf.to_container(config) == OmegaConf.to_container(theirs)
    assert preset == (chosen or "none")


@pytest.mark.parametrize(
    "overrides",
    [["loss=mze"], ["training.epoch=3"], ["seed=1,2"], ["experiment=nope"], ["loss.x.y=1"]],
)
def test_a_mistake_is_refused_as_hydra_refuses_it(composer, overrides):
    with pytest.raises(HydraException) as theirs:
        hydra_compose("config", overrides=overrides)
    with pytest.raises(HydraException) as ours:
        composer.load(overrides)
    assert str(ours.value).splitlines()[0] == str(theirs.value).splitlines()[0]


def test_one_run_s_values_do_not_reach_the_next(composer):
    composer.load(["loss=mse", "training.epochs=99", "noise={sigma: 0.9}"])
    config, _ = composer.load(["loss=mse"])
    assert config.training.epochs != 99
    assert config.noise.sigma != 0.9


def test_what_is_the_command_s_own_is_no_part_of_a_run(composer):
    with pytest.raises(HydraException, match=r"hydra.foo is the command's own"):
        composer.load(["hydra.foo=1"])


def test_all_runs_of_a_command_have_one_time_of_day(composer):
    setup_globals()
    place = "tracking.dir='x${now:%f}'"
    loader = GlobalHydra.instance().config_loader()
    master = loader.load_configuration("config", [place], RunMode.MULTIRUN)
    first = master.tracking.dir
    of_a_sweep = Composer(loader, master)
    assert {of_a_sweep.load([place, f"seed={seed}"])[0].tracking.dir for seed in range(3)} == {first}


def test_a_file_that_does_not_fit_is_named(composer, tmp_path):
    (tmp_path / "training").mkdir()
    (tmp_path / "training" / "bad.yaml").write_text("defaults: [default]\nearly_stopping: [1, 2]\n")
    loader = GlobalHydra.instance().config_loader()
    own = f"hydra.searchpath=[{tmp_path}]"
    with_mine = Composer(loader, loader.load_configuration("config", [own], RunMode.MULTIRUN))
    with pytest.raises(HydraException, match="In 'training/bad'"):
        with_mine.load(["training=bad"])
    assert with_mine.load(["training=fast"])[0].training.precision == "auto"
