"""Judges the claims of one command: plan → train what is missing → gather → judge → publish."""

import logging
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from dae_lab.claims import durations
from dae_lab.claims.caveats import changing
from dae_lab.claims.evidence import Evidence, gather
from dae_lab.claims.judge import Verdict, is_decided, judge
from dae_lab.claims.plan import (
    ClaimPlan,
    PlannedRun,
    RunKey,
    checked,
    need_different_arms,
    plan_claim,
)
from dae_lab.claims.preregistration import Registration, preregister, record_verdict
from dae_lab.claims.publishing import page, terminal
from dae_lab.claims.publishing.circumstances import Circumstances, with_caveats
from dae_lab.claims.publishing.record import StoredRuns, publish_and_record
from dae_lab.claims.statistics.family import holm
from dae_lab.errors import ConfigError
from dae_lab.sweep.compose import Composed, Composer
from dae_lab.sweep.job import Job
from dae_lab.sweep.sweep import Runner, Sweep
from dae_lab.tracking.reader import RunReader
from dae_lab.tracking.store import RunStore

log = logging.getLogger(__name__)


@dataclass
class Progress:
    """How far a claim is.

    Attributes:
        numbers: by arm and seed, the number of the job.
        registration, evidence, verdict: None until there is one.
    """

    plan: ClaimPlan
    registration: Registration | None = None
    evidence: Evidence | None = None
    verdict: Verdict | None = None
    numbers: dict[tuple[str, int], int] = field(default_factory=dict)

    @property
    def settled(self) -> bool:
        """Whether more seeds would change nothing, promise nothing, or there are no more."""
        return self.verdict is not None and self.verdict.settled

    @property
    def next_look(self) -> int:
        """The seeds after which it is looked at next."""
        return self.plan.claim.seeds.next_look(self.verdict.n if self.verdict else 0)


