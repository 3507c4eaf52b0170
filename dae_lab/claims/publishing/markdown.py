"""The page of a claim as Markdown."""

import math
import re
from collections.abc import Mapping, Sequence

from dae_lab.claims.bridges import BridgeResult
from dae_lab.claims.judge import Reading, Verdict
from dae_lab.claims.measurement import ArmValues
from dae_lab.claims.outcomes.comparability import horizon
from dae_lab.claims.outcomes.kind import Tests
from dae_lab.claims.publishing import text as words
from dae_lab.claims.statistics import proportion
from dae_lab.claims.statistics.decision import Conclusion
from dae_lab.claims.statistics.interval import Interval
from dae_lab.formatting import level_percent, significant
from dae_lab.report.markdown import code, prose

METHOD = (
    "Student's t over the seeds' own differences, each pair of runs with the same seed, widened where Hall's "
    "correction for skewness is wider; of one arm's share Clopper and Pearson's, of the difference of two an "
    "exact one for pairs, of correlations Fisher's; each at the level that alpha spending leaves to this "
    "look (Lan & DeMets 1983; repeated intervals, Jennison & Turnbull 1989), beyond the planned maximum "
    "those of a t test's e-process."
)
"""How the intervals that decide are made."""


def page(
    found: Verdict,
    others: Mapping[str, Tests],
    facts: Mapping[str, str],
    figures: Mapping[str, str],
    collapsed: Mapping[str, int],
    bridge_results: Sequence[BridgeResult] = (),
) -> str:
    """The page of one claim.

    Args:
        others: by reading, its sensitivity tests. facts: of the runs, by name.
        figures: file → its caption. collapsed: by arm, how many runs did.
        bridge_results: single runs at the source's length.
    """
    claim = found.claim
    parts = [
        f"# {prose(claim.id)}: {prose(claim.statement)}",
        f"![{found.conclusion.value}](verdict.svg)",
        *([f"**{_bold(found.history)}.**"] if found.history else []),
        *filter(None, [prose(words.first_sentence(found))]),
        f"**{_bold(words.conclusion(found))}** ({words.meaning(found)})",
        f"*Source: {prose(claim.source)}*",
    ]
    if condition := words.condition(found):
        parts.append(prose(condition))
    parts += [f"**Mind: {_bold(caveat)}.**" for caveat in found.caveats]
    if claim.quotation:
        parts.append(f"> {prose(claim.quotation)}")
    if claim.confound:
        parts.append(f"What confounds it there: {prose(claim.confound)}.")
    parts += ["## What was asked", _readings_asked(found), _arms_asked(found)]
    if found.readings:
        parts += ["## What was found", _readings(found)]
        if decided := words.other_readings(found):
            parts.append(decided)
        parts.append(_protection(found))
        parts.append(_arms(found, collapsed))
        if bridge_results:
            parts += ["## At the source's length", _bridges(found, bridge_results)]
        if claim.causes:
            parts += ["## What changes it", _causes(found)]
        parts += [f"![{caption}]({file})\n\n*{caption}*" for file, caption in figures.items()]
        parts += ["## Other tests of the same numbers", _others(found, others)]
    if claim.history:
        parts += ["## How it was judged before", "\n".join(f"- {prose(one)}" for one in claim.history)]
    parts += ["## How it was found", _method(found, facts)]
    return "\n\n".join(parts) + "\n"


