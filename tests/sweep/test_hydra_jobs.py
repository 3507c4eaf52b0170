"""What people set in Hydra's own part of the config: it does what Hydra does, or is refused in a sentence."""

import pytest
from processes import assert_refused, run, runs

TINY = ("data=digits", "debug=smoke", "evaluation=scores", "tracking.log_model=false", "tracking.grids=0")
SWEEP = ("-m", *TINY, "seed=0,1", "hydra.job.config.override_dirname.exclude_keys=[tracking.dir]")


def planned(tmp_path, *arguments):
    code, output, errors = run(*arguments, "plan=true", store=tmp_path / "store")
    assert code == 0, errors
    return output


@pytest.mark.parametrize(
    ("subdir", "folders"),
    [
        ("${hydra.job.num}", {"0", "1"}),
        ("${hydra:job.num}", {"0", "1"}),
        ("seed-${seed}", {"seed-0", "seed-1"}),
        ("${hydra.job.override_dirname}", {"seed=0", "seed=1"}),
    ],
)
def test_each_run_of_a_sweep_has_the_folder_that_hydra_gives_it(tmp_path, subdir, folders):
    keys = [text.partition("=")[0] for text in TINY] + ["tracking.dir", "plan"]
    exclude = f"hydra.job.config.override_dirname.exclude_keys={keys}".replace("'", "")
    place = (f"hydra.sweep.dir={tmp_path}/out", f"hydra.sweep.subdir={subdir}", exclude)
    planned(tmp_path, "-m", *TINY, "seed=0,1", *place)
    assert {item.name for item in (tmp_path / "out").iterdir() if item.is_dir()} == folders


CLAIM = """\
defaults: [rule@_here_: default, _self_]
id: T
statement: A wider code denoises better
source: a test
base: [data=digits, latent=dense, evaluation=scores]
arms: {narrow: [latent.z_dim=2], wide: [latent.z_dim=32]}
definition: {effect: narrow - wide, margin: 0.001}
"""


def test_a_claim_has_a_folder_too(tmp_path):
    (tmp_path / "claim").mkdir()
    (tmp_path / "claim" / "wider.yaml").write_text(CLAIM, encoding="utf-8")
    place = (f"hydra.sweep.dir={tmp_path}/out", "hydra.sweep.subdir=${hydra.job.num}")
    planned(tmp_path, "--config-dir", str(tmp_path), "claim=wider", *place)
    assert (tmp_path / "out" / "0").is_dir()


def test_a_key_of_a_run_may_refer_to_its_job(tmp_path):
    output = planned(tmp_path, *SWEEP, "name=number${hydra:job.num}")
    assert "number0 seed=0" in output
    assert "number1 seed=1" in output


def test_a_single_run_may_name_its_folder_by_the_overrides(tmp_path):
    name = "${hydra.job.override_dirname}"
    planned(
        tmp_path, *TINY, *SWEEP[-1:], f"hydra.run.dir={tmp_path}/out/{name}", "hydra.output_subdir=.hydra"
    )
    (folder,) = (tmp_path / "out").iterdir()
    assert "data=digits" in folder.name
    assert (folder / ".hydra" / "config.yaml").is_file()


@pytest.mark.parametrize("option", ["hydra.run.dir", "hydra.output_subdir", "hydra.job.name"])
def test_what_a_sweep_does_not_use_may_refer_to_the_job(tmp_path, option):
    place = (f"hydra.sweep.dir={tmp_path}/out", f"{option}=x-" + "${hydra.job.num}")
    assert "2 to train" in planned(tmp_path, *SWEEP, *place)


@pytest.mark.long
def test_the_jobs_log_and_see_the_environment_that_hydra_gives_them(tmp_path):
    """Log files, levels, ``.hydra`` and variables, in the processes that do the runs."""
    code, _, errors = run(
        *SWEEP,
        f"hydra.sweep.dir={tmp_path}/out",
        "hydra.sweep.subdir=${hydra.job.num}",
        "hydra.output_subdir=.hydra",
        "hydra.job.name=named",
        "hydra/job_logging=default",
        "hydra.verbose=[filelock]",
        "+hydra.job.env_set.TF_NUM_INTRAOP_THREADS='1'",
        store=tmp_path / "store",
    )
    assert code == 0, errors
    for number, item in enumerate(runs(tmp_path / "store")):
        folder = tmp_path / "out" / str(number)
        log = (folder / "named.log").read_text(encoding="utf-8")
        assert "[dae_lab.experiment][INFO] - data:" in log
        assert "[filelock][DEBUG]" in log
        assert f"seed={number}" in (folder / ".hydra" / "overrides.yaml").read_text(encoding="utf-8")
        assert item.data.params["machine/threads"] == "1"


def test_the_parameters_of_a_sweeper_may_be_given(tmp_path):
    assert "2 to train" in planned(tmp_path, "-m", *TINY, "+hydra.sweeper.params.seed='0,1'")


@pytest.mark.parametrize("kind", [(), ("-m",), ("claim=mse_stalls",)])
def test_another_working_folder_is_refused(tmp_path, kind):
    code, _, errors = run(*kind, "data=digits", "hydra.job.chdir=true", store=tmp_path)
    assert_refused(code, errors, "hydra.job.chdir")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("+hydra.job.env_set.NAME=s${seed}", "hydra.job.env_set.NAME"),
        ("hydra.sweep.dir=${hydra.job.num}", "hydra.sweep.subdir"),
        ("hydra.sweep.subdir=" + "x" * 300, "hydra.sweep.subdir"),
        ("hydra.sweep.subdir=${hydra.job.nope}", "hydra.job.nope"),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence(tmp_path, given, message):
    place = () if "sweep.dir" in given else (f"hydra.sweep.dir={tmp_path}/out",)
    code, _, errors = run(*SWEEP, *place, given, "hydra.output_subdir=.hydra", store=tmp_path / "store")
    assert_refused(code, errors, message)


def test_a_config_that_lacks_a_group_is_told_how_to_name_it(tmp_path):
    (tmp_path / "mine.yaml").write_text("defaults: [data: digits, _self_]\n", encoding="utf-8")
    code, _, errors = run("--config-dir", str(tmp_path), "--config-name", "mine", "debug=smoke", store=None)
    assert_refused(code, errors, "`- debug: null`")


def test_a_config_of_ones_own_may_stand_on_the_default(tmp_path):
    (tmp_path / "mine.yaml").write_text("defaults: [config, _self_]\nseed: 7\n", encoding="utf-8")
    own = ("--config-dir", str(tmp_path), "--config-name", "mine")
    assert "seed=7" in planned(tmp_path, *own, *TINY)
    assert "seed=7" in planned(tmp_path, "-m", *own, *TINY, "loss=bce,mse")
