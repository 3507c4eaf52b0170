"""One line and one sentence about a run, on the terminal and on its page."""

import pytest

from dae_lab.report.text import _times, in_short


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["encoder=unet", "decoder=unet"], "encoder unet, latent spatial, decoder unet"),
        (["noise=salt_and_pepper"], "salt_and_pepper noise ("),
        (["noise=none"], "no noise; encoder conv"),
        (["latent=vector_quantised"], "latent vector_quantised"),
    ],
)
def test_what_was_trained_is_called_as_it_was_asked_for(compose, overrides, said):
    assert said in in_short(compose(*overrides))


@pytest.mark.parametrize(
    ("ratio", "said"), [(1.001, "hardly more than that"), (1.31, "1.31 times that"), (2, "2 times that")]
)
def test_a_ratio_is_said_in_english(ratio, said):
    assert _times(ratio) == said
