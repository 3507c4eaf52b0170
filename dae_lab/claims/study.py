"""A claim's life, told as a story: check the rule → train what is missing → judge → write down."""

import logging
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from dae_lab.claims import keep, notebook, register, show, times
from dae_lab.claims.evidence import Evidence, gather
from dae_lab.claims.judge import Judgement, invalid, is_decided, judge
from dae_lab.claims.keep import StoredRuns
from dae_lab.claims.notebook import Circumstances
from dae_lab.claims.question import (
    Composer,
    Question,
    ask,
    checked,
    refuse_equal_arms,
)
from dae_lab.claims.remarks import given, remarks
from dae_lab.claims.runs import Choose, Key, at_length, new_runs, to_next_look
from dae_lab.claims.statistics.family import holm
from dae_lab.errors import ConfigError
from dae_lab.sweep.job import Job
from dae_lab.sweep.plan import Composed
from dae_lab.sweep.sweep import Runner, Sweep
from dae_lab.tracking.reader import RunReader
from dae_lab.tracking.store import RunStore

log = logging.getLogger(__name__)


class Study:
    """The claims of one command, judged by runs that they share.

    Args:
        runner: trains the runs.
        composer: composes their configs.
        config_options: how the command line names configs of a person's own.

    Attributes:
        questions: the claims.
    """

    def __init__(self, runner: Runner, composer: Composer, config_options: Sequence[str] = ()) -> None:
        self.composer, self.sweep = composer, Sweep(runner)
        self.config_options = config_options
        self.questions: list[Question] = []
        self._known: dict[Key, int] = {}  # the job's number

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
        self.questions = [ask(item, self.composer, len(composed)) for item in composed]
        names = [one.name for one in self.questions]
        if len(set(names)) < len(names):
            raise ConfigError("a claim is asked once in a command: give every key one value, not several")
        self._settle_precisions()
        planned = bool(composed[0].config.plan)
        if not planned:
            for question in self.questions:
                notebook.need_writable(Path(question.claim.notebook), question.name)
            store = RunStore(checked(next(iter(self.questions[0].arms.values()))).tracking)
            self.sweep.store = store
            for question in self.questions:
                register.state(question, store)
        while waiting := [one for one in self.questions if not one.settled]:
            looks = {one.name: one.next_look for one in waiting}
            self._train(waiting)
            if planned or self.given_up:
                break
            for question in waiting:
                self._look(question, looks[question.name])
            self._judge()
            for question in waiting:
                show.look(question)
                self._register(question, store)
            times.show_remaining([one for one in waiting if not one.settled], self.sweep, self._known)
        if planned:
            times.show_plan(self.questions, self.sweep, self._known)
        elif not self.given_up:
            self._train_bridges()
        return [0.0] * len(composed)

    def _settle_precisions(self) -> None:
        """Decide ``training.precision=auto`` once for the arms of all claims."""
        arms = [arm for question in self.questions for arm in question.arms.values()]
        settled = iter(self.sweep.precision.settle(arms))
        for question in self.questions:
            question.arms = {name: next(settled) for name in question.arms}
            try:
                refuse_equal_arms(question.arms)
            except ConfigError as error:
                raise ConfigError(f"claim={question.name}: {error}") from error

    def _train(self, questions: Sequence[Question]) -> None:
        """Do the runs that ``questions`` want before they are looked at again; shared ones once."""
        self._ask_for(questions, to_next_look)

    def _train_bridges(self) -> None:
        """Do the runs at the source's length of the claims that could be judged, after all others."""
        self._ask_for([one for one in self.questions if one.evidence], at_length)

    def _ask_for(self, questions: Sequence[Question], choose: Choose) -> None:
        new = new_runs(questions, choose, self._known)
        first = len(self.sweep.jobs)
        self._known |= {key: first + place for place, key in enumerate(new)}
        for question in questions:
            for arm, seed, key in choose(question):
                question.numbers[arm, seed] = self._known[key]
        if new:
            self.sweep.run(list(new.values()), first)

    def _look(self, question: Question, n: int) -> None:
        """Gather what the first ``n`` seeds say; where runs are missing the claim cannot be judged."""
        runs = self._runs(question, n)
        missing = [
            f"arm {arm} has no run with seed {seed}{self._why(question.numbers[arm, seed])}"
            for arm in question.claim.arms
            for seed in question.claim.wanted(arm, n)
            if seed not in runs[arm]
        ]
        question.evidence = None if missing else gather(question.claim, runs, n)
        question.judgement = invalid(question.claim, missing, n)

    def _why(self, number: int) -> str:
        outcome = self.sweep.outcomes.get(number)
        return f": {outcome.reason}" if outcome and outcome.reason else ""

    def _judge(self) -> None:
        """Judge all claims looked at so far as one family."""
        shares = holm({one.name: partial(_decided, one.evidence) for one in self.questions})
        for question in self.questions:
            found = question.judgement
            if question.evidence:
                found = judge(question.evidence, shares[question.name], len(self.questions))
            question.judgement = found
        over = all(question.settled for question in self.questions)
        for question in self.questions:
            if found := question.judgement:
                found = replace(found, provisional=found.provisional and not over)
                question.judgement = self._with_remarks(question, found)

    def _with_remarks(self, question: Question, found: Judgement) -> Judgement:
        runs = self._runs(question, found.n)
        said = remarks(question.claim, found, runs, question.stated, question.changed, given(question))
        before = register.history(question, found, [one.name for one in self.questions])
        return replace(found, remarks=said, history=before)

    def sum_up(self) -> bool:
        """Say what came of the claims, and write it down; gives whether a run failed."""
        failed = self.sweep.sum_up()
        if self.sweep.planned or not self.sweep.jobs:
            return False
        for question in self.questions:
            if question.judgement:
                show.verdict(question.name, question.judgement)
                failed |= not self._keep(question)
        return failed

    def _keep(self, question: Question) -> bool:
        """Write down what came of ``question``; gives whether that went well."""
        assert self.sweep.store is not None
        assert question.judgement is not None
        runs = self._runs(question, question.judgement.n)
        try:
            circumstances, long_runs = self._circumstances(question), self._long_runs(question)
            page = keep.keep(question, runs, long_runs, circumstances, self.sweep.store)
            self._register(question, self.sweep.store)
        except Exception as error:  # the verdict has been said, and the runs are there all the same
            log.warning("claim %s: its page cannot be written: %s", question.name, error)
            return False
        print(f"  notebook: {page}")
        return True

    def _register(self, question: Question, store: RunStore) -> None:
        """Remember in ``store`` how ``question`` was judged."""
        if question.judgement:
            family = [one.name for one in self.questions]
            register.record_judgement(question, question.judgement, family, store)

    def _circumstances(self, question: Question) -> Circumstances:
        found = question.judgement
        assert found is not None
        return Circumstances(
            claim=question.name,
            seeds=found.n,
            divisor=found.share,
            stated=question.stated,
            changed=question.changed,
            history=found.history,
            overrides=given(question),
            command=self._command(),
            cut_short=not question.settled,
            missing=[] if found.readings else [*found.broken],
            provisional=found.provisional,
        )

    def _command(self) -> str:
        """The command that was given, as far as it tells what was judged."""
        own = given(self.questions[0])
        names = ",".join(one.name for one in self.questions)
        return shlex.join(["python", "-m", "dae_lab.run", *self.config_options, f"claim={names}", *own])

    def _runs(self, question: Question, n: int) -> StoredRuns:
        """The runs of a claim's first ``n`` seeds that have finished, by arm and seed."""
        return self._finished(question, question.claim.short_arms, n)

    def _long_runs(self, question: Question) -> StoredRuns:
        """Those at the source's length."""
        return self._finished(question, question.claim.long_arms, 1)

    def _finished(self, question: Question, arms: Iterable[str], n: int) -> StoredRuns:
        runs: dict[str, dict[int, RunReader]] = {arm: {} for arm in arms}
        for (arm, seed), number in question.numbers.items():
            if arm in runs and seed in question.claim.wanted(arm, n):
                record = self.sweep.record(number)
                if record is not None:
                    runs[arm][seed] = record
        return runs


def _decided(evidence: Evidence | None, share: int) -> bool:
    return evidence is not None and is_decided(evidence, share)
