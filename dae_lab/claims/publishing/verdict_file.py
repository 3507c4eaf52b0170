"""``verdict.json``: a verdict with all that it stands on."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from dae_lab.claims.bridges import BridgeResult
from dae_lab.claims.judge import Reading, Verdict
from dae_lab.claims.outcomes.kind import Tests
from dae_lab.claims.publishing import text
from dae_lab.claims.statistics.decision import Conclusion
from dae_lab.claims.statistics.interval import Interval
from dae_lab.tracking.jsonable import to_jsonable


def verdict_content(
    name: str,
    verdict: Verdict,
    tests: Mapping[str, Tests],
    facts: Mapping[str, str],
    bridge_results: Sequence[BridgeResult] = (),
) -> dict[str, Any]:
    """The verdict on the claim ``name`` as JSON takes it; what is not finite is null.

    Args:
        tests: by reading, its sensitivity tests. facts: of the runs, by name.
    """
    design = verdict.fixed_design
    content = {
        "claim": name,
        "id": verdict.claim.id,
        "statement": verdict.claim.statement,
        "verdict": verdict.conclusion.value,
        "first_sentence": text.first_sentence(verdict),
        "sentence": text.headline(verdict),
        "seeds": verdict.n,
        "seeds_fixed_design": design.seeds if design else None,
        "verdict_fixed_design": design.conclusion.value if design else None,
        "unconditional": verdict.unconditional.value if verdict.unconditional else None,
        "level": verdict.level,
        "error": verdict.claim.error,
        "error_divided_by": verdict.divisor,
        "rule": verdict.claim.rule_hash(),
        "history": verdict.history,
        "remarks": list(verdict.caveats),
        "broken": list(verdict.broken),
        "readings": [_reading(verdict, one, tests[one.name]) for one in verdict.readings],
        "bridges": [_bridge(one) for one in bridge_results],
        "facts": dict(facts),
    }
    return to_jsonable(content)


def _bridge(one: BridgeResult) -> dict[str, Any]:
    ends = [one.interval.low, one.interval.high]
    effects = {"long": one.long, "short": one.short, "mean": one.mean, "interval": ends}
    return {"name": one.name, **asdict(one.bridge), "values": dict(one.values), **effects}


def _reading(verdict: Verdict, one: Reading, tests: Tests) -> dict[str, Any]:
    return {
        "name": one.name,
        "definition": asdict(one.definition),
        "verdict": (Conclusion.invalid if verdict.broken else one.conclusion).value,
        "problem": one.problem,
        "error_divided_by": one.divisor,
        "chance_of_verdict": one.chance,
        "effect": one.effect,
        "interval": [one.interval.low, one.interval.high],
        "others": _tests(tests),
        "effects": one.measured.effects.tolist(),
        "arms": {
            arm: {"values": item.values.tolist(), "reached": item.reached.tolist()}
            for arm, item in one.arms.items()
        },
    }


def _tests(tests: Tests) -> dict[str, float | list[float]]:
    return {
        name: [value.low, value.high] if isinstance(value, Interval) else value
        for name, value in tests.items()
        if isinstance(value, Interval) or not math.isnan(value)
    }


def read_verdict(file: Path) -> dict[str, Any]:
    """A verdict as it was written; empty where there is none that can be read."""
    try:
        found = json.loads(file.read_text("utf-8"))
    except (FileNotFoundError, ValueError):
        found = None
    return found if isinstance(found, dict) else {}
