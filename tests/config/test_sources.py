"""A config file from elsewhere chooses values of a run; it runs nothing, reads no secret, and has limits."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra.errors import HydraException

from dae_lab.config.error_messages import explain_error
from dae_lab.config.sources import resolver_call
from dae_lab.errors import ConfigError
from dae_lab.paths import conf_folder

PRESET = "# @package _global_\n"
CALLBACK = "{callbacks: {x: {_target_: shutil.copyfile, src: /etc/hostname, dst: %s}}}"


@pytest.fixture
def presets(tmp_path):
    """``presets(text)``: what Hydra makes of ``experiment=mine``, a file with this text outside conf/."""

    def composed(text: str | bytes, *overrides: str, file: str = "experiment/mine.yaml"):
        path = tmp_path / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        group, _, name = file.removesuffix(".yaml").rpartition("/")
        with initialize_config_dir(str(conf_folder()), version_base="1.3"):
            search = f"hydra.searchpath=[{tmp_path}]"
            return hydra_compose("config", overrides=[search, f"{group}={name}", *overrides])

    return composed


FOREIGN = {
    "callbacks": PRESET + "hydra: {callbacks: {x: {_target_: shutil.copyfile, src: a, dst: b}}}",
    "logging": PRESET + 'hydra: {job_logging: {handlers: {x: {"()": shutil.copyfile, src: a, dst: b}}}}',
    "run": PRESET + "hydra: {run: {dir: elsewhere}}",
    "searchpath": PRESET + "hydra: {searchpath: [elsewhere]}",
    "a package": "# @package hydra\nrun: {dir: elsewhere}",
    "a package in it": "# @package hydra.callbacks\nx: {_target_: shutil.copyfile, src: a, dst: b}",
    "a package of the root": "# @package _global_.hydra\nrun: {dir: elsewhere}",
    "a launcher": PRESET + "defaults: [override /hydra/launcher: slurm]",
    "a part as callback": PRESET + "defaults: [/noise/gaussian@hydra.callbacks.x]",
    "a group as callback": PRESET + "defaults: [{/noise@hydra.callbacks.x: gaussian}]",
    "an optional one": PRESET + "defaults: [{optional /hydra/launcher: slurm}]",
    "a target": PRESET + "sweep: {direction: {_target_: os.getcwd}}",
    "a target in a list": PRESET + "encoder: {filters: [{_target_: os.getcwd}]}",
    "a target by reference": PRESET + "loss: {_target_: '${name}'}",
    "a server": PRESET + "tracking: {uri: 'http://elsewhere'}",
    "a store": PRESET + "tracking: {dir: elsewhere}",
    "all of tracking": PRESET + "tracking: '${sweep}'",
    "a server by package": "# @package tracking\nuri: http://elsewhere",
    "a server by choice": PRESET + "defaults: [override /tracking: elsewhere]",
    "a cache of baselines": PRESET + "evaluation: {cache: elsewhere}",
    "a cache of data": PRESET + "data: {cache: elsewhere}",
    "a cache by package": "# @package evaluation\ncache: elsewhere",
    "a cache by reference": PRESET + "claim: {x: {cache: elsewhere}}\nevaluation: ${claim.x}",
    "a cache by default": PRESET + "evaluation: {cache: '${oc.env:DAE_LAB_CACHE,elsewhere}'}",
    **{key: PRESET + f"{key}: x" for key in ("plan", "replay", "sync", "relocate", "regenerate")},
    "a secret": PRESET + "name: ${oc.env:HOME}",
    "part of a secret": PRESET + "name: 'a ${oc.env:HOME} b'",
    "a secret by detour": PRESET + "name: '${oc.${latent.kind}:HOME}'",
    "a secret, decoded": PRESET + r"""name: ${oc.decode:'\${oc.env:HOME}'}""",
    "a secret, escaped": PRESET + r"name: \${oc.env:HOME}",
    "a secret as option": PRESET + "defaults: [{override /noise: '${oc.env:HOME}'}]",
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_a_file_from_elsewhere_cannot_set(presets, kind):
    with pytest.raises(ConfigError, match=r"mine\.yaml"):
        presets(FOREIGN[kind])


@pytest.mark.parametrize("group", ["evaluation", "data"])
def test_an_option_of_its_own_repeats_the_common_cache_or_none(presets, group):
    package = (conf_folder() / group / ("scores.yaml" if group == "evaluation" else "mnist.yaml")).read_text()
    assert presets(package, file=f"{group}/mine.yaml")[group].cache
    with pytest.raises(ConfigError, match="may not set cache"):
        presets(package.replace("~/.cache/dae_lab", "/elsewhere"), file=f"{group}/mine.yaml")
    given = presets(package, f"{group}.cache=/elsewhere", file=f"{group}/mine.yaml")
    assert given[group].cache == "/elsewhere"


def test_a_launcher_of_its_own_is_no_choice(presets):
    with pytest.raises(ConfigError, match="may not set hydra"):
        presets("_target_: hydra_plugins.dae_lab.LocalPool\nworkers: 2", file="hydra/launcher/mine.yaml")


def test_a_path_out_of_conf_is_followed_to_its_end(tmp_path):
    (tmp_path / "mine.yaml").write_text(FOREIGN["callbacks"])
    outside = os.path.relpath(tmp_path / "mine", conf_folder() / "experiment")
    with initialize_config_dir(str(conf_folder()), version_base="1.3"), pytest.raises(ConfigError):
        hydra_compose("config", overrides=[f"experiment='{outside}'"])


@pytest.mark.parametrize("arguments", [("plan=true",), ("--cfg", "hydra"), ("--info", "config"), ("-m",)])
def test_nothing_is_run_whatever_is_asked(tmp_path, arguments):
    made = tmp_path / "made"
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "mine.yaml").write_text(f"{PRESET}hydra: {CALLBACK % made}\n")
    command = ["--config-dir", str(tmp_path), "experiment=mine", f"tracking.dir={tmp_path}/runs", *arguments]
    done = subprocess.run([sys.executable, "-m", "dae_lab.run", *command], capture_output=True, text=True)
    assert done.returncode == 1
    assert "may not set hydra" in done.stderr
    assert "Traceback" not in done.stderr
    assert not made.exists()


BOMB = "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9) if n else 'x'}]\n" for n in range(10))
DAMAGED = {
    "binary": (b"\xff\xfe\x00\x01", "no text in UTF-8"),
    "UTF-16": ("name: x".encode("utf-16"), "no text in UTF-8"),
    "deep": (f"{PRESET}name: {'[' * 1500}{']' * 1500}", "50 levels"),
    "itself": (f"{PRESET}a: &a [*a]", "contains itself"),
    "a bomb": (PRESET + BOMB, "10,000 values"),
    "long": (f"{PRESET}name: {'x' * 1_000_001}", "1,000,000 bytes"),
    "a list": ("- a", "maps keys to values"),
    "defaults of text": (f"{PRESET}defaults: 3", "defaults must be a list"),
    "defaults of numbers": (f"{PRESET}defaults: [3]", "defaults must be a list"),
    "defaults of two keys": (f"{PRESET}defaults: [{{a: b, c: d}}]", "defaults must be a list"),
    "defaults of nothing": (f"{PRESET}defaults: [{{}}]", "defaults must be a list"),
    "defaults of mappings": (f"{PRESET}defaults: [{{a: {{b: c}}}}]", "defaults must be a list"),
}


@pytest.mark.parametrize("kind", DAMAGED)
def test_a_file_that_cannot_be_meant_is_named(presets, kind):
    text, message = DAMAGED[kind]
    with pytest.raises(ConfigError, match=rf"mine\.yaml.*{message}"):
        presets(text)


@pytest.mark.parametrize("text", ["a: [", "a: !!python/object/apply:os.getcwd []", "a: 1\na: 2", "\x00"])
def test_what_is_no_yaml_is_named(presets, text):
    with pytest.raises(Exception) as refused:  # noqa: PT011 (of PyYAML, half a dozen)
        presets(text)
    assert "mine.yaml" in (explain_error(refused.value) or "")


def test_a_file_that_includes_itself_is_explained(presets):
    with pytest.raises((RecursionError, HydraException)) as refused:
        presets(f"{PRESET}defaults: [mine]")
    assert explain_error(refused.value)


@pytest.mark.parametrize("make", [os.mkfifo, Path.mkdir])
def test_what_is_no_file_is_no_option(tmp_path, make):
    (tmp_path / "experiment").mkdir()
    make(tmp_path / "experiment" / "mine.yaml")
    with (
        initialize_config_dir(str(conf_folder()), version_base="1.3"),
        pytest.raises(HydraException) as refused,
    ):
        hydra_compose("config", overrides=[f"hydra.searchpath=[{tmp_path}]", "experiment=mine"])
    assert "there is no such option" in (explain_error(refused.value) or "")


def test_their_neighbours_are_accepted(presets):
    text = """
