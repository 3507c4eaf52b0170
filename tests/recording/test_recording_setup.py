"""What a run's record says of the machine it was trained on."""

import pytest
from processes import client

from dae_lab.recording.setup import record_resumption
from dae_lab.tracking.store import RunStore


@pytest.fixture
def record(tracking):
    with RunStore(tracking).open_run("run", "f" * 64, {}) as record:
        record.log_params({"machine/threads": "1", "machine/cpu": "A, 2 cores"})
        yield record


def test_a_run_that_goes_on_as_it_began_has_nothing_to_say(record):
    record_resumption(record, {"machine/threads": "1", "machine/cpu": "A, 2 cores", "model/all": "9"}, 3)
    assert "resumed_on" not in record.tags


def test_every_change_of_threads_or_processor_is_recorded(record, caplog):
    record_resumption(record, {"machine/threads": "2", "machine/cpu": "A, 2 cores"}, 3)
    assert record.params["machine/threads"] == "1"
    assert record.params["machine/threads/after_epoch_3"] == "2"
    record_resumption(record, {"machine/threads": "1", "machine/cpu": "A, 2 cores"}, 5)
    kept = client(record.checkpoints.parents[1]).get_run(record.run_id).data
    first = "after epoch 3: machine/threads 2 (began with 1)"
    assert kept.tags["resumed_on"] == f"{first}; after epoch 5: as it began"
    assert kept.params["machine/threads/after_epoch_3"] == "2"
    assert first in caplog.text
