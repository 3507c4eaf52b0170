"""The runs of a sweep as SLURM's jobs, done by submitit's executor for this machine."""

import os
import signal
import sys

import pytest
from engines import LONG, SWEEP, doing, undisturbed
from processes import assert_refused, finish, finished, run, runs, start, trajectory

pytest.importorskip("submitit", reason="needs the extra slurm: pip install 'dae-lab[slurm]'")
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="finds processes in /proc")

SLURM = ("hydra/launcher=slurm", "hydra.launcher.cpus_per_task=1")
LOCAL = (*SLURM, "hydra.launcher.cluster=local")


@pytest.mark.long
def test_the_same_numbers_and_one_that_dies_takes_no_other_along(tmp_path):
    process = start(*SWEEP, *LOCAL, store=tmp_path)
    os.kill(doing(process, tmp_path, 0, "data: "), signal.SIGKILL)
    code, output, errors = finish(process)
    assert code == 1
    assert "[1/2] loss=bce seed=0 is queued; its log will be " in errors
    assert "its process died in the middle of the run; see" in output
    assert len(finished(tmp_path)) == 1
    assert finished(tmp_path).items() <= undisturbed().items()
    assert "RUNNING" not in {item.info.status for item in runs(tmp_path)}

    code, _, errors = run(*SWEEP, *LOCAL, store=tmp_path)
    assert (code, finished(tmp_path)) == (0, undisturbed())
    assert "1 finished before, 1 to train" in errors


@pytest.mark.long
def test_ctrl_c_and_preemption_cut_a_run_that_goes_on(tmp_path):
    setup = f"hydra.launcher.setup=['touch {tmp_path}/set_up']"
    process = start(*LONG, *LOCAL, setup, store=tmp_path)
    doing(process, tmp_path, 0, "val/loss")
    process.send_signal(signal.SIGINT)
    code, _, errors = finish(process)
    assert code == 130
    assert "Traceback" not in errors
    assert [item.info.status for item in runs(tmp_path)] == ["KILLED"]
    assert "stopped from outside" in runs(tmp_path)[0].data.tags["reason"]
    assert (tmp_path / "set_up").exists()

    process = start(*LONG, *LOCAL, store=tmp_path)
    os.kill(doing(process, tmp_path, 0, "going on after epoch"), signal.SIGUSR2)  # as SLURM says it
    assert finish(process)[0] == 0
    (only,) = runs(tmp_path)
    assert (only.info.status, only.data.tags["resumed"]) == ("FINISHED", "2")
    assert [step for step, _ in trajectory(tmp_path, only)["train/loss"]] == list(range(1, 41))


@pytest.mark.long
def test_in_this_process(tmp_path):
    code, _, errors = run(*SWEEP, "loss=mse", *SLURM, "hydra.launcher.cluster=debug", store=tmp_path)
    assert code == 0, errors
    assert finished(tmp_path).items() <= undisturbed().items()
    assert len(finished(tmp_path)) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["hydra.launcher.cpus_per_task=0"], "hydra.launcher.cpus_per_task must be at least 1; got 0"),
        (["hydra.launcher.mem_gb=much"], "hydra.launcher.mem_gb must be a number; got 'much'"),
        (["hydra.launcher.cluster=slum"], "hydra.launcher.cluster must be one of slurm, local, debug"),
        (["hydra.launcher.setup=module load cuda"], "hydra.launcher.setup must be a list"),
        (["hydra.launcher.partitoin=gpu"], "hydra.launcher.partitoin"),
        (["hydra.launcher.cluster=slurm"], "this machine has no SLURM (no srun)"),
    ],
)
def test_a_mistake_is_one_sentence(tmp_path, arguments, message, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))  # there is no srun
    code, _, errors = run(*SWEEP, *SLURM, *arguments, store=tmp_path)
    assert_refused(code, errors, message)
