"""Means, intervals and counts are right, each run counts once, and nothing that failed is overlooked."""

import csv
import io
import json
import logging
import math
from copy import copy
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from processes import client, prepare, run, runs
from scipy import stats
from sweeps import job, recorded, swept, with_noise

from dae_lab.report.markdown import prose
from dae_lab.sweep import results, show, text
from dae_lab.sweep.estimate import Estimate, course, estimate
from dae_lab.sweep.job import Outcome
from dae_lab.sweep.summary import summarise
from dae_lab.sweep.sweep import Sweep
from dae_lab.tracking.jsonable import to_jsonable
from dae_lab.tracking.store import RunStore

COLUMNS = ("test/mse", "test/psnr", "test/ssim", "test/bce_excess", "test/baselines_beaten")

NAN, INFINITE = float("nan"), float("inf")
SCORES = {"test/psnr": 18.0, "test/ssim": 0.9, "test/bce_excess": 0.02, "test/baselines_beaten": 13.0}


@pytest.fixture(scope="module")
def store(compose, tmp_path_factory) -> RunStore:
    return RunStore(compose(f"tracking.dir={prepare(tmp_path_factory.mktemp('store'))}").tracking)


def mse(*values):
    return [value if value is None else {"test/mse": value, **SCORES} for value in values]


def summed(made, metric="test/mse", direction="minimize"):
    return summarise(*made, metric, direction)


def test_the_interval_by_hand():
    """Of 1, 2, 3, 4: s² = 5/3, and the 97.5 % point of Student's t with 3 degrees of freedom is 3.1824."""
    found = estimate([4.0, 1.0, 3.0, 2.0])
    reach = 3.182446305284263 * math.sqrt(5 / 3) / 2
    assert (found.mean, found.n) == (2.5, 4)
    assert (found.low, found.high) == pytest.approx((2.5 - reach, 2.5 + reach), rel=1e-12)


@pytest.mark.parametrize("count", [2, 3, 5, 40])
def test_the_interval_is_that_of_scipy(count):
    values = np.random.default_rng(count).normal(0.1, 0.01, count)
    found = estimate(values.tolist())
    wanted = stats.t.interval(0.95, count - 1, values.mean(), stats.sem(values))
    assert (found.low, found.high) == pytest.approx(wanted, rel=1e-9)


def test_the_interval_holds_the_true_mean_in_95_of_100_cases():
    draws = np.random.default_rng(0).normal(size=(4000, 4))
    held = [found.low <= 0 <= found.high for found in map(estimate, draws)]
    assert np.mean(held) == pytest.approx(0.95, abs=0.012)


def test_one_value_has_no_interval_and_equal_ones_have_one_of_no_width():
    one, none = estimate([0.3]), estimate([])
    assert (one.mean, one.n) == (0.3, 1)
    assert math.isnan(one.low) and math.isnan(one.high)  # noqa: PT018
    assert math.isnan(none.mean)
    assert none.n == 0
    assert estimate([13.0] * 3) == Estimate(13.0, 13.0, 13.0, 3)


def test_what_is_not_finite_or_not_recorded_is_left_out_and_counted(store):
    made = swept(store, {"a": [{"test/mse": value} for value in (0.1, 0.3, NAN, INFINITE)] + [{}]})
    (arm,) = summed(made).arms
    assert arm.estimates["test/mse"].mean == pytest.approx(0.2)
    assert arm.estimates["test/mse"].n == 2
    assert text.format_fewer_seeds(arm.estimates["test/mse"], arm) == "n=2"
    assert arm.estimates["test/ssim"].n == 0
    assert text.format_mean(arm.estimates["test/ssim"]) == "–"
    assert summed(made).best.number == 0
    content = json.dumps(to_jsonable(arm.estimates["test/ssim"]), allow_nan=False)
    assert json.loads(content) == {"mean": None, "low": None, "high": None, "n": 0}