defaults: [{override /noise: masking}, {override /encoder: mlp}, {override /decoder: mlp}, _self_]
name: mine ${now:%Y} ${training.epochs}
encoder: {units: &u [3, 3]}
decoder: {units: *u}
loss: {_target_: dae_lab.losses.Mse}
tracking: {grids: 3}
evaluation: {cache: '${oc.env:DAE_LAB_CACHE,"~/.cache/dae_lab"}'}
"""
    config = presets(PRESET + text, "training.epochs=2", "hydra.launcher.workers=2")
    assert config.name.endswith(" 2")
    assert list(config.decoder.units) == [3, 3]
    assert config.tracking.grids == 3
    assert presets("uri: http://mine", file="tracking/mine.yaml").tracking.uri == "http://mine"


def test_the_command_line_may_do_all_that(presets):
    config = presets(
        f"{PRESET}seed: 3", "name=${oc.env:PATH}", "hydra/launcher=slurm", "tracking.uri=http://mine"
    )
    assert config.name == os.environ["PATH"]


@pytest.mark.parametrize(
    ("text", "call"),
    [
        ("plain", ""),
        ("${a.b} ${a.${c}} ${now:%H} ${dae_lab.store:} ${oc.env:DAE_LAB_CACHE}", ""),
        ("${oc.env:A}", "${oc.env:A}"),
        ("$${a}{oc.env:A}", "${oc.env:A}"),
        ("${oc.env:DAE_LAB_${a}}", "${oc.env:DAE_LAB_}"),
        ("${oc.${a}:B}", "${oc.:B}"),
    ],
)
def test_calls_are_told_from_references(text, call):
    assert resolver_call(text) == call
