"""The list of a sweep's runs in its folder."""

import json
import os

import pytest
from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from processes import prepare

from dae_lab.errors import TrackingError
from dae_lab.paths import conf_folder
from dae_lab.sweep.compose import Composed
from dae_lab.sweep.plan import make_plan


def make_later_part(store):
    """Add run 1 to the sweep ``abcdef01``."""
    overrides = ["data=digits", f"tracking.dir={store}"]
    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        config = hydra_compose("config", overrides=overrides)
    make_plan([Composed(overrides, "none", config)], first=1, name="abcdef01")


@pytest.mark.parametrize("content", [b"", b'[\n{"numb', b"\xff\x00", b"7", "FIFO", "link"])
def test_a_damaged_plan_is_written_anew(tmp_path, content):
    file = prepare(tmp_path) / "sweeps" / "abcdef01" / "plan.json"
    file.parent.mkdir(parents=True)
    if content == "FIFO":
        os.mkfifo(file)
    elif content == "link":
        file.symlink_to(tmp_path / "nowhere")
    else:
        file.write_bytes(content)
    make_later_part(tmp_path)
    (job,) = json.loads(file.read_text())
    assert job["number"] == 1
    assert not (tmp_path / "nowhere").exists()


def test_a_folder_in_place_of_the_plan_is_named(tmp_path):
    (prepare(tmp_path) / "sweeps" / "abcdef01" / "plan.json").mkdir(parents=True)
    with pytest.raises(TrackingError, match=r"plan\.json is a folder"):
        make_later_part(tmp_path)