def test_arms_of_unequal_size(store):
    found = summed(swept(store, {"a": mse(0.1, 0.2, 0.3), "b": mse(0.15, None), "c": mse(None)}))
    assert [arm.name for arm in found.arms] == ["a", "b", "c"]
    assert [(len(arm.members), arm.asked) for arm in found.arms] == [(3, 3), (1, 2), (0, 1)]
    assert [text.format_seeds(arm) for arm in found.arms] == ["3", "1 of 2", "0 of 1"]
    assert found.arms[1].estimates["test/mse"].mean == 0.15
    assert math.isnan(found.arms[1].estimates["test/mse"].low)
    assert found.counts == {"finished": 4, "failed": 2}
    assert [failure.place for failure in found.failures] == ["[5/6] b seed=1", "[6/6] c seed=0"]
    assert {(one.reason, one.log[:5]) for one in found.failures} == {("OSError: no space left", "logs/")}


def test_the_best_run_and_the_best_arms(store):
    made = swept(store, {"a": mse(0.1, 0.5), "b": mse(0.2, 0.3)})
    found = summed(made)
    assert (found.best.arm, found.best.seed) == ("a", 0)
    assert found.leaders(found.metric) == {"b"}  # the best run is not of the best arm
    assert found.leaders(found.metrics[1]) == {"a", "b"}  # both have the same
    assert [arm.name for arm in found.top(1)] == ["b"]
    other = summed(made, direction="maximize")
    assert (other.best.arm, other.best.seed) == ("a", 1)
    assert other.leaders(other.metric) == {"a"}
    assert text.describe_best(other) == "Highest test/mse: 0.5000, a, seed 1"
    alone = summed(swept(store, {"a": mse(0.1)}))
    assert alone.leaders(alone.metrics[0]) == set()


def test_another_metric_is_a_column_more_and_none_a_column_less(store):
    made = swept(store, {"a": [{"test/mse": 0.1, "val/area": 0.7}]})
    found = summed(made, metric="val/area", direction="maximize")
    assert [metric.name for metric in found.metrics] == [*COLUMNS, "val/area"]
    assert found.best.values["val/area"] == 0.7
    assert summed(made, metric="val/none").best is None
    assert (
        text.describe_best(summed(made, metric="val/none")) == "No run has finished with a value of val/none"
    )


def test_a_run_asked_for_twice_counts_once(store):
    jobs, outcomes, runs = swept(store, {"a": mse(0.1, 0.2)})
    jobs.append(replace(jobs[0], number=2))
    outcomes[2], runs[2] = Outcome("reused", runs[0].run_id), runs[0]
    (arm,) = summed((jobs, outcomes, runs)).arms
    assert (len(arm.members), arm.asked, arm.estimates["test/mse"].n) == (2, 2, 2)
    runs[2] = recorded(store, {"test/mse": 0.1})  # tracking.reuse=never trains it again, to the same numbers
    (arm,) = summed((jobs, outcomes, runs)).arms
    assert (len(arm.members), arm.asked, arm.estimates["test/mse"].n) == (2, 2, 2)
    jobs[2] = replace(jobs[2], arm="the same by another name")
    runs[2] = runs[0]
    assert [len(arm.members) for arm in summed((jobs, outcomes, runs)).arms] == [2, 1]


def test_different_runs_of_one_seed_are_different_arms():
    """A search names every batch of runs by itself; names that were cut look the same."""
    jobs = [job(number, "default", 0, label=f"lr={number}") for number in range(3)]
    assert [arm.name for arm in summed((jobs, {}, {})).arms] == ["lr=0", "lr=1", "lr=2"]
    jobs = [job(0, "x" * 150, 0), job(1, "x" * 150, 0), job(2, "y", 0), job(3, "y", 1)]
    assert [arm.name for arm in summed((jobs, {}, {})).arms] == ["run 1", "run 2", "y"]


def test_only_what_differs_is_named(store):
    made = [
        recorded(store, {}, {"loss": loss, "same": 1, **more})
        for loss, more in (("bce", {"sigma": 1}), ("mse", {}))
    ]
    outcomes = {number: Outcome("finished", one.run_id) for number, one in enumerate(made)}
    found = summed(([job(0, "a", 0), job(1, "b", 0)], outcomes, dict(enumerate(made))))
    assert found.differences == {"loss": {0: "bce", 1: "mse"}, "sigma": {0: "1", 1: None}}
    assert text.describe_values(found, "sigma") == "1: 1, not there: 1"


