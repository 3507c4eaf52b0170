"""The runs of one command: plan → runs → summary."""

import logging
import math
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from functools import cached_property
from typing import Protocol

from dae_lab.config.run import Config
from dae_lab.errors import TrackingError
from dae_lab.sweep import show
from dae_lab.sweep.compose import Composed
from dae_lab.sweep.job import Job, Outcome, Outcomes
from dae_lab.sweep.plan import Plan, make_plan
from dae_lab.sweep.precision import PrecisionDecision
from dae_lab.sweep.results import record_summary
from dae_lab.sweep.summary import summarise
from dae_lab.sweep.times import RunTimes, TimeEstimate
from dae_lab.tracking.reader import RunReader
from dae_lab.tracking.store import RunStore
from dae_lab.training.precision import Measurement, Network

log = logging.getLogger(__name__)


class Runner(Protocol):
    """Where runs are trained, see ``dae_lab.sweep.runner.JobRunner``."""

    def run_jobs(self, jobs: Sequence[Job]) -> Outcomes:
        """Train ``jobs``."""

    def measure(self, networks: Sequence[Network]) -> Measurement:
        """Measure in which precision ``networks`` train faster where runs are done."""

    def calibrate(self, configs: Sequence[Config]) -> list[float]:
        """Time an epoch of each of ``configs`` where runs are done, in seconds; empty: unknown."""

    def close(self) -> None:
        """No other runs will be asked for."""


class Sweep:
    """The runs of one command, in one batch or, where a sweeper searches, in several.

    Attributes:
        jobs, outcomes: all that was asked for so far, and what came of each, by number.
        times: how long the runs will take that had not finished when they were asked for, by number.
        given_up: why the sweep ended before its last run; empty where it did not.
    """

    def __init__(self, runner: Runner) -> None:
        self.runner = runner
        self.precision = PrecisionDecision(runner.measure)
        self.name = ""
        self.jobs: list[Job] = []
        self.outcomes: dict[int, Outcome] = {}
        self.given_up = ""
        self.planned = False
        self.times: dict[int, TimeEstimate | None] = {}
        self.store: RunStore | None = None
        self._records: dict[int, RunReader] = {}
        self.began = time.perf_counter()

    def run(self, composed: Sequence[Composed], first: int) -> list[float]:
        """Do one batch of runs; gives the value of ``sweep.metric`` of each, NaN where a run failed.

        Raises:
            UserError: a run cannot be trained as it stands, or records no such metric; none is begun.
            KeyboardInterrupt, Terminated: those that ran are closed and can go on.
        """
        plan, self.store = make_plan(self.precision.settle(composed), first, self.name, store=self.store)
        self.name = plan.name
        self.jobs += plan.jobs
        config = plan.jobs[0].schema()
        self.planned = config.plan
        self.times |= (times := self._run_times.estimate_plan(plan, self.store))
        if config.plan:
            show.print_plan(plan, times)
            return [0.0] * len(plan.jobs)
        show.print_start(plan, times)
        for number, run in plan.done.items():
            self.outcomes[number], self._records[number] = Outcome("reused", run.run_id), run
        if plan.open:
            self._train(plan, config)
        return self._values(plan, config.sweep.metric)

    def estimate(self, composed: Sequence[Composed]) -> list[TimeEstimate | None]:
        """How long each of ``composed``, which are to follow, takes: nothing for one that has finished."""
        if not composed:
            return []
        plan, store = make_plan(
            self.precision.settle(composed), len(self.jobs), self.name, listed=False, store=self.store
        )
        times = self._run_times.estimate_plan(plan, store)
        return [times.get(job.number, TimeEstimate(0.0)) for job in plan.jobs]

    @cached_property
    def _run_times(self) -> RunTimes:
        """Who trains, does not wait for a calibration."""
        return RunTimes(self.runner.calibrate if self.planned else None)

    def _train(self, plan: Plan, config: Config) -> None:
        with closing(self.runner.run_jobs(plan.open)) as outcomes:
            for job, ended in outcomes:
                self.outcomes[job.number] = outcome = self._closed(job, ended)
                show.print_outcome(job, outcome, config.sweep.metric, self._metric(job, config.sweep.metric))
                self.given_up = self._too_many(config)
                if self.given_up:
                    return

    def _closed(self, job: Job, outcome: Outcome) -> Outcome:
        """``outcome`` with its run's id; the run of a process that died is closed."""
        assert self.store is not None
        if outcome.status == "failed" and not outcome.run_id:
            return replace(outcome, run_id=self.store.recovery.mark_failed(job.fingerprint, outcome.reason))
        return outcome

    def _too_many(self, config: Config) -> str:
        failures = sum(outcome.status == "failed" for outcome in self.outcomes.values())
        if failures and config.sweep.fail_fast:
            return "sweep.fail_fast=true: one run failed"
        limit = config.sweep.max_failures
        if limit is not None and failures > limit:
            return f"sweep.max_failures={limit}: {failures} runs failed"
        return ""

    def record(self, number: int) -> RunReader | None:
        """The run of a job that has finished, now or before; None too while its server is away."""
        assert self.store is not None
        outcome = self.outcomes.get(number)
        if outcome is None or outcome.status not in ("finished", "reused"):
            return None
        if number not in self._records:
            try:
                self._records[number] = self.store.read(outcome.run_id)
            except TrackingError as error:
                log.warning("%s", error)
                return None
        return self._records[number]

    def _metric(self, job: Job, metric: str) -> float | None:
        run = self.record(job.number)
        return None if run is None else run.values.get(metric)

    def _values(self, plan: Plan, metric: str) -> list[float]:
        """The value of ``metric`` of each run, NaN where there is none."""
        found = [self._metric(job, metric) for job in plan.jobs]
        return [math.nan if value is None else value for value in found]

    def sum_up(self) -> bool:
        """Say what came of the sweep, and record it; gives whether a run failed."""
        try:
            return self._told()
        finally:
            self.runner.close()

    def _told(self) -> bool:
        if self.planned or not self.jobs:
            return False
        chosen, wall = self.jobs[0].schema().sweep, time.perf_counter() - self.began
        runs = self._runs()
        found = summarise(self.jobs, self.outcomes, runs, chosen.metric, chosen.direction, wall)
        show.print_summary(found, self.given_up)
        try:
            assert self.store is not None
            show.print_links(found, record_summary(found, runs, self.given_up, self.store), self.store)
        except Exception as error:  # the runs are there all the same, and have been said
            log.warning("the sweep's page cannot be recorded: %s: %s", type(error).__name__, error)
        return bool(found.failures) or not found.complete

    def _runs(self) -> dict[int, RunReader]:
        """By number, the runs that have finished, now or before."""
        found = {number: self.record(number) for number in self.outcomes}
        return {number: run for number, run in found.items() if run is not None}
