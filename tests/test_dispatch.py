"""What a command line asks for: one run in this process, a sweep, or what another plugin of Hydra's does."""

import pytest
from omegaconf import OmegaConf
from processes import assert_refused, run, runs

TINY = ("data=digits", "debug=smoke", "evaluation=scores", "tracking.log_model=false", "tracking.grids=0")


def planned(tmp_path, *arguments):
    code, output, errors = run(*TINY, *arguments, "plan=true", store=tmp_path)
    assert code == 0, errors
    return output


@pytest.mark.parametrize("mode", [(), ("-m",), ("--multirun",)])
def test_several_values_are_a_sweep_with_or_without_its_option(tmp_path, mode):
    assert "4 runs: 0 finished before, 4 to train" in planned(tmp_path, *mode, "loss=bce,mse", "seed=0,1")


@pytest.mark.parametrize("mode", [(), ("-m",)])
def test_a_single_run_is_trained_in_this_process(tmp_path, mode):
    code, output, errors = run(*mode, *TINY, store=tmp_path)
    assert code == 0, errors
    assert "this run:" in output
    assert "begins; follow it in" not in errors
    (only,) = runs(tmp_path)
    assert "sweep" not in only.data.tags


def test_keys_of_the_sweeper_are_varied_too(tmp_path):
    assert "seed=7" in planned(tmp_path, "+hydra.sweeper.params.seed='7'")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nois=gaussian", "seed=0,1"], "nois: there is no such key; did you mean noise?"),
        (["hydra/sweeper=basic", "seed=0,1"], "hydra/sweeper must be lab"),
        (["hydra/launcher=basic", "claim=mse_stalls"], "claim: give it on the command line"),
        (["optimizer.learning_rate=interval(0,1)"], "search over it with hydra/sweeper=optuna"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(tmp_path, arguments, message):
    code, _, errors = run(*TINY, *arguments, store=tmp_path)
    assert_refused(code, errors, message)
    assert runs(tmp_path) == []


def test_no_file_of_a_sweep_has_a_password_that_a_config_file_gives(tmp_path):
    (tmp_path / "tracking").mkdir()
    mine = "defaults: [default]\nuri: http://me:secret@127.0.0.1:9\n"
    (tmp_path / "tracking" / "mine.yaml").write_text(mine, encoding="utf-8")
    place = ("hydra.output_subdir=.hydra", "hydra.sweep.subdir=${hydra.job.num}")
    own = ("--config-dir", str(tmp_path), "tracking=mine", f"tracking.dir={tmp_path}/store")
    code, _, errors = run(*own, *TINY[:3], *place, "seed=0,1", store=None)
    assert_refused(code, errors, "no MLflow server answers")
    written = [file.read_text(encoding="utf-8") for file in (tmp_path / "store").rglob("*.yaml")]
    assert len(written) > 2
    assert "secret" not in "".join([errors, *written])
    assert (
        OmegaConf.load(tmp_path / "store" / "sweeps" / "multirun.yaml").tracking.uri == "http://127.0.0.1:9"
    )
