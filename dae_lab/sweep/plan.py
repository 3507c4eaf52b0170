"""Which runs a sweep consists of, fixed before the first begins; which of them there are already."""

import hashlib
import json
import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from dae_lab.config.fingerprint import kept
from dae_lab.config.overrides import arms, label
from dae_lab.config.run import Config
from dae_lab.config.validate import check_choices, validate
from dae_lab.data.images import Dataset
from dae_lab.environment import check_environment
from dae_lab.errors import ConfigError, TrackingError, UserError
from dae_lab.experiment import identity, loaded
from dae_lab.files import replace_text
from dae_lab.recording.names import metric_names, need_recorded
from dae_lab.sweep.compose import Composed
from dae_lab.sweep.job import Job
from dae_lab.tracking.reader import RunReader
from dae_lab.tracking.store import RunStore

log = logging.getLogger(__name__)

SINGLE_ACTIONS = {
    "replay": "trains one recorded run again",
    "sync": "pushes what waits and trains nothing",
    "relocate": "moves a store and trains nothing",
    "regenerate": "makes one page and trains nothing",
}
"""Keys by which a command does something else than a sweep, and what that is."""


@dataclass(frozen=True)
class Plan:
    """The runs of a sweep.

    name: eight hex digits, equal whenever the same runs are asked for.
    jobs: what is to be done. configs: of each job, checked.
    done: by a job's number, the run that had finished when the plan was made.
    cut: how many of the others were cut and go on from a checkpoint.
    """

    name: str
    jobs: tuple[Job, ...]
    configs: tuple[Config, ...]
    done: dict[int, RunReader]
    cut: int

    @property
    def open(self) -> list[Job]:
        """The jobs that are yet to be done."""
        return [job for job in self.jobs if job.number not in self.done]


def make_plan(
    composed: Sequence[Composed],
    first: int = 0,
    name: str = "",
    listed: bool = True,
    store: RunStore | None = None,
) -> tuple[Plan, RunStore]:
    """The plan of a sweep, and the store.

    Args:
        composed: the runs.
        first: the first one's number.
        name: the sweep's, where these runs are a later part of it.
        listed: list the runs in ``sweeps/<name>/plan.json`` of the store's folder.

        store: of the command; None: it is opened.

    Raises:
        UserError: a run that cannot be trained; says which.
    """
    check_environment()
    configs = [checked_config(item) for item in composed]
    identities = _identities(configs, composed, warn=first == 0)
    name = name or hashlib.sha256("".join(sorted(identities)).encode()).hexdigest()[:8]
    store = store or RunStore(configs[0].tracking)
    folder = store.folder / "sweeps" / name
    named = arms([item.overrides for item in composed], [config.name for config in configs])
    jobs = tuple(
        Job(
            number=first + place,
            of=first + len(composed),
            label=label(item.overrides),
            arm=named[place],
            preset=item.preset,
            config=asdict(config),
            fingerprint=identities[place],
            sweep=name,
            log=str(folder / "logs" / f"{first + place}.log"),
            measurement=asdict(item.measurement) if item.measurement else None,
            logging=item.logging,
            config_files=item.config_files,
        )
        for place, (item, config) in enumerate(zip(composed, configs, strict=True))
    )
    if listed:
        _keep(jobs, folder)
    afresh = configs[0].tracking.reuse == "never"
    done = {} if afresh else _done(jobs, configs, name, store)
    left = {job.fingerprint for job in jobs if job.number not in done}
    cut = left & store.recovery.find_resumable("sweep", name) if left and not afresh else set()
    return Plan(name, jobs, tuple(configs), done, len(cut)), store


def checked_config(item: Composed) -> Config:
    """The config of one run of several; an error says which run it is."""
    if item.checked:
        return item.checked
    try:
        return check(item)
    except UserError as error:
        raise type(error)(f"{' '.join(item.overrides)}: {error}") from error


def check(item: Composed) -> Config:
    """The config of one run of several.

    Raises:
        ConfigError: it makes no sense, or not with others beside it.
    """
    check_choices(item.overrides)
    config = validate(item.config)
    for key, effect in SINGLE_ACTIONS.items():
        if getattr(config, key):
            raise ConfigError(f"{key} {effect}: give it without plan=true, claims and several values")
    need_recorded("sweep.metric", config.sweep.metric, metric_names(config))
    return config


def _identities(configs: Sequence[Config], composed: Sequence[Composed], warn: bool) -> list[str]:
    """The fingerprints of all runs; data that several of them want are read once, and warned of once."""
    wanted = [json.dumps(asdict(config.data)) for config in configs]
    found = dict.fromkeys(range(len(configs)), "")
    dataset: Dataset | None = None
    last, given = "", set[str]()
    for place in sorted(found, key=wanted.__getitem__):  # by data: memory may hold no two
        try:
            if wanted[place] != last:
                dataset = None
                dataset, last = loaded(configs[place]), wanted[place]
                sentences = {f"{dataset.name}: {text}" for text in dataset.warnings} if warn else set()
                for sentence in sorted(sentences - given):
                    log.warning("%s", sentence)
                given |= sentences
            assert dataset is not None
            found[place] = identity(configs[place], dataset)
        except UserError as error:
            raise type(error)(f"{' '.join(composed[place].overrides)}: {error}") from error
    return list(found.values())


def _keep(jobs: Sequence[Job], folder: Path) -> None:
    file = folder / "plan.json"
    if file.is_dir():
        raise TrackingError(f"tracking.dir: {file} is a folder; move it away")
    before = _earlier(file) if jobs[0].number else []
    lines = map(json.dumps, [*before[: jobs[0].number], *map(vars, jobs)])
    replace_text(file, "[\n" + ",\n".join(lines) + "\n]\n")


def _earlier(file: Path) -> list[Any]:
    """The jobs that ``file`` lists; none where it is missing or damaged: nothing is computed from it."""
    if not file.is_file():
        return []
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        found = None
    if not isinstance(found, list):
        log.warning("%s is damaged: the earlier runs of the sweep are no longer listed in it", file)
        return []
    return found


def _done(jobs: Sequence[Job], configs: Sequence[Config], name: str, store: RunStore) -> dict[int, RunReader]:
    """The runs that have finished, by a job's number."""
    wanted = [(job.fingerprint, kept(config)) for job, config in zip(jobs, configs, strict=True)]
    found = store.find_all_finished(wanted, name)
    return {job.number: run for job, run in zip(jobs, found, strict=True) if run is not None}