def test_collapsed_runs_are_counted(store):
    made = [recorded(store, {"test/mse": 0.1}, collapse=label) for label in ("none", "black", "identity")]
    outcomes = {number: Outcome("finished", one.run_id) for number, one in enumerate(made)}
    jobs = [job(number, "a", number) for number in range(3)]
    assert summed((jobs, outcomes, dict(enumerate(made)))).arms[0].collapsed == 2


def test_time_spent_and_saved(store):
    jobs, outcomes, runs = swept(store, {"a": mse(0.1, 0.2, None, None)})
    runs[2] = recorded(store, {"test/mse": 0.1})
    runs[2].values |= {"time/run_s": 60.0, "time/cpu_s": 100.0}
    outcomes[2] = Outcome("reused", runs[2].run_id)
    runs[3] = recorded(store, {"test/mse": 0.1})
    del runs[3].values["time/run_s"], runs[3].values["time/cpu_s"]
    outcomes[3] = Outcome("reused", runs[3].run_id)
    found = summarise(jobs, outcomes, runs, "test/mse", "minimize", wall=7.0)
    cost = found.cost
    assert (cost.wall, cost.seconds, cost.cpu_seconds) == (7.0, 6.0, 10.0)
    assert (cost.reused, cost.saved_seconds, cost.saved_cpu_seconds, cost.untimed) == (2, 60.0, 100.0, 1)
    assert "0:00:06 and 10 CPU seconds" in text.describe_cost(found)
    assert "0:01:00 and 100 CPU seconds, which the 2 runs reused" in text.describe_savings(found)
    assert "of 1 of them that is not known" in text.describe_savings(found)


def test_the_mean_curve_goes_as_far_as_all_seeds_do():
    found = course([[(1, 4.0), (2, 2.0), (3, 1.0)], [(1, 2.0), (2, NAN), (3, 3.0), (4, 9.0)]])
    assert [epoch for epoch, *_ in found] == [1, 3]
    assert [mean for _, mean, _, _ in found] == [3.0, 2.0]
    assert Estimate(*found[0][1:], n=2) == estimate([4.0, 2.0])
    assert course([]) == []


@pytest.mark.parametrize(
    ("values", "written"),
    [
        ([0.014, 0.0142], ("0.0141", "[0.0128, 0.0154]", "±0.0013")),
        ([0.01400, 0.01402], ("0.0140", "[0.0139, 0.0141]", "±0.0001")),
        ([0.014001, 0.014002], ("0.014002", "[0.013995, 0.014008]", "±0.000006")),
        ([0.1], ("0.1000", "", "")),
        ([0.1, 0.1], ("0.1000", "[0.1000, 0.1000]", "±0.0000")),
        ([], ("–", "", "")),
    ],
)
def test_numbers_show_at_least_the_first_digit_of_their_interval(values, written):
    found = estimate(values)
    assert (text.format_mean(found), text.format_interval(found), text.format_half_width(found)) == written


@pytest.fixture
def strengths(store):
    """Two losses under two strengths of noise; the weaker noise has the lower errors, whatever the loss."""
    arms = {
        "noise.sigma=0.5 loss=bce": mse(0.02, 0.03),
        "noise.sigma=0.1 loss=bce": mse(0.002, 0.003),
        "noise.sigma=0.5 loss=mse": mse(0.015, 0.025),
        "noise.sigma=0.1 loss=mse": mse(0.004, 0.005),
    }
    return with_noise(swept(store, arms), [0.5, 0.1, 0.5, 0.1])


