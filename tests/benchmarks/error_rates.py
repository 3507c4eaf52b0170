"""How often claims are judged wrongly: studies simulated through the judging that decides real ones.

    python tests/benchmarks/error_rates.py 20000

prints the table of experiments/error_rates; the Monte Carlo error of a share p of N studies is
√(p (1 − p) / N).
"""

import math
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from unittest import mock

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "claims"))

from claims import OUTCOME, plain, seeds

from dae_lab.claims.claim import Claim, load_claim
from dae_lab.claims.evidence import Evidence, measurement
from dae_lab.claims.judge import Verdict, is_decided, judge
from dae_lab.claims.measurement import ArmValues, Problem
from dae_lab.claims.outcomes.comparability import targets_not_reached
from dae_lab.claims.statistics import paired, proportion
from dae_lab.claims.statistics.decision import Conclusion
from dae_lab.claims.statistics.family import holm

Draw = Callable[[np.random.Generator, int], np.ndarray]
"""(generator, n) → the effects of n seeds by each reading, (readings, n)."""


def stated(margin: float = 0.0, rule: str = "difference", others: int = 0, **more: object) -> Claim:
    """A claim whose readings are arms ``a0``, ``a1``, …, the first of which decides."""
    known = {"minimum": 5, "maximum": 20, "batch": 5, "support": 10, "futility": 0.05, **more}
    arms = {f"a{place}": [f"name=a{place}"] for place in range(others + 1)}
    definition = {"outcome": OUTCOME, "effect": "a0", "rule": rule, "margin": margin, "votes": True}
    readings = {f"other{place}": {"effect": f"a{place}"} for place in range(1, others + 1)}
    return load_claim(plain(arms=arms, definition=definition, alternatives=readings, seeds=seeds(**known)))


def evidence_of(known: Claim, effects: np.ndarray, n: int, problems: Sequence[Problem] = ()) -> Evidence:
    """What the first ``n`` seeds say, of effects (readings, seeds)."""
    values = {f"a{place}": row[:n] for place, row in enumerate(effects)}
    measured = {arm: ArmValues(row, np.ones(n, bool), row) for arm, row in values.items()}
    given = dict.fromkeys(known.readings, ()) | {"definition": tuple(problems)}
    return Evidence(
        n,
        {
            name: measurement(known, name, n, measured, np.atleast_1d(effect(values)), given[name])
            for name, effect in known.effects.items()
        },
    )


def study(known: Claim, effects: np.ndarray) -> Verdict:
    """The judgement at which a study of one claim ends."""
    for n in known.seeds.looks():
        found = judge(known, evidence_of(known, effects, n))
        if found.settled:
            break
    return found


@dataclass(frozen=True)
class Rates:
    """Shares of studies by verdict, the seeds they took on average, and the mean of decided effects."""

    verdicts: Mapping[str, float]
    seeds: float
    effect: float

    def text(self) -> str:
        """``supported 2.4 %, refuted 2.3 %; 19.8 seeds``."""
        said = [f"{name} {100 * share:.1f} %" for name, share in sorted(self.verdicts.items()) if share]
        return f"{', '.join(said)}; {self.seeds:.1f} seeds"


def rates(found: Sequence[Verdict]) -> Rates:
    """What came of all studies."""
    counts = Counter(one.conclusion.value for one in found)
    decided = [one.readings[0].effect for one in found if one.decided and one.readings]
    return Rates(
        {name: count / len(found) for name, count in counts.items()},
        float(np.mean([one.n for one in found])),
        float(np.mean(decided)) if decided else math.nan,
    )


def simulate(known: Claim, draw: Draw, studies: int, name: str) -> Rates:
    """So many studies of one claim."""
    rng = np.random.default_rng([*name.encode()])
    return rates([study(known, draw(rng, known.seeds.last)) for _ in range(studies)])


def as_before(known: Claim, draw: Draw, studies: int, name: str) -> Rates:
    """The same by Student's interval alone, supported from the first look on, without futility."""
    few = replace(known, seeds=replace(known.seeds, support=known.seeds.minimum, futility=0.0))

    def student(differences: np.ndarray, error: float, grain: float = 0.0) -> tuple[float, float]:
        found = paired.student_interval(differences, 1 - error)
        return found.low, found.high

    with mock.patch.object(paired, "mean_ends", student):
        return simulate(few, draw, studies, name)


