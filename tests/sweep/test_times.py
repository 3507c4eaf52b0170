"""How long runs will take."""

from dataclasses import replace

from processes import client

from dae_lab.config.fingerprint import workload
from dae_lab.sweep.show import format_total
from dae_lab.sweep.times import RunTimes, TimeEstimate
from dae_lab.tracking.store import RunStore


def with_epochs(config, epochs):
    return replace(config, training=replace(config.training, epochs=epochs))


def record_time(store, config, seconds):
    tags = {"workload": workload(config)}
    here = client(store.folder)
    run = here.create_run(store.experiment_id, tags=tags).info.run_id
    for name, value in {"time/run_s": seconds, "time/epoch_s": 3.0}.items():
        here.log_metric(run, name, value)
    here.log_param(run, "training.epochs", config.training.epochs)
    here.set_terminated(run, "FINISHED")


def test_runs_that_were_timed_are_believed_before_a_calibration(compose, tracking):
    timed, new = compose("data=digits"), compose("data=digits", "training.batch_size=7")
    store, asked = RunStore(tracking), []

    def calibrate(configs):
        asked.append(list(configs))
        return [2.0 for _ in configs]

    record_time(store, with_epochs(timed, 4), 14.0)
    times = RunTimes(calibrate)
    configs = [with_epochs(timed, 5), with_epochs(new, 5), with_epochs(new, 6)]
    assert times.estimate(configs, store) == [
        TimeEstimate(17.0),
        TimeEstimate(10.0, True),
        TimeEstimate(12.0, True),
    ]
    times.estimate(configs, store)
    assert [len(configs) for configs in asked] == [1]
    assert RunTimes(None).estimate(configs, store) == [TimeEstimate(17.0), None, None]
    assert RunTimes(lambda _: []).estimate(configs, store) == [TimeEstimate(17.0), None, None]


def test_where_a_time_comes_from_is_said():
    assert format_total([None, None]) == "no such run has been timed yet"
    assert format_total([TimeEstimate(60.0), TimeEstimate(3600.0)]) == "about 1:01:00"
    told = format_total([TimeEstimate(60.0), TimeEstimate(1.0, calibrated=True), None])
    assert "calibrated" in told
    assert "1 of unknown length" in told
