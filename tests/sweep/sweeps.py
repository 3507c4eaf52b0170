"""Sweeps made by hand, whose runs are real ones in a real store, with numbers that were not trained."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from dae_lab.sweep.job import Job, Outcome
from dae_lab.tracking.reader import RunReader
from dae_lab.tracking.store import RunStore

Made = tuple[list[Job], dict[int, Outcome], dict[int, RunReader]]


def job(number: int, arm: str, seed: int, **changes: object) -> Job:
    """A job of a sweep called ``abcdef01``; no two have the same fingerprint."""
    made = Job(
        number=number,
        of=number + 1,
        label=arm,
        arm=arm,
        preset="none",
        config={"seed": seed},
        fingerprint=f"{number:064x}",
        sweep="abcdef01",
        log=f"logs/{number}.log",
    )
    return replace(made, **changes)


def recorded(
    store: RunStore,
    values: Mapping[str, float],
    settings: Mapping[str, object] | None = None,
    curves: Mapping[str, Sequence[float]] | None = None,
    collapse: str = "none",
) -> RunReader:
    """A finished run. curves: metric → its values from epoch 1 on."""
    with store.open_run("a run", "f" * 64, {"collapse": collapse}, resume=False) as record:
        record.log_params(settings or {})
        record.log_metrics(values, step=0)
        for metric, points in (curves or {}).items():
            record.log_series([(metric, value, epoch) for epoch, value in enumerate(points, 1)])
    return store.read(record.run_id)


def with_noise(made: Made, sigmas: Sequence[float]) -> Made:
    """``made`` with jobs that add normal noise of these strengths, one an arm."""
    jobs, outcomes, runs = made
    strengths = dict(zip(dict.fromkeys(one.arm for one in jobs), sigmas, strict=True))
    noise = {"_target_": "dae_lab.noise.Gaussian", "clip": True, "resample": "epoch"}
    configs = [{**one.config, "noise": {**noise, "sigma": strengths[one.arm]}} for one in jobs]
    return [replace(one, config=config) for one, config in zip(jobs, configs, strict=True)], outcomes, runs


def swept(store: RunStore, arms: Mapping[str, Sequence[Mapping[str, float] | None]]) -> Made:
    """Jobs, outcomes and runs of arm → the metrics of each seed; None: that run failed."""
    asked = [(arm, seed, values) for arm, runs in arms.items() for seed, values in enumerate(runs)]
    jobs = [replace(job(number, arm, seed), of=len(asked)) for number, (arm, seed, _) in enumerate(asked)]
    outcomes, runs = {}, {}
    for number, (arm, seed, values) in enumerate(asked):
        if values is None:
            outcomes[number] = Outcome(
                "failed", reason="OSError: no space left", seconds=2.0, cpu_seconds=1.0
            )
            continue
        mse = values.get("test/mse", 0.1)
        curves = {"val/mse": [2 * mse, mse], "train/loss": [0.3, 0.2]}
        runs[number] = recorded(store, values, {"arm": arm, "seed": seed, "epochs": 2}, curves)
        outcomes[number] = Outcome("finished", runs[number].run_id, seconds=3.0, cpu_seconds=5.0)
    return jobs, outcomes, runs