SHAPES: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {
    "normal": lambda rng, n: rng.normal(size=n),
    "uniform": lambda rng, n: rng.uniform(-1, 1, n) * math.sqrt(3),
    "Student's t of 3 degrees": lambda rng, n: rng.standard_t(3, n) / math.sqrt(3),
    "both arms lognormal": lambda rng, n: rng.lognormal(size=n) - rng.lognormal(size=n),
    "one arm exponential": lambda rng, n: rng.exponential(size=n) - 1,
    "one arm lognormal": lambda rng, n: rng.lognormal(size=n) - math.exp(0.5),
    "5 % of the runs fail by 10 sd": lambda rng, n: rng.normal(size=n) + 10 * ((rng.random(n) < 0.05) - 0.05),
    "12 % of the runs fail by 10 sd": lambda rng, n: (
        rng.normal(size=n) + 10 * ((rng.random(n) < 0.12) - 0.12)
    ),
}
"""Effects of mean 0."""


def shape(name: str, sign: int, mean: float, rng: np.random.Generator, n: int) -> np.ndarray:
    return mean + sign * SHAPES[name](rng, n)[None]


def skewness_rows(studies: int) -> list[list[str]]:
    """No effect, and effects of other shapes than normal, before and after."""
    jobs = [(name, sign) for name in SHAPES for sign in ((1,) if is_symmetric(name) else (1, -1))]
    rows = []
    for name, sign in jobs:
        title = f"{name}{'' if is_symmetric(name) else ', tail up' if sign > 0 else ', tail down'}"
        draw = partial(shape, name, sign, 0.0)
        before, after = (of(stated(), draw, studies, title) for of in (as_before, simulate))
        rows.append([f"no effect: {title}", before.text(), after.text()])
    for name, sign in (("normal", 1), ("one arm exponential", 1), ("one arm exponential", -1)):
        draw = partial(shape, name, sign, 1.0)
        known = stated(margin=1.0, rule="equivalence")
        title = f"equivalence, effect at its margin of 1 sd: {name}, {'tail up' if sign > 0 else 'tail down'}"
        before, after = (of(known, draw, studies, title) for of in (as_before, simulate))
        rows.append([title, before.text(), after.text()])
    return rows


def is_symmetric(name: str) -> bool:
    return not name.startswith(("one arm", "5 %", "12 %"))


def power_rows(studies: int) -> list[list[str]]:
    """Power, the seeds it takes, and by how much an effect that stopped a study early is too large."""
    rows = []
    for effect in (0.0, 0.5, 1.0, 2.0):
        draw = partial(shape, "normal", 1, effect)
        title = f"normal, effect of {effect:g} sd"
        whole, stopped = stated(futility=0.0), stated()
        before, after = (simulate(known, draw, studies, title) for known in (whole, stopped))
        bias = f"; mean of decided effects {after.effect:.2f}" if effect else ""
        rows.append([f"{title}, without and with futility", before.text(), after.text() + bias])
    return rows


def secondary(effects: Sequence[float], rng: np.random.Generator, n: int) -> np.ndarray:
    """Normal readings of these means, independent of each other."""
    return np.array(effects)[:, None] + rng.normal(size=(len(effects), n))


