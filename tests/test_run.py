"""The command: what it prints, how it ends, what it leaves behind when it is stopped."""

import os
import re
import resource
import signal
import statistics
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest
from processes import (
    QUICK,
    assert_refused,
    finish,
    needs_full_disk,
    prepare,
    run,
    runs,
    start,
    trajectory,
    wait_for_epoch,
)

CHECKOUT = Path(__file__).parents[1]

LIGHT = "import sys; from dae_lab.run import main\ntry: main()\nexcept SystemExit: pass\nassert not HEAVY"
LIGHT = LIGHT.replace("HEAVY", "{'tensorflow', 'keras', 'mlflow', 'matplotlib'} & set(sys.modules)")


def _cpu_s(*command: str) -> float:
    """CPU seconds of a Python process: what else the machine does counts less than in wall time."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = {**os.environ, "COMP_LINE": "dae-lab noise=", "COMP_POINT": "14"}
    done = subprocess.run(
        [sys.executable, *command], env=environment, capture_output=True, text=True, check=True
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.stdout.strip()
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


@pytest.mark.parametrize("flag", [["--help"], ["--cfg", "job"], ["--info"], ["-sc", "query=bash"]])
def test_questions_are_answered_without_tensorflow_in_few_times_what_hydra_takes_to_import(flag):
    """A second, where that takes 0.15; ``--info`` composes the config several times."""
    hydra = ("-c", "import hydra._internal.hydra; print(hydra)")
    pairs = [(_cpu_s("-c", LIGHT, *flag), _cpu_s(*hydra)) for _ in range(3)]
    assert statistics.median(ours / theirs for ours, theirs in pairs) < 7


def test_help_names_every_option_there_is():
    text = subprocess.run(
        [sys.executable, "-m", "dae_lab.run", "--help"], capture_output=True, text=True, check=True
    ).stdout
    options = {file.stem for file in CHECKOUT.joinpath("conf").glob("[!h]*/*.yaml")}
    assert len(options) > 40
    assert {name for name in options if not re.search(rf"\b{name}\b", text)} == set()
    assert max(map(len, text.splitlines())) <= 110


def test_completion_offers_the_options():
    environment = {**os.environ, "COMP_LINE": "dae-lab noise=ga", "COMP_POINT": "16"}
    done = subprocess.run(
        [sys.executable, "-m", "dae_lab.run", "-sc", "query=bash"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["noise=gaussian", "noise=gaussian_range"]


def test_a_run_ends_with_scores_picture_and_the_way_to_the_ui(tmp_path):
    code, output, errors = finish(start("debug=smoke", store=tmp_path, fresh=True))
    assert code == 0
    for row in ("this model", "noisy image, as it is", "mean training image", "MSE", "PSNR", "SSIM", "BCE"):
        assert row in output
    report = re.search(r"report: +(\S+)", output).group(1)
    assert Path(report).read_text().startswith("<!DOCTYPE html>")
    picture = re.search(r"reconstructions: (\S+)", output).group(1)
    assert Path(picture).read_bytes().startswith(b"\x89PNG")
    assert f"mlflow ui --workers 1 --backend-store-uri sqlite:///{tmp_path}/mlflow.db" in output
    assert f"/runs/{runs(tmp_path)[0].info.run_id}" in output
    lines = errors.splitlines()  # nothing of TensorFlow's chatter
    ours = ("INFO: data: ", "INFO: after epoch 1, ", "epoch ", "Loading …", "Starting TensorFlow …")
    ours += ("Adding noise to ", "Judging ", "Computing baselines", "Looking at ", "Drawing ")
    assert [line for line in lines if not line.startswith(ours)] == []


def test_killed_and_resumed_equals_uninterrupted(tmp_path):
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    reference = start(*QUICK, store=whole)
    victim = start(*QUICK, "training.checkpoint_s=0", store=cut)
    wait_for_epoch(victim, 2)
    victim.kill()
    victim.communicate()
    assert finish(reference)[0] == 0
    assert [item.info.status for item in runs(cut)] == ["RUNNING"]

    code, _, errors = run(*QUICK, store=cut)
    assert code == 0
    assert "going on after epoch" in errors
    (first,), (second,) = runs(whole), runs(cut)
    assert second.info.status == "FINISHED"
    assert second.data.tags["resumed"] == "1"
    assert trajectory(cut, second) == trajectory(whole, first)
    assert len(trajectory(cut, second)["train/step_loss"]) == 48
    assert not list(cut.joinpath("checkpoints").iterdir())


@pytest.mark.parametrize("number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.long)])
def test_stopped_from_outside_is_killed_and_goes_on(tmp_path, number):
    process = start(*QUICK, "training.checkpoint_s=0", store=tmp_path)
    wait_for_epoch(process, 1)
    process.send_signal(number)
    code, _, errors = finish(process)
    assert code == 128 + number
    assert "goes on" in errors
    assert "Traceback" not in errors
    assert [item.info.status for item in runs(tmp_path)] == ["KILLED"]
    assert "stopped from outside" in runs(tmp_path)[0].data.tags["reason"]

    assert run(*QUICK, store=tmp_path)[0] == 0
    assert [item.info.status for item in runs(tmp_path)] == ["FINISHED"]
    assert "reason" not in runs(tmp_path)[0].data.tags


def test_a_killed_run_of_another_config_is_closed(tmp_path):
    victim = start(*QUICK, store=tmp_path)
    wait_for_epoch(victim, 1)
    victim.kill()
    victim.communicate()
    assert run("seed=1", "debug=smoke", store=tmp_path)[0] == 0
    dead, alive = runs(tmp_path)
    assert (dead.info.status, alive.info.status) == ("KILLED", "FINISHED")
    assert "without closing" in dead.data.tags["reason"]


def test_four_at_once_on_an_empty_store(tmp_path):
    quick = ("debug=smoke", "evaluation=scores", "tracking.log_model=false", "tracking.grids=0")
    place = f"tracking.dir={tmp_path}"
    together = [start(*quick, f"seed={seed}", place, store=None) for seed in range(4)]
    ends = [finish(process) for process in together]
    assert [code for code, _, _ in ends] == [0] * 4, ends
    assert [item.info.status for item in runs(tmp_path)] == ["FINISHED"] * 4
    assert {item.data.tags["seed"] for item in runs(tmp_path)} == {str(seed) for seed in range(4)}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["noise=gausian"], "did you mean noise=gaussian"),
        (["noise.sigmaa=1"], "did you mean sigma"),
        (["noise.sigma=-1"], "noise.sigma must be at least 0; got -1"),
        (["training.epochs=-1"], "training.epochs must be at least 1"),
        (["tracking.dir=/dev/null/store"], "tracking.dir: /dev/null/store cannot be written"),
        (["tracking.uri=http://127.0.0.1:9"], "no MLflow server answers at http://127.0.0.1:9"),
        (["tracking.uri=ftp://somewhere"], "is no address of an MLflow server"),
        (["data=folder", "data.path=/dev/null/images"], "/dev/null/images"),
        pytest.param(["data=folder", os.fsdecode(b"data.path=a\xff")], "not UTF-8", id="a name in Latin-1"),
    ],
)
def test_a_mistake_is_one_sentence(tmp_path, arguments, message):
    process = start(*arguments, store=None if "tracking.dir" in arguments[0] else tmp_path)
    code, output, errors = finish(process)
    assert_refused(code, errors, message)
    assert output == ""


def test_a_loss_that_is_no_number_fails_the_run_with_its_reason(tmp_path):
    code, _, errors = run("optimizer.learning_rate=1e9", "training.batches=8", store=tmp_path)
    assert code == 1
    assert "error: the training loss became" in errors
    (failed,) = runs(tmp_path)
    assert failed.info.status == "FAILED"
    assert "learning rate" in failed.data.tags["reason"]


def test_the_package_works_without_make_and_away_from_the_checkout(tmp_path):
    """``pip install .`` in an environment of its own, which shares the packages of this one."""
    venv.create(tmp_path / "venv", with_pip=False)
    python = tmp_path / "venv" / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    no_net = ["--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*pip, "wheel", *no_net, "--wheel-dir", tmp_path, CHECKOUT], check=True)
    (wheel,) = tmp_path.glob("*.whl")
    subprocess.run([*pip, "--python", python, "install", *no_net, wheel], check=True)
    (site,) = (tmp_path / "venv" / "lib").glob("*/site-packages")
    (site / "shared.pth").write_text(sysconfig.get_path("purelib"))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    done = subprocess.run(
        [tmp_path / "venv" / "bin" / "dae-lab", "debug=smoke"],
        cwd=elsewhere,
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert [item.info.status for item in runs(elsewhere / "mlruns")] == ["FINISHED"]
    assert "commit" not in str(runs(elsewhere / "mlruns")[0].data.tags)


@needs_full_disk
@pytest.mark.parametrize("sweep", [(), pytest.param(("-m",), marks=pytest.mark.long)])
def test_comments_that_find_no_room_do_not_end_a_run(tmp_path, sweep):
    own = (
        "data=digits",
        "training.epochs=1",
        "training.batches=2",
        "evaluation=scores",
        "tracking.log_model=false",
    )
    command = [sys.executable, "-m", "dae_lab.run", *sweep, *own, f"tracking.dir={prepare(tmp_path)}"]
    with open("/dev/full", "w") as full:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=full, text=True, check=False)
    assert done.returncode == 0
    assert "test" in done.stdout.lower()
    assert [item.info.status for item in runs(tmp_path)] == ["FINISHED"]


@needs_full_disk
@pytest.mark.parametrize("question", [("--help",), ("--cfg", "job"), ("-m", "seed=0,1", "plan=true")])
def test_an_answer_that_finds_no_room_is_said_in_a_sentence(tmp_path, question):
    command = [
        sys.executable,
        "-m",
        "dae_lab.run",
        *question,
        "data=digits",
        f"tracking.dir={prepare(tmp_path)}",
    ]
    with open("/dev/full", "w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert_refused(done.returncode, done.stderr, "no space is left for standard output")
    assert "ignored" not in done.stderr
