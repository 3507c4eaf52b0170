"""The tables of options in conf/README.md are those of the classes."""

from dae_lab.config.tables import BEGIN, END, render_tables
from dae_lab.paths import conf_folder


def test_the_committed_tables_are_those_of_the_classes():
    text = (conf_folder() / "README.md").read_text(encoding="utf-8")
    assert text.partition(BEGIN)[2].partition(END)[0] == render_tables(), "python -m dae_lab.config.tables"


def test_every_option_of_every_group_is_in_them():
    tables = render_tables()
    for group in ("data", "noise", "encoder", "latent", "decoder", "loss", "optimizer", "training"):
        for file in (conf_folder() / group).glob("*.yaml"):
            assert f"`{file.stem}`" in tables
