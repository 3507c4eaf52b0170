"""What is typed, arranged as Hydra takes it; what would harm the terminal or run a file is refused."""

import subprocess
import sys

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import OverrideParseException

from dae_lab.arguments import arrange, config_options
from dae_lab.commands import format_command
from dae_lab.config.error_messages import explain_error
from dae_lab.errors import CONTROL, ConfigError, printable


def arranged(*given: str) -> list[str]:
    """The overrides alone."""
    return [argument for argument in arrange(given) if argument != "--multirun"]


@pytest.mark.parametrize(
    ("typed", "options"),
    [
        ([], ["--multirun"]),
        (["-m"], ["-m"]),
        (["--cfg", "job"], ["--cfg", "job"]),
        (["--config-dir", "my", "-cn=mine"], ["--config-dir", "my", "-cn=mine", "--multirun"]),
        (["--config-d", "my"], ["--config-d", "my", "--multirun"]),
        (["--info"], ["--info"]),
        (["--info", "defaults"], ["--info", "defaults"]),
        (["--", "-sc"], ["-sc"]),
    ],
)
def test_options_stand_after_all_overrides(typed, options):
    assert arrange(["loss=bce", *typed, "seed=0,1"]) == ["loss=bce", "seed=0,1", *options]


def test_options_that_name_configs_of_ones_own_are_found():
    own = ["--config-dir", "my", "hydra.searchpath=[x]", "-cn=mine"]
    assert config_options(["seed=1", *own[:2], "--cfg", "job", *own[2:]]) == own


def test_keys_of_several_claims_are_varied_over_one_value():
    assert arranged("claim=a,b", "claim.seeds.maximum=7") == ["claim=a,b", "claim.seeds.maximum=choice(7)"]
    assert arranged("claim=a", "claim.seeds.maximum=7") == ["claim=a", "claim.seeds.maximum=7"]


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("data.path=~/pics", "~/pics"),
        ("tracking.dir=~/my runs (old)", None),
        ("data.path=~/my pics", "~/my pics"),
        ("data.path='~/pics'", "~/pics"),
        ("name=~x", None),
    ],
)
def test_a_path_below_the_home_folder_can_be_typed(typed, read):
    (found,) = arranged(typed)
    if read is None:
        assert found == typed
    else:
        assert OverridesParser.create().parse_override(found).value() == read


def test_several_paths_below_the_home_folder_can_be_typed():
    assert arranged("data.path=~/a,b") == ['data.path="~/a",b']


@pytest.mark.parametrize(
    ("typed", "advice"),
    [
        ("claim.arms.wide=[latent.z_dim=2]", 'claim.arms.wide=["latent.z_dim=2"]'),
        ("claim.arms.wide=[x,seed=1,3]", 'claim.arms.wide=[x,"seed=1",3]'),
        ("claim.arms={wide:[seed=1]}", 'claim.arms={wide:["seed=1"]}'),
        ("claim.title=a=b", 'claim.title="a=b"'),
    ],
)
def test_the_advice_for_what_cannot_be_read_can_be_pasted(typed, advice):
    *_, text = [
        item for item in arranged("claim=mse_stalls,loss_decides", typed) if item.startswith("claim.")
    ]
    with pytest.raises(OverrideParseException) as refusal:
        OverridesParser.create().parse_overrides([text])
    said = explain_error(refusal.value)
    assert said.startswith(f"{typed}: this value could not be read")
    assert said.endswith(format_command([advice]))
    assert OverridesParser.create().parse_override(advice)


@pytest.mark.parametrize("letter", ["\x1b[31m", "\x00", "\x7f", "\x9b", "\u202e", "\r", "\b"])
@pytest.mark.parametrize("place", ["na{}me=b", "name=a{}b", "--config-dir=a{}", "claim=a{}"])
def test_control_characters_are_refused_and_shown_escaped(letter, place):
    with pytest.raises(ConfigError, match="must not contain control characters") as refused:
        arranged(place.format(letter))
    assert not CONTROL.search(str(refused.value))


def test_a_pickle_of_a_run_is_not_opened(tmp_path):
    made = tmp_path / "made"
    pickle = tmp_path / "config.pickle"
    pickle.write_bytes(f"cos\nmkdir\n(S'{made}'\ntR.".encode())
    command = [sys.executable, "-m", "dae_lab.run", "--experimental-rerun", str(pickle)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert "use replay=<run id> instead" in done.stderr
    assert not made.exists()


def test_a_message_is_made_fit_for_a_terminal():
    assert printable("a\x1b]0;title\x07b\u202ec\n\td") == "a\\x1b]0;title\\x07b\\u202ec\n\td"
    short = printable("x" * 10**6 + "end")
    assert len(short) < 2_100
    assert short.endswith("end")


@pytest.mark.parametrize("workers", ["0", "-1", "1.5", "true", "null", "a"])
def test_so_many_workers_are_none(workers, tmp_path):
    command = [sys.executable, "-m", "dae_lab.run", "-m", "seed=0,1", f"hydra.launcher.workers={workers}"]
    done = subprocess.run([*command, f"tracking.dir={tmp_path}"], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("error: hydra.launcher.workers must be a whole number from 1; got ")
