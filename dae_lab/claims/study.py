"""A claim's life, told as a story: check the rule → train what is missing → judge → write down."""

import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from omegaconf import DictConfig, OmegaConf

from dae_lab.claims import notebook, show
from dae_lab.claims.expression import Effect
from dae_lab.claims.judge import Judgement, invalid, judge
from dae_lab.claims.outcome import Runs
from dae_lab.claims.spec import Claim, claim
from dae_lab.claims.statistics import proportion
from dae_lab.claims.statistics.decision import can_be_both
from dae_lab.claims.statistics.interval import Interval
from dae_lab.config.validate import validate
from dae_lab.errors import ConfigError, UserError
from dae_lab.sweep.job import Job, Outcomes
from dae_lab.sweep.plan import Composed
from dae_lab.sweep.sweep import Sweep
from dae_lab.tracking.recorded import Recorded
from dae_lab.tracking.store import Store

log = logging.getLogger(__name__)


class Composes(Protocol):
    """Who does the runs and composes their configs, see ``dae_lab.sweep.launcher.Engine``."""

    def perform(self, jobs: Sequence[Job]) -> Outcomes:
        """Do ``jobs``."""

    def compose(self, overrides: list[str]) -> Composed:
        """The config of one run."""


@dataclass
class Question:
    """A claim that is being judged.

    name: the option of the group ``claim``. overrides: the user's own, which all arms get.
    arms: each arm's config, composed with seed 0. changed: what is to be said of an earlier rule.
    numbers: by arm and seed, the number of the job.
    """

    name: str
    claim: Claim
    overrides: list[str]
    arms: dict[str, Composed]
    numbers: dict[tuple[str, int], int] = field(default_factory=dict)
    judgement: Judgement | None = None
    changed: str = ""


class Study:
    """The claims of one command, judged by runs that they share.

    Attributes:
        questions: the claims. given_up: why it ended early; empty where it did not.
    """

    def __init__(self, engine: Composes) -> None:
        self.engine, self.sweep = engine, Sweep(engine)
        self.questions: list[Question] = []
        self._known: dict[str, int] = {}  # by a run's config, its job's number

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
        self.questions = [_question(item, self.engine) for item in composed]
        planned = bool(composed[0].config.plan)
        if not planned:
            self._state_rules(Store(validate(next(iter(self.questions[0].arms.values())).config).tracking))
        while waiting := [one for one in self.questions if not _settled(one)]:
            self._train(waiting)
            if planned or self.given_up:
                break
            for question in waiting:
                question.judgement = self._judged(question)
                show.look(question.name, question.judgement)
        return [0.0] * len(composed)

    def _state_rules(self, store: Store) -> None:
        """Record every rule before its first run, and see whether it is another than it was."""
        for question in self.questions:
            rule = question.claim.rule_hash()
            with store.summary_record("claim", question.name) as record:
                known = record.tags.get("rule", "").split()
                if known and known[-1] != rule:
                    question.changed = f"the rule was {known[-1]} when runs were judged by it before"
                    log.warning("claim %s: %s", question.name, question.changed)
                if rule not in known[-1:]:
                    record.tag("rule", " ".join([*known, rule]))
                    record.text(OmegaConf.to_yaml(OmegaConf.structured(question.claim)), f"rules/{rule}.yaml")

    def _train(self, questions: Sequence[Question]) -> None:
        """Do the runs that ``questions`` want before they are looked at again; shared ones once."""
        fresh: dict[str, Composed] = {}
        for question in questions:
            look = _next_look(question)
            for seed in range(look):
                for arm, composed in question.arms.items():
                    if seed not in question.claim.wanted(arm, look):
                        continue
                    one = _with_seed(composed, seed)
                    key = _key(one.config)
                    if key not in self._known:
                        self._known[key] = len(self.sweep.jobs) + len(fresh)
                        fresh[key] = one
                    question.numbers[arm, seed] = self._known[key]
        if fresh:
            self.sweep.run(list(fresh.values()), len(self.sweep.jobs))

    def _judged(self, question: Question) -> Judgement:
        n = _next_look(question)
        outcomes = {place: self.sweep.outcomes.get(number) for place, number in question.numbers.items()}
        failed = [
            f"arm {arm} failed with seed {seed}: {outcome.reason}"
            for (arm, seed), outcome in outcomes.items()
            if outcome is not None and outcome.status == "failed"
        ]
        if failed:
            return invalid(question.claim, failed, n)
        return judge(question.claim, self._runs(question), n)

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
        page = notebook.write(folder, question.name, found, runs, self._facts(question, runs))
        assert self.sweep.store is not None
        members = [run for of in runs.values() for run in of.values()]
        with self.sweep.store.summary_record("claim", question.name, members) as record:
            record.tag("verdict", found.verdict.value)
            record.describe(page.read_text("utf-8"))
            record.folder(page.parent)
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
        if question.changed:
            facts["Changed since it was first stated"] = question.changed
        said = " ".join(text for text in question.overrides if not text.startswith(("tracking.", "plan=")))
        if said:
            facts["Changed on the command line"] = f"`{said}`"
        return facts


