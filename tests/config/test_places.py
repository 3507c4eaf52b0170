"""What a config asks of the machine that it is composed on."""

import pytest
from hydra import compose, initialize_config_dir

from dae_lab.config import places
from dae_lab.config.validate import validate


@pytest.mark.parametrize(("computes", "precision"), [(True, "mixed_bfloat16"), (False, "float32")])
def test_the_fast_training_is_in_what_the_processor_is_quickest_in(monkeypatch, computes, precision):
    """The choice is part of the config that is recorded, so a run says what it was computed in."""
    monkeypatch.setattr(places, "computes_bfloat16", lambda: computes)
    places.register()
    with initialize_config_dir(str(places.conf_folder()), version_base="1.3"):
        assert validate(compose("config", overrides=["training=fast"])).training.precision == precision
