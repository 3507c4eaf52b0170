"""Train a recorded run again from its record alone, and say whether it gave the same numbers."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from dae_lab.config.run import COMMAND_LINE_KEYS, Config, parse_config
from dae_lab.config.sources import recorded_config
from dae_lab.errors import ConfigError, TrackingError, TrainingError, printable
from dae_lab.experiment import Result, run
from dae_lab.tracking.recorded import Recorded
from dae_lab.tracking.store import Store

KEPT = ("replay=", "trust=", "extensions=", "tracking.", "hydra")
"""Overrides that may stand beside ``replay=…``: they say where, not what."""

SHOWN = 5  # differences that are listed


@dataclass(frozen=True)
class Difference:
    """One value that is not what it was; NaN where it is there only once."""

    metric: str
    step: int
    before: float
    now: float


@dataclass(frozen=True)
class Replayed:
    """A run, trained again.

    original, result: the run as it was recorded, and as it came out now.
    values: how many values both recorded, times aside.
    differences: those that are not equal, bit for bit.
    causes: what else differs: code, packages, machine.
    """

    original: Recorded
    result: Result
    values: int
    differences: list[Difference]
    causes: list[str]


def replay(config: Config, overrides: Sequence[str]) -> Replayed:
    """Train the run ``config.replay`` again, as a new run of the store ``config.tracking``.

    Raises:
        UserError: there is no such run, it recorded no config, or other keys are given beside it.
    """
    others = [item for item in overrides if not item.startswith(KEPT)]
    if others:
        raise ConfigError(
            f"replay trains exactly what was recorded: leave {' '.join(others)} away, or train another run "
            f"without replay"
        )
    assert config.replay is not None
    store = Store(config.tracking)
    original = store.read(config.replay)
    if original.status != "FINISHED":
        raise ConfigError(
            f"replay: {original.run_id} is {original.status}; only what has finished can be compared"
        )
    again = _as_recorded(original, config)
    tags = {"replay_of": original.run_id}
    result = run(again, f"{again.name} replayed", original.tags.get("experiment", "none"), tags)
    now = store.read(result.record.run_id)
    values, differences = compare(original, now)
    return Replayed(original, result, values, differences, _causes(original, now))


def _as_recorded(original: Recorded, config: Config) -> Config:
    """The config that ``original`` was trained with, to be recorded where ``config`` says."""
    try:
        text = original.read("config.yaml")
    except Exception as error:  # whatever the store of artifacts raises
        raise TrackingError(f"replay: run {original.run_id} has no readable config.yaml") from error
    plain = recorded_config(text, f"replay: config.yaml of run {original.run_id}")
    here = {
        key: value
        for key, value in asdict(config).items()
        if key in (*COMMAND_LINE_KEYS, "sweep", "tracking")
    }
    here["tracking"]["reuse"] = "never"
    try:
        found: Config = parse_config({**plain, **here})
    except ConfigError as error:
        raise ConfigError(
            f"replay: run {original.run_id} was recorded by another version: {error}"
        ) from error
    return found


def compare(before: Recorded, now: Recorded) -> tuple[int, list[Difference]]:
    """How many values two runs recorded, and which of them differ; times do not count."""
    names = sorted(name for name in {*before.values, *now.values} if not name.startswith("time/"))
    count, found = 0, []
    for name in names:
        old, new = dict(before.curve(name)), dict(now.curve(name))
        for step in sorted({*old, *new}):
            was, came = old.get(step, math.nan), new.get(step, math.nan)
            count += 1
            if was != came and not (step in old and step in new and math.isnan(was) and math.isnan(came)):
                found.append(Difference(name, step, was, came))
    return count, found


def _causes(before: Recorded, now: Recorded) -> list[str]:
    """What may explain a difference."""
    found = []
    if before.tags.get("fingerprint") != now.tags.get("fingerprint"):
        found.append("the code, the packages or the settings that numbers depend on have changed since")
    if before.settings.get("training.deterministic") == "False":
        found.append("training.deterministic=false promises no equal numbers")
    if resumed := before.tags.get("resumed_on"):
        found.append(f"the run itself was resumed with other threads or on another machine: {resumed}")
    machine = {key for run in (before, now) for key in run.settings if key.startswith("machine/")}
    for key in sorted({*machine, "data/fingerprint"}):
        was, is_now = before.settings.get(key, "not set"), now.settings.get(key, "not set")
        if was != is_now:
            found.append(f"{key} was {was}, is {is_now}")
    return found


def show(found: Replayed) -> None:
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
        f"{item.metric} at step {item.step} was {item.before!r}, is {item.now!r}"
        for item in found.differences[:SHOWN]
    ]
    raise TrainingError(
        f"other numbers: {len(found.differences):,} of {found.values:,} values of {name} differ; "
        + "; ".join([*examples, *causes])
    )
