"""A preset with one of the usual mistakes is read as meant, or its file is named with what is missing."""

import pytest
from hydra import compose as hydra_compose
from hydra import initialize_config_dir

from dae_lab.config.error_messages import explain_error
from dae_lab.errors import ConfigError
from dae_lab.paths import conf_folder

HEADER = "# @package _global_\n"


@pytest.fixture
def preset(tmp_path):
    """``preset(text)``: what Hydra makes of ``experiment=mine``, a file with this text outside conf/."""

    def composed(text: str | bytes):
        file = tmp_path / "experiment" / "mine.yaml"
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        with initialize_config_dir(str(conf_folder()), version_base="1.3"):
            search = f"hydra.searchpath=[{tmp_path}]"
            return hydra_compose("config", overrides=[search, "experiment=mine"])

    return composed


@pytest.mark.parametrize(
    "text",
    [
        "seed: 7\n",
        "",
        "# nothing but a comment\n",
        "# a comment first\n# @package _global_\nseed: 7\n",
        "defaults: [override /noise: gaussian]\n",
        b"\xef\xbb\xbfseed: 7\n",
    ],
)
def test_a_preset_without_its_header_is_named(preset, text):
    with pytest.raises(ConfigError, match=r"mine\.yaml: a preset begins with the line '# @package _global_'"):
        preset(text)


def test_a_part_of_a_preset_needs_no_header(preset, tmp_path):
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "part.yaml").write_text("sigma: 0.25\n")
    assert preset(f"{HEADER}defaults: [part@noise]\n").noise.sigma == 0.25


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_byte_order_mark_is_read_over(preset, end):
    text = f"{HEADER}seed: 7\n".replace("\n", end)
    assert preset(b"\xef\xbb\xbf" + text.encode()).seed == 7


def test_a_byte_order_mark_hides_no_package(preset):
    with pytest.raises(ConfigError, match="may not set hydra"):
        preset(b"\xef\xbb\xbf# @package hydra\nrun: {dir: elsewhere}\n")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("null: 2\n", "a key must be a name or a number, not null"),
        ("defaults: [{'override /noise ': gaussian}]\n", "'override /noise ' names no group"),
        ("defaults: [{'override  /noise': gaussian}]\n", "'override  /noise' names no group"),
        ("defaults: [{'override': gaussian}]\n", "'override' names no group"),
        ("name: ${\n", "mine.yaml: "),
    ],
)
def test_what_cannot_be_read_is_named_with_its_file(preset, text, said):
    with pytest.raises(ConfigError, match=r"mine\.yaml: ") as refusal:
        preset(HEADER + text)
    assert said in str(refusal.value)


def test_a_parent_that_is_missing_is_named_with_where_it_was_looked_for(preset, tmp_path):
    with pytest.raises(Exception, match="Could not load") as refusal:
        preset(f"{HEADER}defaults: [conv_pol]\n")
    said = explain_error(refusal.value)
    assert said.startswith(
        "experiment/mine: its defaults name experiment/conv_pol, and there is no such file;"
    )
    assert "did you mean conv_pool?" in said
    assert str(tmp_path / "experiment") in said
    assert "provider=" not in said


def test_a_preset_that_is_its_own_parent_is_said(preset):
    with pytest.raises(RecursionError) as refusal:
        preset(f"{HEADER}defaults: [mine]\n")
    assert "lead back to that file" in explain_error(refusal.value)
