"""What one command does with a config: plan it, train it, replay a run, push records, and so on."""

import math
from collections.abc import Sequence
from pathlib import Path

from omegaconf import DictConfig

from dae_lab import summary
from dae_lab.config.overrides import label
from dae_lab.config.run import ACTIONS, Config, Tracking
from dae_lab.errors import ConfigError, TrackingError
from dae_lab.experiment import run
from dae_lab.provenance import config_text
from dae_lab.replay import replay
from dae_lab.replay import show as show_replayed
from dae_lab.sweep import plan, show
from dae_lab.sweep.precision import PrecisionDecision
from dae_lab.sweep.times import RunTimes
from dae_lab.tracking.relocate import relocate
from dae_lab.tracking.sync import sync
from dae_lab.training.calibration import calibrate
from dae_lab.training.precision import measure_networks

NOTEBOOK = "experiments"
"""The folder of the claims' pages."""


def act(
    config: Config, cfg: DictConfig, overrides: list[str], preset: str, config_files: Sequence[Path] = ()
) -> float:
    """Do what ``config`` asks for; gives the value of ``sweep.metric``, NaN where nothing was trained.

    Args:
        config: what is to be done.
        cfg: the same as Hydra composed it.
        overrides: the command line's.
        preset: the option of the group ``experiment``, or ``none``.
        config_files: those that the config was made of and that are not of the package.

    Raises:
        UserError: it cannot be done.
    """
    asked = [key for key in ACTIONS if getattr(config, key)]
    if len(asked) > 1:
        raise ConfigError(f"{' and '.join(asked)} are given, but a command does one of them: leave one away")
    if config.sync:
        push_records(config.tracking)
        return math.nan
    if config.relocate:
        relocate_store(config.tracking)
        return math.nan
    if config.regenerate:
        regenerate_page(config.regenerate)
        return math.nan
    if config.plan:
        composed = PrecisionDecision(measure_networks).settle([plan.Composed(overrides, preset, cfg)])
        found, store = plan.make(composed)
        show.plan(found, RunTimes(calibrate).of(found, store))
        return math.nan
    again = replay(config, overrides) if config.replay else None
    if again:
        result = again.result
    else:
        title = f"{config.name} {label(overrides)}".strip()
        result = run(config, title, preset, config_files=config_text(config_files))
    summary.show(result)
    if again:
        show_replayed(again)
    return result.store.read(result.record.run_id).values.get(config.sweep.metric, math.nan)


def push_records(tracking: Tracking) -> None:
    """Push every record that waits for the server ``tracking.uri``, and say which.

    Raises:
        TrackingError: the server is away, or refuses one; or there are others, of other servers.
    """
    folder = Path(tracking.dir).expanduser().absolute()
    found = []
    for pushed in sync(folder, tracking.uri):
        print(pushed.sentence())
        found.append(pushed)
    if not found:
        print(f"nothing waits in {folder / 'spool'}")
    refused = sum(pushed.refused for pushed in found)
    if refused:
        raise TrackingError(f"sync: {refused} of {len(found)} records could not be pushed whole")
    elsewhere = sum(pushed.elsewhere for pushed in found)
    if elsewhere:
        raise TrackingError(
            f"sync: {elsewhere} of {len(found)} records wait for a server that neither the command nor the "
            f"config names; each is listed with the command that pushes it"
        )


def regenerate_page(name: str) -> None:
    """Make the page of the claim ``name`` of ``experiments`` again, and say its verdict.

    Raises:
        UserError: there is no such page, or its files are damaged.
    """
    from dae_lab.claims.publishing.terminal import show_verdict
    from dae_lab.claims.regenerate import regenerate  # here, as no run needs it

    page, found = regenerate(Path(NOTEBOOK), name)
    show_verdict(name, found)
    print(f"  notebook: {page}")


def relocate_store(tracking: Tracking) -> None:
    """Have a store that was moved or copied use its folder, and say what was changed.

    Raises:
        TrackingError: there is no store, it is in use, or it cannot be changed.
    """
    folder = Path(tracking.dir).expanduser().absolute()
    done = relocate(folder)
    if done is None:
        print(f"nothing to relocate: the store in {folder} uses that folder")
        return
    print(f"relocated from {', '.join(map(str, done.old))} to {folder}: {done.places} places of artifacts")
    if done.fetched:
        print(f"copied from there: {done.fetched} folders of artifacts that were not in {folder}")
    print(f"the database as it was: {done.backup}")
