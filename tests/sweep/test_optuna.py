"""A search over keys: which runs it asks for, what it makes of their results, how it ends."""

import math
import re

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from processes import assert_refused, run, runs

from dae_lab.errors import ConfigError

pytest.importorskip("optuna", reason="needs the extra optuna: pip install 'dae-lab[optuna]'")
from optuna.distributions import (
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import TrialState

from dae_lab.sweep import search

OPTUNA = ("-m", "hydra/sweeper=optuna")
TINY = ("data=digits", "training.epochs=1", "training.batches=2", "evaluation=scores")


def parsed(*overrides):
    return OverridesParser.create().parse_overrides(list(overrides))


class Bowl:
    """Trials whose runs are worth (x − 3)²; x below 0 is refused, above 8 fails, 5 to 6 has no number."""

    given_up = False

    def __init__(self):
        self.asked = []

    @property
    def count(self):
        return len(self.asked)

    def task(self, overrides):
        """Of one task all of them."""
        return "bowl"

    def run(self, wanted):
        points = [float(dict(item.split("=") for item in one)["x"]) for one in wanted]
        if min(points) < 0:
            raise ConfigError("x must be at least 0")
        self.asked += points
        return [math.nan if x > 8 or 5 < x < 6 else (x - 3) ** 2 for x in points]


def settings(**changes):
    sampler = {"_target_": "optuna.samplers.TPESampler", "seed": 0}
    given = {"n_trials": 30, "n_jobs": 1, "direction": "minimize", "sampler": sampler, "params": {}}
    return search.Settings(**{**given, **changes})


def searched(space, **changes):
    trials = Bowl()
    return search.search(parsed(space, "loss=mse"), trials, settings(**changes)), trials


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("a.b=interval(0.5, 2)", FloatDistribution(0.5, 2)),
        ("a.b=interval(1, 8)", FloatDistribution(1, 8)),
        ("a.b=int(interval(1, 8))", IntDistribution(1, 8)),
        ("a.b=tag(log, interval(1e-4, 1e-2))", FloatDistribution(1e-4, 1e-2, log=True)),
        ("a.b=range(2, 9, 2)", IntDistribution(2, 8, step=2)),
        ("a.b=range(5)", IntDistribution(0, 4)),
        ("a.b=range(0.5, 2, 0.5)", FloatDistribution(0.5, 1.5, step=0.5)),
        ("a=bce,mse", CategoricalDistribution(["bce", "mse"])),
        ("a.b=choice([8],[8,16])", CategoricalDistribution(["[8]", "[8,16]"])),
        ("a.b=null,'a b'", CategoricalDistribution(["null", "'a b'"])),
    ],
)
def test_a_space_is_what_it_says(override, expected):
    assert search.distribution(parsed(override)[0]) == expected


def test_it_comes_near_the_best_and_asks_the_same_again():
    study, trials = searched("x=interval(0.0, 4.5)")
    assert len(trials.asked) == len(set(trials.asked)) == 30
    assert abs(study.best_params["x"] - 3) < 0.2
    assert searched("x=interval(0.0, 4.5)")[1].asked == trials.asked
    other = {"_target_": "optuna.samplers.TPESampler", "seed": 1}
    assert searched("x=interval(0.0, 4.5)", sampler=other)[1].asked != trials.asked


def test_the_other_direction():
    assert searched("x=interval(0.0, 4.5)", direction="maximize")[0].best_params["x"] < 0.3


@pytest.mark.parametrize("space", ["range(0, 1000000000)", "range(0, 10, 0)", "range(0, inf)", "range(5, 0)"])
def test_a_space_that_cannot_be_listed_is_refused(space):
    with pytest.raises(ConfigError, match="a=range"):
        search.distribution(OverridesParser.create().parse_override(f"a={space}"))


