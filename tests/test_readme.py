"""The README's commands are run, its tables and links held against what is there."""

import re
import shlex
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from processes import finish, run, start

from dae_lab.config.validate import validate
from dae_lab.errors import DataError
from dae_lab.model.autoencoder import build, parameter_counts
from dae_lab.paths import conf_folder

CHECKOUT = Path(__file__).parents[1]
README = CHECKOUT.joinpath("README.md").read_text()
BLOCKS = re.findall(r"```bash\n(.*?)```", README, re.DOTALL)
COMMANDS = [line.partition(" #")[0].strip() for block in BLOCKS for line in block.splitlines()]
MAKE = [command for command in COMMANDS if command.startswith("make ")]
RUNS = [command for command in COMMANDS if command.startswith("python -m dae_lab.run")]


def test_nothing_but_make_and_runs_is_shown():
    assert sorted(MAKE + RUNS) == sorted(COMMANDS)
    assert len(RUNS) > 8


@pytest.mark.parametrize("command", MAKE)
def test_a_target_exists(command):
    subprocess.run([*command.split(), "--dry-run"], cwd=CHECKOUT, check=True, capture_output=True)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Where a reader's runs are kept: one store for all, so what was trained before is reused."""
    return tmp_path_factory.mktemp("mlruns")


@pytest.mark.parametrize("command", RUNS)
def test_a_command_runs(command, compose, store):
    arguments = shlex.split(command)[3:]
    asks = any(argument.startswith("--") for argument in arguments)  # and runs nothing
    if "plan=true" not in arguments and not asks:
        _need_data(compose, arguments)
        arguments += ["evaluation=scores"] if arguments and "evaluation" not in command else []
        arguments += ["tracking.log_model=false"]
        # as documented, only shorter
        arguments += ["training.epochs=1", "training.batches=2"] if "debug=" in command else ["debug=smoke"]
    code, _, errors = finish(start(*arguments, store=None if asks else store))
    assert code == 0, errors


def _need_data(compose, arguments):
    """Skip where full MNIST is wanted and cannot be had."""
    for preset in [argument for argument in arguments if argument.startswith("experiment=")]:
        try:
            compose(preset).data.load()
        except DataError as error:
            pytest.skip(f"needs full MNIST, from the cache or the network: {error}")


def test_the_tables_name_every_option():
    for group in CHECKOUT.joinpath("conf").iterdir():
        options = [file.stem for file in group.glob("*.yaml")] if group.name != "hydra" else []
        assert [name for name in options if f"`{name}`" not in README] == []


def test_nothing_is_left_to_be_filled_in():
    files = [CHECKOUT / "README.md", *CHECKOUT.joinpath("conf").rglob("*.yaml")]
    assert [
        file.name for file in files if re.search(r"EXPECTED_|NOISY_A|^TABLE$|TODO", file.read_text(), re.M)
    ] == []


def test_the_preset_shown_is_the_one_it_says(tmp_path):
    folder = tmp_path / "experiment"
    folder.mkdir()
    folder.joinpath("keras_blog.yaml").write_text(re.search(r"```yaml\n(.*?)```", README, re.DOTALL).group(1))
    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        search = f"hydra.searchpath=[file://{tmp_path}]"
        config = validate(hydra_compose("config", overrides=[search, "experiment=keras_blog"]))
    model = build(config, (28, 28, 1), np.zeros(1))
    assert parameter_counts(model)["parameters"] == 28_353


def test_the_claim_shown_can_be_asked(tmp_path):
    """As written, in ten lines, and with tiny runs to its verdict."""
    text = re.search(r"ask `(.*?)`:\n\n```yaml\n(.*?)```", README, re.DOTALL)
    command, stated = text.group(1).split(), text.group(2)
    assert len(stated.splitlines()) == 10
    (tmp_path / "my" / "claim").mkdir(parents=True)
    (tmp_path / "my" / "claim" / "wider.yaml").write_text(stated)
    asked = [part.replace("my", str(tmp_path / "my")) for part in command[3:]]
    code, output, errors = run(*asked, "plan=true", store=tmp_path / "store")
    assert code == 0, errors
    assert "10 to train" in output
    small = ("data=digits", "training.epochs=1", "training.batches=2", "tracking.log_model=false")
    rule = ("claim.seeds={minimum: 2, maximum: 2, support: 2}", f"claim.notebook={tmp_path}/notebook")
    code, output, errors = run(*asked, *small, *rule, store=tmp_path / "store")
    assert code == 0, errors
    assert "W1 wider: A code of 32 values denoises better than one of 2" in output
    assert (tmp_path / "notebook" / "wider" / "README.md").exists()


def test_links_lead_somewhere():
    targets = re.findall(r"\]\(([^)#]+)\)", README)
    assert targets
    assert [target for target in targets if not CHECKOUT.joinpath(target).exists()] == []


def test_the_rooms_named_are_the_rooms_there_are():
    table = README.partition("Rooms of `dae_lab/`")[2].partition("To add a corruption")[0]
    named = {name.rstrip("/") for name in re.findall(r"`(\w+(?:/|\.py))`", table)}
    rooms = {item.name for item in CHECKOUT.joinpath("dae_lab").iterdir() if not item.name.startswith("__")}
    assert named == rooms
