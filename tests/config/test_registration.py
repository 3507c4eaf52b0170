"""What a config asks of the machine that it is composed on."""

import os

import pytest
from hydra import compose, initialize_config_dir

from dae_lab.config import registration
from dae_lab.config.validate import validate
from dae_lab.errors import ConfigError
from dae_lab.paths import as_text

LATIN_1 = os.fsdecode(b"/tmp/\xe9")  # as a file's name comes from a disk of an older system


def test_names_that_are_not_utf8_become_text_that_can_be_written():
    assert as_text(LATIN_1).encode() == "/tmp/\N{REPLACEMENT CHARACTER}".encode()
    assert as_text("/tmp/é") == "/tmp/é"


def test_values_that_cannot_be_recorded_are_refused_with_their_key(monkeypatch):
    monkeypatch.setenv("DAE_LAB_CACHE", LATIN_1)
    registration.register()
    with (
        initialize_config_dir(str(registration.conf_folder()), version_base="1.3"),
        pytest.raises(ConfigError, match=r"^(data|evaluation)\.cache: .*not UTF-8"),
    ):
        validate(compose("config", overrides=["data=mnist"]))


def test_a_store_in_a_current_folder_that_cannot_be_recorded_is_refused(monkeypatch, tmp_path):
    (tmp_path / os.fsdecode(b"\xe9")).mkdir()
    monkeypatch.chdir(tmp_path / os.fsdecode(b"\xe9"))
    registration.register()
    with (
        initialize_config_dir(str(registration.conf_folder()), version_base="1.3"),
        pytest.raises(ConfigError, match=r"tracking\.dir: .*not UTF-8"),
    ):
        validate(compose("config", overrides=["tracking.dir=runs"]))