def _scale(run: Recorded) -> str:
    """``rows [0, 60000] of mnist, 10 epochs of 128 images a step``."""
    known = run.settings
    data = known.get("data._target_", "").rpartition(".load_")[2]
    epochs, size = known.get("training.epochs"), known.get("training.batch_size")
    return f"rows {known.get('data.train')} of {data}, {epochs} epochs of {size} images a step"


def _settled(question: Question) -> bool:
    judgement = question.judgement
    return judgement is not None and (judgement.decided or judgement.n == question.claim.seeds.maximum)


def _next_look(question: Question) -> int:
    """After how many seeds it is looked at next."""
    done = question.judgement.n if question.judgement else 0
    return next(n for n in question.claim.seeds.looks() if n > done)


def _question(item: Composed, engine: Composes) -> Question:
    """The claim that ``item`` chose, with its arms composed and checked."""
    plain = OmegaConf.to_container(item.config.claim, resolve=True)
    name = next(text.partition("=")[2] for text in item.overrides if text.startswith("claim="))
    try:
        found = claim(plain)  # type: ignore[arg-type]
        own = [text for text in item.overrides if not text.startswith(("claim=", "claim."))]
        if any(text.startswith("seed=") for text in own):
            raise ConfigError("seed: a claim takes its seeds from claim.seeds, 0 and up")
        arms = _arms(found, own, engine)
        refuse_undecidable(found)
    except UserError as error:
        raise type(error)(f"claim={name}: {error}") from error
    return Question(name, found, own, arms)


def _arms(found: Claim, own: list[str], engine: Composes) -> dict[str, Composed]:
    """Each arm's config; raises a UserError for one that cannot be trained, and for two that are the same."""
    arms: dict[str, Composed] = {}
    seen: dict[str, str] = {}
    for arm, overrides in {**found.arms, **found.causes}.items():
        try:
            arms[arm] = engine.compose([*found.base, *own, *overrides, "seed=0"])
            validate(arms[arm].config)
        except UserError as error:
            raise type(error)(f"arm {arm}: {error}") from error
        twin = seen.setdefault(_key(arms[arm].config), arm)
        if twin != arm:
            raise ConfigError(f"arms: {twin} and {arm} differ in nothing that is trained")
    return arms


def refuse_undecidable(found: Claim) -> None:
    """Raise a ConfigError for a rule that no outcome could support, or none refute."""
    looks = found.seeds.looks()
    for name, reading in found.readings().items():
        exact = _attainable(found.effects()[name]) if reading.outcome.kind == "share" else None
        why = can_be_both(looks[-1], found.error, looks, reading.margin, reading.kind, attainable=exact)
        if why:
            raise ConfigError(f"{name}: this rule is undecidable: {why}")


def _attainable(effect: Effect) -> Callable[[int, float], list[Interval]]:
    """The exact intervals that an effect of shares can have."""
    sides = effect.share()
    match sides:
        case (str(), str()):
            return proportion.paired_attainable
        case (str(), float(other)):
            return lambda n, level: [one.shifted(-other) for one in proportion.attainable(n, level)]
        case (float(other), str()):
            return lambda n, level: [
                Interval(other - one.high, other - one.low, level) for one in proportion.attainable(n, level)
            ]
    raise AssertionError(sides)


def _with_seed(composed: Composed, seed: int) -> Composed:
    config: DictConfig = composed.config.copy()
    config.seed = seed
    overrides = [text for text in composed.overrides if not text.startswith("seed=")]
    return Composed([*overrides, f"seed={seed}"], composed.preset, config)


def _key(config: DictConfig) -> str:
    """Equal for configs that train the same, whatever they are called."""
    plain: Any = OmegaConf.to_container(config, resolve=True)
    return json.dumps({**plain, "name": None}, sort_keys=True)