@pytest.mark.parametrize("together", [1, 4])
def test_what_fails_or_is_refused_does_not_end_it(together):
    study, trials = searched("x=interval(-3.0, 12.0)", n_jobs=together)
    states = [(trial.params["x"], trial.state) for trial in study.trials]
    assert len(states) == 30
    for x, state in states:
        good = 0 <= x <= 8 and not 5 < x < 6
        assert state == (TrialState.COMPLETE if good else TrialState.FAIL)
    assert min(x for x, _ in states) < 0
    assert max(trials.asked) > 8


def test_a_first_run_that_is_refused_ends_it():
    with pytest.raises(ConfigError, match="x must be at least 0"):
        searched("x=interval(-3.0, -1.0)")


def test_a_search_in_real_processes_and_again(tmp_path):
    rate = "optimizer.learning_rate=tag(log, interval(1e-4, 1e-2))"
    command = (*OPTUNA, "hydra.sweeper.n_trials=2", "hydra.sweeper.n_jobs=2", rate, *TINY)
    code, output, errors = run(*command, "hydra.launcher.workers=2", store=tmp_path)
    assert code == 0, errors
    done = runs(tmp_path)
    assert [item.info.status for item in done] == ["FINISHED"] * 2
    rates = {float(item.data.params["optimizer.learning_rate"]) for item in done}
    assert len(rates) == 2
    assert all(1e-4 <= one <= 1e-2 for one in rates)
    best = min(done, key=lambda item: item.data.metrics["test/mse"])
    said = re.search(r"best of 2 trials: test/mse (\S+) with optimizer.learning_rate=(\S+)", output)
    assert float(said[1]) == pytest.approx(best.data.metrics["test/mse"], abs=1e-4)
    assert float(said[2]) == float(best.data.params["optimizer.learning_rate"])

    code, again, errors = run(*command, store=tmp_path)
    assert code == 0, errors
    assert len(runs(tmp_path)) == 2
    assert said[0] in again


@pytest.mark.parametrize(
    ("space", "key"),
    [
        (["noise.sigma=interval(0.1, 0.5)"], "noise.sigma"),
        (["noise=gaussian,uniform"], "noise"),
        (["optimizer.learning_rate=interval(1e-4, 1e-3)", "data.test=[1700,1797],[1600,1797]"], "data.test"),
        (["experiment=conv_conv,spatial_latent"], "experiment"),
    ],
)
def test_a_search_over_tasks_is_refused_before_anything_is_trained(tmp_path, space, key):
    given = [one for one in TINY if not (key == "experiment" and one.startswith("data"))]
    code, _, errors = run(*OPTUNA, *given, *space, store=tmp_path)
    assert_refused(code, errors, f"{key}: its values make different tasks, other test images or other noise")
    assert runs(tmp_path) == []


@pytest.mark.long
def test_how_the_training_noise_is_drawn_may_be_searched(tmp_path):
    command = (*OPTUNA, "hydra.sweeper.n_trials=1", *TINY, "noise.resample=once,epoch")
    code, output, errors = run(*command, "tracking.log_model=false", store=tmp_path)
    assert code == 0, errors
    assert "best of 1 trials" in output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["seed=0"], "hydra/sweeper=optuna: there is nothing to search over"),
        (["seed=range(1, 5)", "plan=true"], "plan=true: a search chooses its next run by the results"),
        (["seed=interval(5, 1)"], "seed=interval(5, 1): this is no space to search"),
        (["seed=range(1, 5)", "hydra.sweeper.n_trials=0"], "hydra.sweeper.n_trials must be at least 1"),
        (["seed=range(1, 5)", "sweep.direction=down"], "hydra.sweeper.direction must be one of"),
        (["seed=range(1, 5)", "hydra.sweeper.sampler._target_=os.system"], "must be one of optuna.sampl"),
        (["seed=range(1, 5)", "hydra.sweeper.n_job=2"], "hydra.sweeper.n_job"),
    ],
)
def test_a_mistake_is_one_sentence(tmp_path, arguments, message):
    code, _, errors = run(*OPTUNA, *TINY, *arguments, store=tmp_path)
    assert_refused(code, errors, message)
