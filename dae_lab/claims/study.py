"""A claim's life, told as a story: check the rule → train what is missing → judge → write down."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

from omegaconf import OmegaConf

from dae_lab.claims import notebook, show
from dae_lab.claims.judge import Evidence, Judgement, gather, invalid, judge
from dae_lab.claims.outcome import Runs
from dae_lab.claims.question import Composes, Question, ask, trained
from dae_lab.claims.statistics.family import holm
from dae_lab.config.run import Config
from dae_lab.sweep.job import Job, Outcomes
from dae_lab.sweep.plan import Composed
from dae_lab.sweep.sweep import Sweep
from dae_lab.tracking.recorded import Recorded
from dae_lab.tracking.store import Store

log = logging.getLogger(__name__)


class Engine(Composes, Protocol):
    """Who does the runs and composes their configs, see ``dae_lab.sweep.launcher.Engine``."""

    def perform(self, jobs: Sequence[Job]) -> Outcomes:
        """Do ``jobs``."""


class Study:
    """The claims of one command, judged by runs that they share.

    Attributes:
        questions: the claims. given_up: why it ended early; empty where it did not.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine, self.sweep = engine, Sweep(engine)
        self.questions: list[Question] = []
        self._known: dict[tuple[str, int], int] = {}  # by an arm's config and a seed, the job's number

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
        self.questions = [ask(item, self.engine) for item in composed]
        planned = bool(composed[0].config.plan)
        if not planned:
            self._state_rules(Store(_checked(next(iter(self.questions[0].arms.values()))).tracking))
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
        return [0.0] * len(composed)

    def _state_rules(self, store: Store) -> None:
        """Record every rule before its first run, and see whether it is another than it was."""
        for question in self.questions:
            rule = question.claim.rule_hash()
            with store.summary_record("claim", question.name) as record:
                question.stated = record.began
                known = record.tags.get("rule", "").split()
                if known and known[-1] != rule:
                    question.changed = f"the rule was {known[-1]} when runs were judged by it before"
                    log.warning("claim %s: %s", question.name, question.changed)
                if rule not in known[-1:]:
                    record.tag("rule", " ".join([*known, rule]))
                    record.text(OmegaConf.to_yaml(OmegaConf.structured(question.claim)), f"rules/{rule}.yaml")

    def _train(self, questions: Sequence[Question]) -> None:
        """Do the runs that ``questions`` want before they are looked at again; shared ones once."""
        fresh: dict[tuple[str, int], Composed] = {}
        for question in questions:
            look = question.next_look
            keys = {arm: trained(_checked(composed)) for arm, composed in question.arms.items()}
            for seed in range(look):
                for arm, composed in question.arms.items():
                    if seed not in question.claim.wanted(arm, look):
                        continue
                    key = (keys[arm], seed)
                    if key not in self._known:
                        self._known[key] = len(self.sweep.jobs) + len(fresh)
                        fresh[key] = _with_seed(composed, seed)
                    question.numbers[arm, seed] = self._known[key]
        if fresh:
            self.sweep.run(list(fresh.values()), len(self.sweep.jobs))

    def _look(self, question: Question, n: int) -> None:
        """Gather what the first ``n`` seeds say; where runs are missing the claim cannot be judged."""
        failed = [
            f"arm {arm} failed with seed {seed}: {outcome.reason}"
            for (arm, seed), number in question.numbers.items()
            if (outcome := self.sweep.outcomes.get(number)) and outcome.status == "failed"
        ]
        question.evidence = None if failed else gather(question.claim, self._runs(question), n)
        question.judgement = invalid(question.claim, failed, n)

    def _judge(self) -> None:
        """Judge all claims looked at so far as one family."""
        shares = holm({one.name: partial(_decided, one.evidence) for one in self.questions})
        for question in self.questions:
            if question.evidence:
                question.judgement = judge(question.evidence, shares[question.name])

    def sum_up(self) -> bool:
        """Say what came of the claims, and write it down; gives whether a run failed."""
        if self.sweep.planned or not self.sweep.jobs:
            return False
        failed = self.sweep.sum_up()
        show.verdicts(
            [
                (one.name, one.judgement, self._write(one, one.judgement))
                for one in self.questions
                if one.judgement
            ]
        )
        return failed

    def _write(self, question: Question, found: Judgement) -> str:
        """Write the page of one claim; gives where it is."""
        runs, folder = self._runs(question), Path(question.claim.notebook)
        page, state = notebook.write(folder, question.name, found, runs, self._facts(question, runs))
        assert self.sweep.store is not None
        members = [run for of in runs.values() for run in of.values()]
        with self.sweep.store.summary_record("claim", question.name, members) as record:
            if record.tags.get("page") != state:
                from dae_lab.claims.page import page as html  # here, because only what is new needs it

                record.tag("verdict", found.verdict.value)
                record.describe(f"{_links(members, question.name)}\n\n{page.read_text('utf-8')}")
                record.folder(page.parent)
                record.text(html(page.parent, runs), "claim.html")
                record.tag("page", state)
        return str(page)

    def _runs(self, question: Question) -> dict[str, dict[int, Recorded]]:
        """The runs of a claim that have finished, by arm and seed."""
        runs: dict[str, dict[int, Recorded]] = {arm: {} for arm in question.arms}
        for (arm, seed), number in question.numbers.items():
            record = self.sweep.record(number)
            if record is not None:
                runs[arm][seed] = record
        return runs

    def _facts(self, question: Question, runs: Runs) -> dict[str, str]:
        """What the notebook tells of the runs: scale, time, code."""
        every = [run for of in runs.values() for run in of.values()]
        spent = sum(run.values.get("time/cpu_s", 0.0) for run in every)
        scales = {_scale(run) for run in every}
        facts = {
            "Scale": "; ".join(sorted(scales)),
            "Cost": f"{len(every)} runs, {spent / 3600:.2f} CPU hours",
        }
        early = sum(run.began < question.stated for run in every)
        facts["Rule"] = f"`{question.claim.rule_hash()}`, recorded " + (
            f"when {early} of these runs had begun already" if early else "before the first of these runs"
        )
        if question.changed:
            facts["Changed since it was first stated"] = question.changed
        said = " ".join(text for text in question.overrides if not text.startswith(("tracking.", "plan=")))
        if said:
            facts["Changed on the command line"] = f"`{said}`"
        return facts


def _links(members: Sequence[Recorded], name: str) -> str:
    """To the runs judged, as MLflow's UI finds them."""
    homes = sorted({run.experiment_id for run in members})
    query = quote(f"tags.claim LIKE '%{name}%'")
    links = [f"[{len(members)} runs judged](#/experiments/{home}?searchFilter={query})" for home in homes]
    return " · ".join(links)


def _scale(run: Recorded) -> str:
    """``rows [0, 60000] of mnist, 10 epochs of 128 images a step``."""
    known = run.settings
    data = known.get("data._target_", "").rpartition(".load_")[2]
    epochs, size = known.get("training.epochs"), known.get("training.batch_size")
    return f"rows {known.get('data.train')} of {data}, {epochs} epochs of {size} images a step"


def _decided(evidence: Evidence | None, share: int) -> bool:
    return evidence is not None and judge(evidence, share).decided


def _checked(arm: Composed) -> Config:
    assert arm.checked is not None
    return arm.checked


def _with_seed(arm: Composed, seed: int) -> Composed:
    overrides = [text for text in arm.overrides if not text.startswith("seed=")]
    checked = replace(_checked(arm), seed=seed)
    return replace(arm, overrides=[*overrides, f"seed={seed}"], checked=checked)