def reading_rows(studies: int) -> list[list[str]]:
    """Several readings: contradiction by chance, and one that contradicts in truth."""
    null = [10.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    found = simulate(stated(others=5), partial(secondary, null), studies, "null secondary readings")
    rows = [
        [
            "effect of 10 sd, five other readings without one",
            "8 % definition-dependent (reported)",
            found.text(),
        ]
    ]
    found = simulate(stated(others=1), partial(secondary, [10.0, -1.5]), studies, "one contradicts")
    rows.append(["effect of 10 sd, another reading of −1.5 sd", "60 % supported (reported)", found.text()])
    return rows


def family_rows(studies: int) -> list[list[str]]:
    """Families of thirteen claims under Holm's correction, with and without true effects."""
    rows = []
    for true, shared in ((0, 0.0), (0, 0.5), (6, 0.0), (6, 0.5)):
        rng, wrong, found = np.random.default_rng(true), 0, 0
        for _ in range(studies):
            verdicts = family(true, shared, rng)
            wrong += any(verdict is not Conclusion.inconclusive for verdict in verdicts[true:])
            found += sum(verdict is Conclusion.supported for verdict in verdicts[:true])
        title = f"13 claims, {true} with an effect of 2 sd, correlation {shared:g}"
        power = f", {100 * found / (true * studies):.1f} % of the true ones supported" if true else ""
        rows.append([title, "–", f"any wrong verdict, either side, {100 * wrong / studies:.1f} %{power}"])
    return rows


def family(true: int, shared: float, rng: np.random.Generator) -> list[Conclusion]:
    """The verdicts of thirteen claims that are judged together, ``true`` of which have an effect."""
    known = stated(futility=0.0)
    common = rng.normal(size=20)
    own = rng.normal(size=(13, 20))
    effects = math.sqrt(shared) * common + math.sqrt(1 - shared) * own + 2.0 * (np.arange(13) < true)[:, None]
    latest: dict[str, Evidence] = {}
    settled: dict[str, Verdict] = {}
    for n in known.seeds.looks():
        for place in range(13):
            if (name := f"c{place}") not in settled:
                latest[name] = evidence_of(known, effects[place : place + 1], n)
        divisors = holm({name: partial(is_decided, known, one) for name, one in latest.items()})
        judged = {name: judge(known, one, divisors[name]) for name, one in latest.items()}
        settled |= {name: one for name, one in judged.items() if one.settled}
    return [judged[f"c{place}"].conclusion for place in range(13)]


def asking_rows(studies: int) -> list[list[str]]:
    """No effect: a larger maximum after an inconclusive study, and a planned continuation instead."""
    rng, again = np.random.default_rng(8), []
    first, second = stated(futility=0.0), stated(maximum=40, futility=0.0)
    for _ in range(studies):
        effects = rng.normal(size=(1, 40))
        found = study(first, effects)
        again.append(found if found.decided else study(second, effects))
    planned = stated(beyond="e-process", limit=100, futility=0.0)
    after = simulate(planned, partial(shape, "normal", 1, 0.0), studies, "beyond")
    return [
        [
            "no effect: asked again, with 40 seeds; planned so, to 100 seeds",
            rates(again).text(),
            after.text(),
        ]
    ]


def guard_rows(studies: int) -> list[list[str]]:
    """Guards on rates, and what a guard against collapse hides."""
    rng = np.random.default_rng(5)
    known, found, hidden = stated(), [], []
    for _ in range(studies):
        effects, reached = 3 + rng.normal(size=(1, 20)), rng.random(20) < 0.7
        for n in known.seeds.looks():
            one = judge(known, evidence_of(known, effects, n, [*_rate(reached[:n], n == 20)]))
            if one.settled:
                break
        found.append(one)
        collapsed = rng.random(20) < 0.2
        effects = np.where(collapsed, -20.0, 1 + 0.5 * rng.normal(size=20))[None]
        for n in known.seeds.looks():
            problems = [Problem("collapsed", collapse=True)] if collapsed[:n].any() else []
            one = judge(known, evidence_of(known, effects, n, problems))
            if one.settled:
                break
        hidden.append(one)
    beside = Counter(one.unconditional.value for one in hidden if one.unconditional)
    said = ", ".join(f"{name} {100 * count / studies:.1f} %" for name, count in sorted(beside.items()))
    return [
        ["effect of 3 sd; 70 % of runs reach, 50 % must", "34 % invalid (reported)", rates(found).text()],
        [
            "better on 80 % of seeds, collapsed on 20 %: worse on average",
            "11 % supported, none refuted (reported)",
            f"{rates(hidden).text()}; beside it, with collapsed runs counted: {said}",
        ],
    ]


def _rate(reached: np.ndarray, last: bool) -> list[Problem]:
    measured = ArmValues(np.ones(len(reached)), reached, np.ones(len(reached)))
    return list(targets_not_reached({"a0": measured}, 0.5, 0.95, last))


def of_proportions(studies: int) -> list[list[str]]:
    """Five runs without a collapse allow for so many."""
    most = proportion.exact_interval(0, 5, 0.95).high
    return [["runs of which none of 5 collapsed: largest share that may", "–", f"{100 * most:.0f} %"]]


def main() -> None:
    studies = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    parts = [
        (skewness_rows, studies),
        (power_rows, studies),
        (reading_rows, studies),
        (family_rows, studies // 5),
        (asking_rows, studies),
        (guard_rows, studies),
        (of_proportions, studies),
    ]
    with ProcessPoolExecutor(2) as pool:
        found = [pool.submit(make, count) for make, count in parts]
        rows = [row for one in found for row in one.result()]
    error = 100 * math.sqrt(0.025 * 0.975 / studies)
    print(f"{studies:,} studies a setting (of families {studies // 5:,}); 2.5 % is known to ±{error:.2f}.\n")
    print("| setting | before | now |\n|---|---|---|")
    print("\n".join(f"| {' | '.join(row)} |" for row in rows))


if __name__ == "__main__":
    main()
