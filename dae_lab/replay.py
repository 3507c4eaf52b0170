"""Train a recorded run again from its record alone, and compare the numbers."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from dae_lab.config.run import COMMAND_LINE_KEYS, Config, parse_config
from dae_lab.config.sources import recorded_config
from dae_lab.errors import ConfigError, TrackingError, TrainingError, printable
from dae_lab.experiment import Result, run
from dae_lab.session import Session
from dae_lab.tracking.reader import RunReader
from dae_lab.tracking.store import RunStore

ALLOWED = ("replay=", "trust=", "extensions=", "tracking.", "hydra")
"""How overrides begin that may be given with ``replay=…``: they say where, not what."""

MAX_LISTED = 5
"""Differences that are listed at most."""


@dataclass(frozen=True)
class Difference:
    """One value that has changed; NaN where it was recorded only once."""

    metric: str
    step: int
    before: float
    after: float


@dataclass(frozen=True)
class Replay:
    """A run, trained again.

    Attributes:
        original: the run as it was recorded.
        result: the run as it came out now.
        values: how many values were compared; times are not.
        differences: those that are not equal, bit for bit.
        causes: what may explain them: code, packages, machine.
    """

    original: RunReader
    result: Result
    values: int
    differences: list[Difference]
    causes: list[str]


def replay(config: Config, overrides: Sequence[str], session: Session) -> Replay:
    """Train the run ``config.replay`` again, as a new run of the store ``config.tracking``.

    Raises:
        UserError: there is no such run, it has recorded no config, or other overrides are given.
    """
    others = [item for item in overrides if not item.startswith(ALLOWED)]
    if others:
        raise ConfigError(
            f"replay trains exactly what was recorded: leave {' '.join(others)} away, or train another run "
            f"without replay"
        )
    assert config.replay is not None
    store = RunStore(config.tracking)
    original = store.read(config.replay)
    if original.status != "FINISHED":
        raise ConfigError(
            f"replay: {original.run_id} is {original.status}; only what has finished can be compared"
        )
    recorded = _load_config(original, config)
    preset, tags = original.tags.get("experiment", "none"), {"replay_of": original.run_id}
    title = f"{recorded.name} replayed"
    result = run(recorded, title, preset, tags, store=store, signals=session.signals)
    again = store.read(result.record.run_id)
    values, differences = compare_runs(original, again)
    return Replay(original, result, values, differences, _find_causes(original, again))


def _load_config(original: RunReader, config: Config) -> Config:
    """Return the config that ``original`` was trained with, to be recorded where ``config`` says."""
    try:
        text = original.read_artifact("config.yaml")
    except Exception as error:  # whatever the store of artifacts raises
        raise TrackingError(f"replay: run {original.run_id} has no readable config.yaml") from error
    plain = recorded_config(text, f"replay: config.yaml of run {original.run_id}")
    present = {
        key: value
        for key, value in asdict(config).items()
        if key in (*COMMAND_LINE_KEYS, "sweep", "tracking")
    }
    present["tracking"]["reuse"] = "never"
    try:
        recorded = parse_config({**plain, **present})
    except ConfigError as error:
        raise ConfigError(
            f"replay: run {original.run_id} was recorded by another version: {error}"
        ) from error
    return recorded


def compare_runs(before: RunReader, after: RunReader) -> tuple[int, list[Difference]]:
    """Return how many values two runs have recorded, times aside, and which of them differ."""
    names = sorted(name for name in {*before.values, *after.values} if not name.startswith("time/"))
    count, differences = 0, []
    for name in names:
        old, new = dict(before.curve(name)), dict(after.curve(name))
        for step in sorted({*old, *new}):
            count += 1
            values = old.get(step, math.nan), new.get(step, math.nan)
            both_nan = step in old and step in new and all(map(math.isnan, values))
            if values[0] != values[1] and not both_nan:
                differences.append(Difference(name, step, *values))
    return count, differences


def _find_causes(before: RunReader, after: RunReader) -> list[str]:
    """Return what may explain a difference."""
    causes = []
    if before.tags.get("fingerprint") != after.tags.get("fingerprint"):
        causes.append("the code, the packages or the settings that numbers depend on have changed since")
    if before.params.get("training.deterministic") == "False":
        causes.append("training.deterministic=false promises no equal numbers")
    if resumed := before.tags.get("resumed_on"):
        causes.append(f"the run itself was resumed with other threads or on another machine: {resumed}")
    machine = {key for run in (before, after) for key in run.params if key.startswith("machine/")}
    for key in sorted({*machine, "data/fingerprint"}):
        old, new = before.params.get(key, "not set"), after.params.get(key, "not set")
        if old != new:
            causes.append(f"{key} was {old}, is {new}")
    return causes


def print_replay(found: Replay) -> None:
    """Print that the numbers are the same.

    Raises:
        TrainingError: they are not; says which, and what may explain it.
    """
    name = f"{printable(found.original.name)} ({found.original.run_id})"
    if not found.differences:
        print(f"\nSame numbers: all {found.values:,} values of {name} came out again, bit for bit.")
        return
    causes = found.causes or ["nothing else differs between the two: the numbers should be the same"]
    examples = [
        f"{item.metric} at step {item.step} was {item.before!r}, is {item.after!r}"
        for item in found.differences[:MAX_LISTED]
    ]
    raise TrainingError(
        f"other numbers: {len(found.differences):,} of {found.values:,} values of {name} differ; "
        + "; ".join([*examples, *causes])
    )