def _bold(text: str) -> str:
    """Text that stands between ``**``: an effect in it may multiply."""
    return prose(text).replace("*", r"\*")


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of Markdown, whatever letters are in it."""
    lines = [head, ["---"] * len(head), *([_in_a_cell(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _in_a_cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").replace("<", "&lt;").split())


def _readings_asked(found: Verdict) -> str:
    rows = [
        [
            f"{_title(name)}{'' if one.votes else ' (no vote)'}",
            found.claim.kinds[name].description(),
            f"`{words.rule(one)}`",
        ]
        for name, one in found.claim.readings.items()
    ]
    text = table(["reading", "what is measured", "the claim holds if"], rows)
    outcomes = [one.outcome for one in found.claim.readings.values()]
    if any(one.share is not None for one in outcomes):
        text += (
            "\n\nA drop is that from a curve's first value, at the epoch named (0, the untrained model, "
            "where none is), to its lowest, each run's own."
        )
    if any(one.share is not None and one.comparable is not None for one in outcomes):
        text += (
            " Arms are compared by it where their ends differ by at most the share that "
            "[rule.yaml](rule.yaml) gives as `comparable`; where that is null, by any."
        )
    if not all(one.votes for one in found.claim.readings.values()):
        text += (
            "\n\nReadings that do not vote answer another question, such as the source's own words. Their "
            "verdicts are shown and change nothing."
        )
    if any(one.target == "common" for one in outcomes):
        text += (
            "\n\nAn end value is the median of a curve's last tenth; the target of a seed is made of the "
            "arms that the effect compares, trained with that seed."
        )
    return f"{text}\n\n{words.guards(found.claim)}"


def _arms_asked(found: Verdict) -> str:
    claim = found.claim
    rows = [[arm, code(" ".join([*claim.base, *overrides]))] for arm, overrides in claim.short_arms.items()]
    return table(["arm", "config"], rows)


def _readings(found: Verdict) -> str:
    rows = [
        [
            _title(one.name),
            significant(one.effect),
            words.bounds(one.interval),
            f"{level_percent(one.interval.level)} %",
            words.reading_conclusion(found, one),
        ]
        for one in found.readings
    ]
    return table(["reading", "effect", "interval", "at the level", "verdict"], rows)


def _protection(found: Verdict) -> str:
    """How the readings' intervals allow for each other."""
    text = ""
    if len(found.readings) > 1:
        text = (
            "The reading that decides has the whole error rate; of the others Holm's correction keeps the "
            "rate at which any contradicts it by chance, so their intervals are wider. "
        )
    given = found.claim.definition
    if (
        found.decided
        and found.n < found.claim.seeds.maximum
        and found.claim.kinds["definition"].effects_per_seed
    ):
        if found.conclusion is Conclusion.equivalent or given.rule == "equivalence":
            text += "It stopped early, and studies that stop so are those whose effect happens to be small. "
        else:
            text += (
                "An effect found when a study stops early is too large on average: with looks from 5 to 20 "
                "seeds by some 5 % where it is one standard deviation, by some 40 % where it is half of one. "
            )
    if found.conclusion in (Conclusion.refuted, Conclusion.equivalent):
        text += (
            "Whether a claim that does not hold is called refuted or equivalent depends on how narrow the "
            "interval is, and so on when the study stopped."
        )
    return text.strip()


def _arms(found: Verdict, collapsed: Mapping[str, int]) -> str:
    """Each arm's outcome, by the reading that decides."""
    first = found.readings[0]
    kind = first.measured.kind
    arms = {arm: first.arms[arm] for arm in found.claim.arms}
    rows = []
    for arm, measured in arms.items():
        values = measured.values
        spread = float(values.std(ddof=1)) if len(values) > 1 else math.nan
        row = [
            arm,
            str(len(values)),
            *_mean(measured, first),
            significant(spread),
            _collapsed(found, collapsed, arm),
        ]
        rows.append([*row, str(int((~measured.reached).sum()))] if kind.censored else row)
    mean = f"mean ({kind.unit})" if kind.unit else "mean"
    head = ["arm", "seeds", mean, "95 % interval", "standard deviation", "collapsed"]
    head += ["not reached"] if kind.censored else []
    text = table(head, rows)
    end = horizon(arms.values())
    if kind.censored and end is not None:
        text += f"\n\nTimes count up to epoch {significant(end)}, where a run ended that had not reached it."
    return text


def _collapsed(found: Verdict, collapsed: Mapping[str, int], arm: str) -> str:
    """``1 of 10 [0.3 %, 45 %]``: rare failures are an outcome of their own, beside every mean."""
    n = len(found.readings[0].arms[arm].values)
    if not n:
        return "–"
    count = collapsed.get(arm, 0)
    ends = proportion.exact_interval(count, n, 0.95)
    return f"{count} of {n} [{ends.low:.0%}, {ends.high:.0%}]"