def test_under_different_noise_each_task_has_a_best_of_its_own(strengths):
    found = summed(strengths)
    assert [task.name for task in found.tasks] == ["noise.sigma=0.5", "noise.sigma=0.1"]
    assert [task.best.arm for task in found.tasks] == ["noise.sigma=0.5 loss=mse", "noise.sigma=0.1 loss=bce"]
    assert found.best is None
    assert [arm.name[-8:] for arm in found.arms_of(found.tasks[1])] == ["loss=bce", "loss=mse"]
    assert [arm.task for arm in found.arms] == ["noise.sigma=0.5"] * 2 + ["noise.sigma=0.1"] * 2
    assert found.leaders(found.metric) == {"noise.sigma=0.5 loss=mse", "noise.sigma=0.1 loss=bce"}
    assert [arm.name for arm in found.top(2)] == ["noise.sigma=0.5 loss=mse", "noise.sigma=0.1 loss=bce"]
    assert summed(strengths, direction="maximize").winners == {1, 7}


def test_a_task_of_one_arm_has_no_leader(store):
    found = summed(with_noise(swept(store, {"a": mse(0.1), "b": mse(0.2)}), [0.1, 0.3]))
    assert found.leaders(found.metric) == set()
    assert [task.best.arm for task in found.tasks] == ["a", "b"]


def test_a_task_of_which_nothing_has_finished_has_no_best(store):
    found = summed(with_noise(swept(store, {"a": mse(None), "b": mse(0.2)}), [0.1, 0.3]))
    assert text.describe_best(found) == (
        "Lowest test/mse of each task: noise.sigma=0.1: no run has finished with a value; "
        "noise.sigma=0.3: 0.2000, b, seed 0"
    )


def test_every_page_says_that_different_tasks_are_not_compared(strengths, capsys, store):
    found = summed(strengths)
    each = (
        "Lowest test/mse of each task: noise.sigma=0.5: 0.0150, noise.sigma=0.5 loss=mse, seed 0; "
        "noise.sigma=0.1: 0.0020, noise.sigma=0.1 loss=bce, seed 0"
    )
    why = (
        "These runs have 2 tasks: noise.sigma=0.5; noise.sigma=0.1. Other test images, or other noise on "
        "them, make other errors, so runs and arms are compared within a task only."
    )
    said = printed(capsys, found)
    assert each in said
    assert why in said
    described = results.format_markdown(found)
    assert prose(each) in described
    assert prose(why) in described
    table = [line for line in described.splitlines() if line.startswith("|")]
    assert [line.partition(" |")[0] for line in table[2:]] == [
        f"| **{prose('noise.sigma=0.5')}**",
        f"| {prose('noise.sigma=0.5 loss=bce')}",
        f"| {prose('noise.sigma=0.5 loss=mse')}",
        f"| **{prose('noise.sigma=0.1')}**",
        f"| {prose('noise.sigma=0.1 loss=bce')}",
        f"| {prose('noise.sigma=0.1 loss=mse')}",
    ]
    assert len({line.count("|") for line in table}) == 1
    rows = list(csv.DictReader(io.StringIO(results.format_csv(found))))
    assert {(row["task"], row["arm"][:15]) for row in rows} == {
        ("noise.sigma=0.5", "noise.sigma=0.5"),
        ("noise.sigma=0.1", "noise.sigma=0.1"),
    }


def test_one_task_is_not_spoken_of(store, capsys):
    found = summed(with_noise(swept(store, {"a": mse(0.1), "b": mse(0.2)}), [0.3, 0.3]))
    assert [task.name for task in found.tasks] == [""]
    assert text.describe_tasks(found) == ""
    assert text.describe_best(found) == "Lowest test/mse: 0.1000, a, seed 0"
    said = printed(capsys, found) + results.format_markdown(found) + results.format_csv(found)
    assert "task" not in said


def test_many_tasks_are_counted_and_the_first_named(store):
    arms = {f"noise.sigma={place}": mse(0.1) for place in range(9)}
    found = summed(with_noise(swept(store, arms), range(9)))
    assert text.describe_best(found).endswith(
        "noise.sigma=5: 0.1000, noise.sigma=5, seed 0; and 3 more tasks"
    )
    assert text.describe_tasks(found).startswith("These runs have 9 tasks: noise.sigma=0; noise.sigma=1; ")
    assert len(results.format_markdown(found)) <= results.LONGEST


def printed(capsys, found, given_up=""):
    show.print_summary(found, given_up)
    return capsys.readouterr().out


