"""A person's own parts, as conf/README.md shows them, from a folder outside of the repository."""

import os
import re
import shlex
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from processes import assert_refused, prepare

from dae_lab.claims.claim import NO_ARM
from dae_lab.config.run import parse_config
from dae_lab.config.validate import validate
from dae_lab.errors import ConfigError
from dae_lab.parts.part import package_source
from dae_lab.paths import PACKAGE, conf_folder

README = (conf_folder() / "README.md").read_text(encoding="utf-8")
CODE = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
OPTIONS = re.findall(r"```yaml\n# (\S+)\n(.*?)```", README, re.DOTALL)
COMMAND = shlex.split(re.findall(r"```sh\ndae-lab (.*?)\n```", README)[0])
SHORT = ("debug=smoke", "tracking.log_model=false", "evaluation=scores")


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    """A folder with the files that conf/README.md shows, and an empty store."""
    folder = tmp_path_factory.mktemp("home")
    (folder / "lab").mkdir()
    (folder / "lab" / "my_lab.py").write_text(CODE[0], encoding="utf-8")
    for name, text in OPTIONS:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    prepare(folder / "store")
    return folder


def lab(home: Path, *arguments: str) -> tuple[int, str, str]:
    command = [sys.executable, "-m", "dae_lab.run", *arguments, f"tracking.dir={home}/store"]
    path = os.environ | {"PYTHONPATH": str(PACKAGE.parent)}
    done = subprocess.run(command, cwd=home, env=path, capture_output=True, encoding="utf-8", check=False)
    return done.returncode, done.stdout, done.stderr


def recorded(home: Path) -> list[tuple[str, str]]:
    """Run id and fingerprint of each finished run."""
    query = "select r.run_uuid, t.value from runs r join tags t using (run_uuid) where t.key = 'fingerprint'"
    with sqlite3.connect(home / "store" / "mlflow.db") as database:
        return database.execute(f"{query} and r.status = 'FINISHED' order by r.start_time").fetchall()


def test_a_sweep_trains_them_and_replay_asks_for_trust_again(home):
    code, _, errors = lab(home, "-m", *COMMAND, *SHORT, "noise.amount=0.1,0.2")
    assert code == 0, errors
    runs = recorded(home)
    assert len({fingerprint for _, fingerprint in runs}) == 2
    code, _, errors = lab(home, f"replay={runs[0][0]}", "extensions=lab")
    assert code == 1
    assert "add trust=[my_lab] to the command line" in errors
    code, output, errors = lab(home, f"replay={runs[0][0]}", "extensions=lab", "trust=[my_lab]")
    assert code == 0, errors
    assert "Same numbers" in output


def test_a_class_that_is_not_trusted_is_not_imported(home):
    (home / "lab" / "my_trap.py").write_text("raise SystemExit('imported')\n", encoding="utf-8")
    arguments = [text for text in COMMAND if not text.startswith("trust")]
    code, _, errors = lab(home, *arguments, "noise._target_=my_trap.Rain")
    assert_refused(code, errors, "add trust=[my_lab] to the command line")
    code, _, errors = lab(home, "noise._target_=my_trap.Rain", "trust=[my_lab]", "extensions=lab")
    assert_refused(code, errors, "add trust=[my_trap] to the command line")


GRANTS = {
    "a preset": ("experiment/mine.yaml", "# @package _global_\ntrust: [my_lab]\n"),
    "its folder": ("experiment/mine.yaml", "# @package _global_\nextensions: lab\n"),
    "a debug preset": ("debug/mine.yaml", "# @package _global_\ntrust: [my_lab]\n"),
    "a claim's file": ("claim/mine.yaml", "# @package _global_\ntrust: [my_lab]\n"),
}


@pytest.mark.parametrize("grant", GRANTS)
def test_no_config_file_grants_trust(tmp_path, grant):
    file, text = GRANTS[grant]
    (tmp_path / file).parent.mkdir(parents=True)
    (tmp_path / file).write_text(text, encoding="utf-8")
    group, _, _ = file.partition("/")
    search = f"hydra.searchpath=[{tmp_path}]"
    with (
        initialize_config_dir(str(conf_folder()), version_base="1.3"),
        pytest.raises(ConfigError, match=r"a file may not set (trust|extensions)"),
    ):
        hydra_compose("config", overrides=[search, f"{group}=mine"])


def test_no_arm_of_a_claim_grants_trust():
    assert {"trust", "extensions"} <= NO_ARM


@pytest.mark.parametrize("name", ["dae_lab", "keras", "my.lab", "3", ""])
def test_trust_names_packages_of_ones_own(name):
    with (
        initialize_config_dir(str(conf_folder()), version_base="1.3"),
        pytest.raises(ConfigError, match=r"trust\[0\] must be a package of your own"),
    ):
        validate(hydra_compose("config", overrides=[f"trust=['{name}']"]))


def own(home: Path, **changes: object) -> dict:
    """A config with the noise of conf/README.md, as plain mappings."""
    from dataclasses import asdict

    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        plain = asdict(validate(hydra_compose("config")))
    noise = {"_target_": "my_lab.Rain", "clip": True, "resample": "once", "amount": 0.2, **changes}
    return {**plain, "noise": noise, "trust": ["my_lab"], "extensions": str(home / "lab")}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"amount": 2}, "noise.amount must be at most 1; got 2"),
        ({"amout": 2}, "noise.amout: there is no such key; did you mean amount?"),
        (
            {"_target_": "my_lab.Rian"},
            "noise._target_: my_lab.Rian is no subclass of dae_lab.noise.Corruption",
        ),
        ({"_target_": "my_lab.Quartic"}, "noise._target_: my_lab.Quartic is no subclass"),
        ({"_target_": "my_lab.away.Rain"}, "noise._target_: my_lab.away cannot be imported"),
    ],
)
def test_the_checks_are_those_of_every_part(home, changes, message):
    with pytest.raises(ConfigError) as refused:
        parse_config(own(home, **changes))
    assert message in str(refused.value)


def test_its_source_is_part_of_the_fingerprint(home, monkeypatch):
    from dae_lab.config.fingerprint import fingerprint

    config = parse_config(own(home))
    before = fingerprint(config, "data", "code")
    monkeypatch.setattr("dae_lab.parts.part.package_source", lambda package: b"another")
    assert fingerprint(config, "data", "code") != before
    assert b"class Rain" in package_source("my_lab")