def _mean(measured: ArmValues, reading: Reading) -> tuple[str, str]:
    if not len(measured.values):
        return "–", "no run finished"
    mean = significant(float(measured.values.mean()))
    return mean, words.bounds(reading.measured.kind.arm_interval(measured))


def _bridges(found: Verdict, bridge_results: Sequence[BridgeResult]) -> str:
    """What single runs at the source's length say."""
    seed = found.claim.seeds.first
    lines = ["Single runs, which decide nothing; no interval is known for one seed.", ""]
    for one in bridge_results:
        values = ", ".join(
            f"{found.claim.label(arm)} {significant(value)}" for arm, value in one.values.items()
        )
        lines.append(f"- {prose(one.bridge.length)}, seed {seed}: {prose(values)}. {_conclusion(one)}")
    return "\n".join(lines)


def _conclusion(one: BridgeResult) -> str:
    """Whether direction and size of an effect hold at the source's length."""
    text = (
        f"`{one.bridge.effect}` is {significant(one.long)} there; here it is {significant(one.short)} with "
        f"that seed, and {significant(one.mean)} {words.bounds(one.interval)} over all seeds (95 %). "
    )
    if one.collapsed:
        return f"{text}The long run of {', '.join(one.collapsed)} collapsed, so nothing is compared."
    if one.holds is None:
        return f"{text}Here it has no clear direction."
    if not one.holds:
        return f"{text}The direction does not hold."
    if re.search(r"\d", one.bridge.effect):  # a ratio would depend on that number
        return f"{text}The direction holds."
    times = significant(one.long / one.mean)
    return f"{text}The direction holds; the effect is {times} times that of the mean here."


def _causes(found: Verdict) -> str:
    """The arms that decide nothing, by all readings."""
    rows = []
    for arm in found.claim.causes:
        cells = [" ".join(_mean(one.arms[arm], one)) for one in found.readings]
        rows.append([arm, str(len(found.readings[0].arms[arm].values)), *cells])
    measured = [one.measured.kind.description() for one in found.readings]
    text = (
        "Arms that decide nothing; each changes one thing, or says what the others are to be compared with. "
        "Their intervals are exploratory: each for itself, not adjusted for how many there are."
    )
    head = ["arm", "seeds", *(f"{one}, with its 95 % interval" for one in measured)]
    return f"{text}\n\n{table(head, rows)}"


def _others(found: Verdict, others: Mapping[str, Tests]) -> str:
    names = list(dict.fromkeys(name for tests in others.values() for name in tests))
    if not names:
        return "None."
    rows = [
        [_title(one.name), *(_cell(others[one.name].get(name)) for name in names)] for one in found.readings
    ]
    text = (
        "They decide nothing; intervals at the levels above. p: two-sided, that the effect is the margin (of "
        "an equivalence, and where either direction counts: 0), so it is small too where the effect is "
        "clearly below; log-rank and McNemar: that the two arms are alike; permutation: that the two metrics "
        "do not go together. Wilcoxon's is Pratt's variant, exact up to 20 seeds. P(effect > 0): on "
        "one seed, ties counted half; its interval is Clopper and Pearson's, ties as losses at its low end "
        "and as wins at its high one."
    )
    return f"{text}\n\n{table(['reading', *names], rows)}"


def _cell(value: float | Interval | None) -> str:
    if value is None:
        return "–"
    return words.bounds(value) if isinstance(value, Interval) else significant(value)


def _method(found: Verdict, facts: Mapping[str, str]) -> str:
    lines = [
        f"- {words.seeds(found)}.",
        f"- Intervals: {METHOD}",
        f"- {words.error(found)}.",
        *(f"- {key}: {prose(value)}" for key, value in facts.items()),
        "- Files: [rule.yaml](rule.yaml), [verdict.json](verdict.json), [runs.csv](runs.csv).",
    ]
    return "\n".join(lines)


def _title(name: str) -> str:
    return "**decides**" if name == "definition" else name.replace("_", " ")