def test_the_terminal_says_it_all(store, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    said = printed(capsys, summed(swept(store, {"loss=bce": mse(0.1, 0.2), "loss=mse": mse(0.4, None)})))
    for part in (
        "0.1500",
        "±0.6353",
        "1 of 2",
        "0.4000",
        "Lowest test/mse: 0.1000, loss=bce, seed 0",
        "[4/4]",
    ):
        assert part in said
    assert "sweep abcdef01: 3 finished, 1 failed" in said
    assert "log: logs/3.log" in said
    assert "differed: arm, seed" in said
    assert max(map(len, said[: said.index("Means over")].splitlines())) <= 80


@pytest.mark.parametrize("width", ["40", "80", "200"])
def test_no_number_is_cut_in_two(store, capsys, monkeypatch, width):
    monkeypatch.setenv("COLUMNS", width)
    arms = {f"encoder.filters=[{place}] {'x' * 130}": mse(0.1 + place, 0.2) for place in range(3)}
    found = summed(swept(store, arms))
    said = printed(capsys, found)
    for place, arm in enumerate(found.arms, 1):
        assert f"{place}: {arm.name}" in said
        for metric in found.metrics:
            assert text.format_mean(arm.estimates[metric.name], metric.decimals) in said.split()


def test_of_many_arms_the_best_are_printed_and_drawn(store, capsys):
    (one,), runs = swept(store, {"lr": mse(0.1)})[2].values(), {}
    for place in range(26):
        runs[place] = copy(one)
        runs[place].run_id, runs[place].values = str(place), {"test/mse": 1 / (1 + place)}
    found = summed(([job(place, f"lr={place}", 0) for place in runs], {}, runs))
    said = printed(capsys, found)
    assert "… the best 24 of 26 arms" in said
    assert " lr=25 " in said
    assert " lr=1 " not in said
    assert text.describe_drawn_arms(found) == "Shown: the 12 of 26 arms with the best mean test/mse."


def test_a_sweep_of_failures_alone(store, capsys):
    made = swept(store, {"a": mse(None, None), "b": mse(None)})
    made[0].append(job(3, "b", 1))
    found = summed(made)
    assert found.best is None
    assert found.counts == {"failed": 3, "unfinished": 1}
    said = printed(capsys, found, "sweep.max_failures=2: 3 runs failed")
    assert said.count("FAILED") == 3
    assert "given up: sweep.max_failures=2" in said
    assert "the same command goes on with what is left" in said
    assert results.draw_figures(found, {}) == {}
    assert "| b | 0 of 2 | – |" in results.format_markdown(found)
    assert len(results.format_csv(found).splitlines()) == 1


def test_the_description_fits_into_a_tag(store):
    arms = {f"{place} | {'x' * 145}": mse(0.1, 0.2) for place in range(3)}
    found = summed(swept(store, arms))
    whole = results.format_markdown(found)
    assert len(whole) <= results.LONGEST
    assert "0 \\| xxx" in whole
    many = replace(found, arms=found.arms * 20)
    assert len(results.format_markdown(many)) < 5000
    assert "more arms, in sweep.html" in results.format_markdown(many)


def test_every_run_is_a_row_of_the_table(store):
    found = summed(swept(store, {"loss=bce, mse": mse(0.1, NAN)}))
    rows = list(csv.DictReader(io.StringIO(results.format_csv(found))))
    assert [(row["arm"], row["seed"], row["test/mse"]) for row in rows] == [
        ("loss=bce, mse", "0", "0.1"),
        ("loss=bce, mse", "1", ""),
    ]


def kept(store, made, given_up=""):
    record = results.record_summary(summed(made), made[2], given_up, store)
    folder = Path(record.locate_artifact(""))
    files = {path.name: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}
    return record.run_id, files


def test_the_same_is_recorded_once_and_what_is_new_in_the_same_run(store):
    jobs, outcomes, runs = made = swept(store, {"a": mse(0.1), "b": mse(None)})
    before = kept(store, made)
    assert set(before[1]) == {
        "arms.png",
        "val_mse.png",
        "train_loss.png",
        "sweep.html",
        "runs.csv",
        "summary.json",
    }
    again = {
        number: replace(one, seconds=0.0, status="reused")
        for number, one in outcomes.items()
        if number in runs
    }
    assert kept(store, (jobs, {**outcomes, **again}, runs)) == before
    runs[1] = recorded(store, {"test/mse": 0.4})
    run_id, files = kept(store, (jobs, {**outcomes, 1: Outcome("finished", runs[1].run_id)}, runs))
    assert run_id == before[0]
    assert all(files[name] > time for name, time in before[1].items())


def test_the_runs_of_a_sweep_are_found_by_its_name_whoever_trained_them(store):
    with store.open_run("a run", "e" * 64, {"sweep": "11111111"}) as record:
        pass
    for _ in range(2):
        with store.open_summary("sweep", "22222222", [store.read(record.run_id)]) as own:
            assert own.name == "sweep 22222222"
    for name in ("11111111", "22222222"):
        found = client(store.folder).search_runs([store.experiment_id], f"tags.sweep LIKE '%{name}%'")
        assert [item.info.run_id for item in found] == [record.run_id]
    assert store.read(record.run_id).tags["sweep"] == "11111111 22222222"
    assert store.read(own.run_id).status == "FINISHED"


class Idle:
    """An engine that was never asked for a run."""

    def measure(self, networks):
        raise AssertionError("nothing is to be measured")

    def close(self):
        pass


def test_a_page_that_cannot_be_recorded_does_not_hide_what_came_of_the_runs(
    compose, tmp_path, capsys, caplog
):
    config = compose(f"tracking.dir={tmp_path}")
    store = RunStore(config.tracking)
    with store.open_summary("sweep", "abcdef01", []) as record:
        client(store.folder).delete_experiment(record.experiment_id)
    sweep = Sweep(Idle())
    sweep.store = store
    sweep.jobs, sweep.outcomes, _ = swept(store, {"a": mse(0.1), "b": mse(None)})
    plain = asdict(config)
    sweep.jobs = [replace(one, config={**plain, **one.config}) for one in sweep.jobs]
    with caplog.at_level(logging.WARNING):
        assert sweep.sum_up()
    assert "dae_lab sweeps was deleted in MLflow" in caplog.text
    assert "1 finished, 1 failed" in capsys.readouterr().out


TINY = ("-m", "data=digits", "training.epochs=2", "training.batches=4", "evaluation=scores")
TINY += ("evaluation.baselines=trivial", "tracking.log_model=false", "loss=bce,mse", "seed=0,1")


@pytest.mark.long
def test_a_real_sweep_is_summed_up_and_again_in_no_time(tmp_path):
    code, output, errors = run(*TINY, store=tmp_path)
    assert code == 0, errors
    ours = runs(tmp_path)
    here = client(tmp_path)
    (own,) = here.search_runs([here.get_experiment_by_name("dae_lab sweeps").experiment_id])
    folder = Path(here.download_artifacts(own.info.run_id, ""))
    said = json.loads((folder / "summary.json").read_text())
    assert own.data.tags["sweep"] == said["name"]
    assert own.data.tags["sweep"] in output
    for arm in said["arms"]:
        own_runs = [item for item in ours if item.data.tags["arm"] == arm["name"]]
        for name, item in arm["estimates"].items():
            values = [one.data.metrics[name] for one in own_runs]
            assert item["mean"] == pytest.approx(np.mean(values), rel=1e-9)
            low, high = stats.t.interval(0.95, 1, np.mean(values), stats.sem(values) or 1e-300)
            assert (item["low"], item["high"]) == pytest.approx((low, high), rel=1e-9)
            assert item["n"] == 2
    assert set(said["differences"]) == {"loss._target_", "seed"}
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.rglob("*.*")}
    assert len(before) == 6

    code, output, errors = run(*TINY, store=tmp_path)
    assert code == 0, errors
    assert "4 reused" in output
    assert "Saved by reuse" in output
    assert "begins" not in errors
    assert {item.info.run_id for item in runs(tmp_path)} == {item.info.run_id for item in ours}
    assert len(here.search_runs([own.info.experiment_id])) == 1
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.rglob("*.*")} == before
