"""A search over keys of the config: Optuna chooses the next runs by what those before were worth."""

import logging
from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any, Literal

import optuna
from hydra.core.override_parser.types import IntervalSweep, Override, RangeSweep
from hydra.utils import instantiate
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import Trial, TrialState

from dae_lab.errors import ConfigError
from dae_lab.parts.schema import Schema, option
from dae_lab.sweep.compose import Composer
from dae_lab.sweep.expand import MOST_RUNS, count_values
from dae_lab.sweep.sweep import Sweep

log = logging.getLogger(__name__)


class Settings(Schema):
    """How it is searched, ``conf/hydra/sweeper/optuna.yaml``.

    n_trials: runs in all.
    n_jobs: runs chosen at a time, as many as the launcher does side by side.
    direction: whether less or more of ``sweep.metric`` is better.
    sampler: one of ``optuna.samplers`` and its arguments; with a seed, the same command asks for the
        same runs.
    params: keys to search over, as on the command line.
    """

    n_trials: int = option(ge=1, le=MOST_RUNS)
    n_jobs: int = option(ge=1, le=MOST_RUNS)
    direction: Literal["minimize", "maximize"] = option()
    sampler: dict[str, Any] = option()
    params: dict[str, str] = option()


class Trials:
    """The runs that a search asks for, batch after batch, all of one sweep.

    Args:
        sweep: does them.
        composer: composes their configs.
    """

    def __init__(self, sweep: Sweep, composer: Composer) -> None:
        self._sweep, self._composer = sweep, composer

    @property
    def count(self) -> int:
        """How many runs were planned so far."""
        return len(self._sweep.jobs)

    @property
    def given_up(self) -> bool:
        """Whether so many runs have failed that no others are wanted."""
        return bool(self._sweep.given_up)

    def run(self, runs: Sequence[list[str]]) -> list[float]:
        """Do one batch; gives the value of ``sweep.metric`` of each run, NaN where it failed.

        Args:
            runs: the overrides of each.

        Raises:
            ConfigError: a run cannot be trained as it stands; none is begun.
        """
        first = self.count
        composed = [self._composer.compose(overrides, first + place) for place, overrides in enumerate(runs)]
        return self._sweep.run(composed, first)

    def task(self, overrides: list[str]) -> str | None:
        """The task of a run, see ``dae_lab.sweep.tasks``; None for a run that is refused."""
        return self._composer.task(overrides)


def search(overrides: Sequence[Override], trials: Trials, settings: Settings) -> optuna.Study:
    """Do ``n_trials`` runs. One that fails, or cannot be trained as it stands, is a failed trial.

    Args:
        overrides: intervals, ranges and choices are searched over, the rest is the same in all runs.
        trials: does the runs.

    Raises:
        ConfigError: nothing to search over, a space that is none, or of different tasks, or a first run that
            is refused.
    """
    given = {item.get_key_element(): item for item in overrides}  # the last word on a key counts
    space = {key: distribution(item) for key, item in given.items() if item.is_sweep_override()}
    fixed = [str(item.input_line) for item in given.values() if not item.is_sweep_override()]
    if not space:
        raise ConfigError(
            "hydra/sweeper=optuna: there is nothing to search over; give a key a space, as "
            "'optimizer.learning_rate=tag(log, interval(1e-4, 1e-2))'"
        )
    need_one_task(space, fixed, trials)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    direction: Any = settings.direction
    study = optuna.create_study(sampler=_sampler(settings.sampler), direction=direction)
    while len(study.trials) < settings.n_trials and not trials.given_up:
        count = min(settings.n_jobs, settings.n_trials - len(study.trials))
        asked = [study.ask(space) for _ in range(count)]
        values = _values([[*fixed, *chosen(trial)] for trial in asked], trials)
        for trial, value in zip(asked, values, strict=True):
            _tell(study, trial, value)
    return study


