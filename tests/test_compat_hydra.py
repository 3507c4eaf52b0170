"""The private names of Hydra that are used are there, and do what they are used for."""

from hydra import compose, initialize_config_dir
from hydra.plugins.config_source import ConfigSource

from dae_lab import compat
from dae_lab.config.registration import register
from dae_lab.config.sources import FileConfigSource


def test_hydra_reads_config_files_by_the_source_that_was_set(tmp_path):
    (tmp_path / "config.yaml").write_text("seed: 1\n", encoding="utf-8")
    base = compat.hydra_file_source()
    assert issubclass(base, ConfigSource)
    asked = []

    class Source(base):
        def load_config(self, config_path):
            asked.append(config_path)
            return super().load_config(config_path)

    try:
        Source.__name__ = base.__name__  # Hydra refuses another
        compat.replace_hydra_file_source(Source)
        with initialize_config_dir(str(tmp_path), version_base="1.3"):
            assert compose("config").seed == 1
    finally:
        register()
    assert asked[0] == "config"


def test_ours_has_the_name_by_which_hydra_knows_its_own():
    """Hydra refuses a registered source of another name, and keeps one of the same."""
    assert FileConfigSource.__name__ == compat.hydra_file_source().__name__
