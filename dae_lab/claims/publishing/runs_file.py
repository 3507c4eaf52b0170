"""``runs.csv``: what a claim's page is made of, so that it can be made again without a store."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dae_lab.claims.claim import Claim
from dae_lab.claims.judge import Reading
from dae_lab.claims.measurement import Runs
from dae_lab.errors import UserError

CURVE = "val/mse"
"""The curve that guards and the page's figure need, whatever the outcome is."""

SETTINGS = ("data._target_", "data.train", "training.epochs", "training.batch_size", "machine/cpu")
"""Params that the page speaks of."""

TAGS = ("fingerprint", "collapse", "mlflow.source.git.commit")
"""Tags that the page speaks of."""


LONGEST_CELL = 2**26
"""Letters of a cell: a curve of a million epochs."""

LATEST = 253_402_300_799_000
"""The end of the year 9999, in milliseconds since 1970."""


@dataclass(frozen=True)
class ArchivedRun:
    """One run as ``runs.csv`` keeps it, see ``ClaimRun``."""

    run_id: str
    started: int
    tags: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, float] = field(default_factory=dict)
    curves: Mapping[str, Sequence[tuple[int, float]]] = field(default_factory=dict)

    def curve(self, metric: str) -> Sequence[tuple[int, float]]:
        """All of ``metric``: (step, value), by step."""
        return self.curves.get(metric, [])


def write_runs(claim: Claim, readings: Iterable[Reading], runs: Runs) -> str:
    """The runs as CSV: arm, seed, each reading's value, then what these are computed from.

    Columns ``tag:…``, ``setting:…`` and ``value:…`` hold one value, ``curve:…`` all steps, see ``_curve``.
    """
    readings = list(readings)
    tags, values, curves = _needed(claim)
    file = io.StringIO()
    rows = csv.writer(file, lineterminator="\n")
    head = ["arm", "seed", *(f"reading:{one.name}" for one in readings), "run_id", "began"]
    head += [f"tag:{name}" for name in tags] + [f"setting:{name}" for name in SETTINGS]
    head += [f"value:{name}" for name in values] + [f"curve:{name}" for name in curves]
    rows.writerow(head)
    for arm, of in runs.items():
        for place, (seed, run) in enumerate(sorted(of.items())):
            row: list[Any] = [arm, seed, *(_value_of(one, arm, place) for one in readings)]
            row += [run.run_id, run.started, *(run.tags.get(name, "") for name in tags)]
            row += [run.params.get(name, "") for name in SETTINGS]
            row += [repr(float(run.values[name])) if name in run.values else "" for name in values]
            row += [_curve(run.curve(name), at) for name, at in curves.items()]
            rows.writerow(row)
    return file.getvalue()


def _value_of(reading: Reading, arm: str, place: int) -> float | str:
    """What a run was judged by; empty for a run at the source's length, which is not judged."""
    return reading.arms[arm].values[place] if arm in reading.arms else ""


def read_runs(text: str) -> dict[str, dict[int, ArchivedRun]]:
    """The runs by arm and seed, from what ``write_runs`` wrote.

    Raises:
        UserError: it is something else.
    """
    found: dict[str, dict[int, ArchivedRun]] = {}
    csv.field_size_limit(LONGEST_CELL)
    try:
        for row in csv.DictReader(io.StringIO(text), strict=True):
            run = ArchivedRun(
                row["run_id"],
                min(max(int(row["began"]), 0), LATEST),
                tags=_columns(row, "tag:"),
                params=_columns(row, "setting:"),
                values={name: float(value) for name, value in _columns(row, "value:").items()},
                curves={name: _read_curve(value) for name, value in _columns(row, "curve:").items()},
            )
            found.setdefault(row["arm"], {})[int(row["seed"])] = run
    except (KeyError, ValueError, TypeError, csv.Error) as error:
        raise UserError(f"runs.csv is damaged, or of another version: {error!r}") from error
    return found


def _needed(claim: Claim) -> tuple[list[str], list[str], dict[str, int | None]]:
    """Names of tags, of values, and of curves with the only step that is wanted (None: all)."""
    tags, values = [*TAGS], ["time/cpu_s"]
    curves: dict[str, int | None] = {CURVE: None}
    for kind in claim.kinds.values():
        tags += kind.tags()
        values += kind.metrics()
        for name, at in kind.curves().items():
            curves[name] = at if curves.get(name, at) == at else None
    return list(dict.fromkeys(tags)), list(dict.fromkeys(values)), curves


def _columns(row: Mapping[str, str], prefix: str) -> dict[str, str]:
    return {
        name.removeprefix(prefix): value for name, value in row.items() if name.startswith(prefix) and value
    }


def _curve(points: Sequence[tuple[int, float]], at: int | None) -> str:
    """``0: 0.2 0.1; 5: 0.05``: stretches of consecutive steps, each after its first one."""
    stretches: list[tuple[int, list[str]]] = []
    for step, value in points:
        if at is not None and step != at:
            continue
        if not stretches or step != stretches[-1][0] + len(stretches[-1][1]):
            stretches.append((step, []))
        stretches[-1][1].append(repr(float(value)))
    return "; ".join(f"{first}: {' '.join(values)}" for first, values in stretches)


def _read_curve(text: str) -> list[tuple[int, float]]:
    found = []
    for stretch in text.split("; "):
        first, _, values = stretch.partition(": ")
        found += [(int(first) + place, float(value)) for place, value in enumerate(values.split(" "))]
    return found
