"""The command that pushes what a server did not take, as it is printed."""

import subprocess

from dae_lab.commands import format_override
from dae_lab.tracking.store import RunStore


def test_it_pushes_the_record_from_any_folder(compose, well, tmp_path, caplog):
    place = format_override("tracking.dir", str(tmp_path / "it's a store, größer"))
    store = RunStore(compose(place, f"tracking.uri={well.uri}", "tracking.patience=0").tracking)
    with store.open_run("a run", "f" * 64, {}) as record:
        well.kill()
        record.set_tag("late", "yes")
    command = caplog.text.partition("pushes the rest there, or: ")[2].splitlines()[0]
    well.start()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    subprocess.run(command, shell=True, cwd=elsewhere, check=True)
    assert well.client().get_run(record.run_id).data.tags["late"] == "yes"
    assert list(elsewhere.iterdir()) == []
