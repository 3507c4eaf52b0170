"""Options are called as a person calls them: by their files in conf/."""

import pytest

from dae_lab.config.options import option_name
from dae_lab.errors import ConfigError
from dae_lab.paths import conf_folder

GROUPS = ("noise", "encoder", "latent", "decoder", "loss", "optimizer")


def composed(compose, group, name):
    try:
        return compose(f"{group}={name}")
    except ConfigError:  # it needs a decoder of its own
        return compose(f"{group}={name}", f"{'decoder' if group == 'encoder' else 'encoder'}={name}")


@pytest.mark.parametrize(
    ("group", "name"),
    [(group, file.stem) for group in GROUPS for file in sorted((conf_folder() / group).glob("*.yaml"))],
)
def test_every_option_is_known_by_its_name(compose, group, name):
    assert option_name(group, getattr(composed(compose, group, name), group)) == name


def test_an_option_with_other_values_keeps_its_name(compose):
    config = compose("encoder=unet", "decoder=unet", "encoder.dropout=0.1", "encoder.activation=elu")
    assert option_name("encoder", config.encoder) == "unet"