class Study:
    """The claims of one command, judged by runs that they share.

    Args:
        runner: trains the runs.
        composer: composes their configs.
        config_options: how the command line names configs of a person's own.

    Attributes:
        claims: how far each is.
    """

    def __init__(self, runner: Runner, composer: Composer, config_options: Sequence[str] = ()) -> None:
        self.composer, self.sweep = composer, Sweep(runner)
        self.config_options = config_options
        self.claims: list[Progress] = []
        self._known: dict[RunKey, int] = {}  # the job's number

    @property
    def jobs(self) -> list[Job]:
        """All runs that were asked for so far."""
        return self.sweep.jobs

    @property
    def given_up(self) -> str:
        """Why the runs ended early; empty where they did not."""
        return self.sweep.given_up

    def run(self, composed: Sequence[Composed], first: int) -> list[float]:
        """Judge the claims that ``composed`` choose.

        Raises:
            UserError: a claim that makes no sense or cannot be decided, an arm that cannot be trained; then
                nothing is begun.
        """
        plans = [plan_claim(item, self.composer, len(composed)) for item in composed]
        if len({plan.name for plan in plans}) < len(plans):
            raise ConfigError("a claim is asked once in a command: give every key one value, not several")
        self.claims = [Progress(plan) for plan in self._settle_precisions(plans)]
        if composed[0].config.plan:
            self._train(self.claims)
            durations.show_plans(self._plans(self.claims), self.sweep, self._known)
        else:
            self._judge_until_settled(self._register())
        return [0.0] * len(composed)

    def _plans(self, claims: Sequence[Progress]) -> list[ClaimPlan]:
        return [one.plan for one in claims]

    def _settle_precisions(self, plans: Sequence[ClaimPlan]) -> list[ClaimPlan]:
        """``plans`` with ``training.precision=auto`` decided once for the arms of all claims."""
        settled = iter(self.sweep.precision.settle([arm for plan in plans for arm in plan.arms.values()]))
        found = [replace(plan, arms={name: next(settled) for name in plan.arms}) for plan in plans]
        for plan in found:
            try:
                need_different_arms(plan.arms)
            except ConfigError as error:
                raise ConfigError(f"claim={plan.name}: {error}") from error
        return found

    def _register(self) -> RunStore:
        """Record the rules of all claims before anything is trained; gives the store."""
        for one in self.claims:
            page.need_writable(Path(one.plan.claim.notebook), one.plan.name)
        store = RunStore(checked(next(iter(self.claims[0].plan.arms.values()))).tracking)
        self.sweep.store = store
        for one in self.claims:
            one.registration = preregister(one.plan, store)
        return store

    def _judge_until_settled(self, store: RunStore) -> None:
        while waiting := [one for one in self.claims if not one.settled]:
            self._train(waiting)
            if self.given_up:
                return
            for one in waiting:
                self._look(one, one.next_look)
            self._judge()
            for one in waiting:
                assert one.verdict is not None
                terminal.show_look(one.plan.name, one.verdict)
                self._record(one, store)
            self._show_remaining([one for one in waiting if not one.settled])
        judged = [one.plan for one in self.claims if one.evidence and not one.evidence.missing]
        self._ask_for(judged, {plan.name: [*plan.long_runs()] for plan in judged})

    def _train(self, claims: Sequence[Progress]) -> None:
        """Do the runs that ``claims`` want before they are looked at again; shared ones once."""
        self._ask_for(self._plans(claims), {one.plan.name: [*one.plan.runs(one.next_look)] for one in claims})

    def _ask_for(self, plans: Sequence[ClaimPlan], wanted: dict[str, list[PlannedRun]]) -> None:
        new = durations.new_runs(plans, lambda plan: wanted[plan.name], self._known)
        first = len(self.sweep.jobs)
        self._known |= {key: first + place for place, key in enumerate(new)}
        for one in self.claims:
            for run in wanted.get(one.plan.name, ()):
                one.numbers[run.arm, run.seed] = self._known[run.key]
        if new:
            self.sweep.run(list(new.values()), first)

    def _show_remaining(self, claims: Sequence[Progress]) -> None:
        looks = {one.plan.name: one.next_look for one in claims}
        plans = self._plans(claims)
        durations.show_remaining(plans, lambda plan: plan.runs(looks[plan.name]), self.sweep, self._known)

    def _look(self, one: Progress, n: int) -> None:
        """Gather what the first ``n`` seeds say; where runs are missing the claim cannot be judged."""
        claim, runs = one.plan.claim, self._runs(one, n)
        missing = [
            f"arm {arm} has no run with seed {seed}{self._why(one.numbers[arm, seed])}"
            for arm in claim.arms
            for seed in claim.wanted(arm, n)
            if seed not in runs[arm]
        ]
        one.evidence = gather(claim, runs, n, missing=missing)

    def _why(self, number: int) -> str:
        outcome = self.sweep.outcomes.get(number)
        return f": {outcome.reason}" if outcome and outcome.reason else ""

    def _judge(self) -> None:
        """Judge all claims looked at so far as one family."""
        evidence = {one.plan.name: one.evidence for one in self.claims if one.evidence}
        claims = {one.plan.name: one.plan.claim for one in self.claims}
        divisors = holm({name: partial(is_decided, claims[name], found) for name, found in evidence.items()})
        for one in self.claims:
            if one.evidence:
                divisor = divisors[one.plan.name]
                one.verdict = judge(one.plan.claim, one.evidence, divisor, len(self.claims))
        over = all(one.settled for one in self.claims)
        for one in self.claims:
            if one.verdict and one.evidence:
                verdict = replace(one.verdict, provisional=one.verdict.provisional and not over)
                one.verdict = with_caveats(verdict, one.evidence, self._circumstances(one, verdict))

    def sum_up(self) -> bool:
        """Say what came of the claims, and write it down; gives whether a run failed."""
        failed = self.sweep.sum_up()
        if self.sweep.planned or not self.sweep.jobs:
            return False
        for one in self.claims:
            if one.verdict:
                terminal.show_verdict(one.plan.name, one.verdict)
                failed |= not self._publish(one)
        return failed

    def _publish(self, one: Progress) -> bool:
        """Write down what came of a claim; gives whether that went well."""
        verdict, store = one.verdict, self.sweep.store
        assert verdict is not None
        assert one.evidence is not None
        assert store is not None
        try:
            runs = self._runs(one, verdict.n)
            long_runs = self._finished(one, one.plan.claim.long_arms, 1)
            evidence = replace(one.evidence, long_runs=long_runs)
            circumstances = self._circumstances(one, verdict)
            path = publish_and_record(verdict, evidence, circumstances, {**runs, **long_runs}, store)
            self._record(one, store)
        except Exception as error:  # the verdict has been said, and the runs are there all the same
            log.warning("claim %s: its page cannot be written: %s", one.plan.name, error)
            return False
        print(f"  notebook: {path}")
        return True

    def _record(self, one: Progress, store: RunStore) -> None:
        """Remember in ``store`` how a claim was judged."""
        if one.verdict and one.registration:
            record_verdict(one.plan.name, one.verdict, one.registration, self._family(), store)

    def _family(self) -> list[str]:
        return [one.plan.name for one in self.claims]

    def _circumstances(self, one: Progress, verdict: Verdict) -> Circumstances:
        assert one.registration is not None
        return Circumstances(
            claim=one.plan.name,
            seeds=verdict.n,
            divisor=verdict.divisor,
            stated=one.registration.stated,
            changed=one.registration.changed,
            history=one.registration.history(verdict, self._family()),
            overrides=changing(one.plan.overrides),
            command=self._command(),
            cut_short=not one.settled,
            missing=[] if verdict.readings else [*verdict.broken],
            provisional=verdict.provisional,
        )

    def _command(self) -> str:
        """The command that was given, as far as it tells what was judged."""
        own = changing(self.claims[0].plan.overrides)
        names = ",".join(self._family())
        return shlex.join(["python", "-m", "dae_lab.run", *self.config_options, f"claim={names}", *own])

    def _runs(self, one: Progress, n: int) -> StoredRuns:
        """The runs of a claim's first ``n`` seeds that have finished, by arm and seed."""
        return self._finished(one, one.plan.claim.short_arms, n)

    def _finished(self, one: Progress, arms: Iterable[str], n: int) -> StoredRuns:
        runs: dict[str, dict[int, RunReader]] = {arm: {} for arm in arms}
        for (arm, seed), number in one.numbers.items():
            if arm in runs and seed in one.plan.claim.wanted(arm, n):
                record = self.sweep.record(number)
                if record is not None:
                    runs[arm][seed] = record
        return runs
