"""What one command does with a config: plan it, train it, replay a run, push records, and so on."""

import math
from dataclasses import replace
from pathlib import Path

from dae_lab.config.overrides import label
from dae_lab.config.run import ACTIONS, Config, Tracking
from dae_lab.errors import ConfigError, TrackingError
from dae_lab.experiment import run
from dae_lab.replay import print_replay, replay
from dae_lab.session import Session
from dae_lab.summary import print_summary
from dae_lab.sweep import plan, show
from dae_lab.sweep.compose import Composed
from dae_lab.sweep.precision import PrecisionDecision
from dae_lab.sweep.times import RunTimes
from dae_lab.tracking.relocate import relocate
from dae_lab.tracking.store_files import StoreFiles
from dae_lab.tracking.sync import push_spools
from dae_lab.training.calibration import calibrate
from dae_lab.training.precision import measure_networks

NOTEBOOK = "experiments"
"""The folder of the claims' pages."""


def act(composed: Composed, config: Config, session: Session) -> float:
    """Do what ``config`` asks for; gives the value of ``sweep.metric``, NaN where nothing was trained.

    Args:
        composed: the run, with the overrides of the command line.
        config: its checked config.
        session: this process's.

    Raises:
        UserError: it cannot be done.
    """
    asked = [key for key in ACTIONS if getattr(config, key)]
    if len(asked) > 1:
        raise ConfigError(f"{' and '.join(asked)} are given, but a command does one of them: leave one away")
    if config.sync:
        push_records(config.tracking)
    elif config.relocate:
        relocate_store(config.tracking)
    elif config.regenerate:
        regenerate_page(config.regenerate)
    elif config.plan:
        plan_run(composed)
    else:
        return train(composed, config, session)
    return math.nan


def plan_run(composed: Composed) -> None:
    """Say whether the run is there already, and how long it would take."""
    unchecked = replace(composed, checked=None)  # as a run of a sweep, of which more is asked
    found, store = plan.make_plan(PrecisionDecision(measure_networks).settle([unchecked]))
    show.print_plan(found, RunTimes(calibrate).estimate_plan(found, store))


def train(composed: Composed, config: Config, session: Session) -> float:
    """Train and judge the run, or that which is to be replayed; gives the value of ``sweep.metric``."""
    again = replay(config, composed.overrides, session) if config.replay else None
    if again:
        result = again.result
    else:
        title = f"{config.name} {label(composed.overrides)}".strip()
        result = run(
            config, title, composed.preset, config_files=composed.config_files, signals=session.signals
        )
    print_summary(result)
    if again:
        print_replay(again)
    return result.store.read(result.record.run_id).values.get(config.sweep.metric, math.nan)


def push_records(tracking: Tracking) -> None:
    """Push every record that waits for the server ``tracking.uri``, and say which.

    Raises:
        TrackingError: the server is away, or refuses one; or there are others, of other servers.
    """
    files, found = StoreFiles(tracking.dir), []
    for pushed in push_spools(files, tracking.uri):
        print(pushed.describe())
        found.append(pushed)
    if not found:
        print(f"nothing waits in {files.spools}")
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
    folder = StoreFiles(tracking.dir).folder
    done = relocate(folder)
    if done is None:
        print(f"nothing to relocate: the store in {folder} uses that folder")
        return
    print(f"relocated from {', '.join(map(str, done.old))} to {folder}: {done.places} places of artifacts")
    if done.fetched:
        print(f"copied from there: {done.fetched} folders of artifacts that were not in {folder}")
    print(f"the database as it was: {done.backup}")