def need_one_task(space: Mapping[str, BaseDistribution], fixed: Sequence[str], trials: Trials) -> None:
    """Check that no key of ``space`` changes the task of a run, see ``dae_lab.sweep.tasks``.

    A search learns from the values of one metric which run to try next, and would soon try the easiest task:
    the least noise. A relative metric does not undo that: what share of the noise can be removed changes with
    the noise as well, so the best share would again name a noise and not a network.

    Raises:
        ConfigError: a key does, at one of its choices, or at an end of its range.
    """
    for key, values in space.items():
        tasks = {trials.task([*fixed, f"{key}={value}"]) for value in _extremes(values)} - {None}
        if len(tasks) > 1:
            raise ConfigError(
                f"{key}: its values make different tasks, other test images or other noise on them, and a "
                f"search would choose the easiest; fix it, or list its values without hydra/sweeper=optuna, "
                f"which names the best of each"
            )


def _extremes(values: BaseDistribution) -> list[Any]:
    if isinstance(values, CategoricalDistribution):
        return list(values.choices)
    assert isinstance(values, IntDistribution | FloatDistribution)
    return [values.low, values.high]


def distribution(override: Override) -> BaseDistribution:
    """What an override with several values ranges over.

    ``interval(0, 1)`` real numbers; ``int(interval(1, 8))`` whole ones, both ends included;
    ``tag(log, interval(1e-4, 1e-2))`` evenly over orders of magnitude; ``range(0, 8, 2)`` its numbers;
    anything else is a choice without order.

    Raises:
        ConfigError: an interval that is empty, or not positive though logarithmic.
    """
    value = override.value()
    if (count := count_values(override)) > MOST_RUNS:
        raise ConfigError(
            f"{override.input_line}: {count:,} values are too many to search over; take an interval(…), or "
            f"int(interval(…))"
        )
    try:
        if isinstance(value, IntervalSweep):
            whole = isinstance(value.start, int) and isinstance(value.end, int)
            kind: Any = IntDistribution if whole else FloatDistribution
            return kind(value.start, value.end, log="log" in value.tags)
        if isinstance(value, RangeSweep):
            numbers: list[Any] = sorted(override.sweep_iterator())
            kind = IntDistribution if all(isinstance(one, int) for one in numbers) else FloatDistribution
            return kind(numbers[0], numbers[-1], step=abs(value.step))
    except (ValueError, IndexError) as error:
        raise ConfigError(f"{override.input_line}: this is no space to search: {error}") from error
    return CategoricalDistribution(list(override.sweep_string_iterator()))


def chosen(trial: Trial | optuna.trial.FrozenTrial) -> list[str]:
    """The overrides that a trial stands for."""
    return [f"{key}={value}" for key, value in trial.params.items()]


def _sampler(wanted: dict[str, Any]) -> optuna.samplers.BaseSampler:
    target = str(wanted.get("_target_"))
    if not target.startswith("optuna.samplers."):
        raise ConfigError(f"hydra.sweeper.sampler._target_ must be one of optuna.samplers; got {target!r}")
    return instantiate(wanted)


def _values(wanted: list[list[str]], trials: Trials) -> list[float | None]:
    """What the runs gave; None for one that cannot be trained as it stands."""
    begun = trials.count
    try:
        return list(trials.run(wanted))
    except ConfigError as error:
        if not begun or trials.count > begun:  # what was planned and done is not refused
            raise
        if len(wanted) == 1:
            log.warning("refused: %s", error)
            return [None]
    return [value for overrides in wanted for value in _values([overrides], trials)]  # one is at fault


def _tell(study: optuna.Study, trial: Trial, value: float | None) -> None:
    """Let ``study`` learn what came of ``trial``."""
    if value is not None and isfinite(value):
        study.tell(trial, value)
    else:
        study.tell(trial, state=TrialState.FAIL)


def show(study: optuna.Study, metric: str) -> None:
    """The best run on the terminal."""
    ended = [trial for trial in study.trials if trial.state == TrialState.COMPLETE]
    if ended:
        best = study.best_trial
        print(f"\nbest of {len(ended)} trials: {metric} {best.value:.4f} with {' '.join(chosen(best))}")
