"""The fingerprint tells runs apart exactly where their numbers differ."""

import pytest

from dae_lab.config.fingerprint import fingerprint, workload


def of(compose, *overrides: str) -> str:
    return fingerprint(compose(*overrides), "data", "code")


@pytest.mark.parametrize(
    "override",
    [
        "name=other",
        "tracking.grids=3",
        "tracking.dir=elsewhere",
        "training.checkpoint_s=60",
        "training.profile=true",
        "evaluation.report=false",
        "evaluation.cache=elsewhere",
        "data.test=[4500,4600]",  # the data bring a fingerprint of their own
    ],
)
def test_what_changes_no_number_does_not_count(compose, override):
    assert of(compose, override) == of(compose)


def test_everything_else_counts(compose):
    changes = [
        ["seed=1"],
        ["noise.sigma=0.4"],
        ["noise=speckle"],  # with the keys and values of gaussian
        ["encoder.slope=0.2"],
        ["latent=conv1x1"],
        ["decoder.output.bias=data"],
        ["loss=mse"],  # with the keys and values of bce
        ["optimizer.epsilon=1e-8"],
        ["optimizer/schedule=cosine"],
        ["training.epochs=21"],
        ["training.precision=mixed_bfloat16"],
        ["evaluation.limit=10"],
    ]
    found = [of(compose, *change) for change in [[], *changes]]
    config = compose()
    found += [fingerprint(config, "other", "code"), fingerprint(config, "data", "other")]
    assert len(set(found)) == len(found)
    assert all(len(digest) == 64 for digest in found)


def test_equal_configs_have_equal_fingerprints_however_they_are_written(compose):
    assert of(compose, "noise=gaussian", "noise.sigma=0.50", "encoder.slope=3e-1") == of(compose)


KEPT = {
    "": "de91c4358f42290f",
    "noise=chain": "4f622a7d711201bc",
    "encoder=unet decoder=unet": "cd226fc05f9b2122",
    "latent=vector_quantised": "acfa513d399fe168",
    "loss=weighted": "b85c6bc3cf452b52",
    "optimizer=sgd": "3e0b837b12b725f5",
    "optimizer/schedule=step": "8093802145ebb5f9",
}
"""The first digits of fingerprints that runs were recorded by: they must not change with the classes."""


@pytest.mark.parametrize("overrides", KEPT)
def test_a_config_has_the_fingerprint_that_it_was_recorded_by(compose, overrides):
    assert of(compose, *overrides.split()).startswith(KEPT[overrides])


def test_a_config_has_the_workload_that_it_was_recorded_by(compose):
    assert workload(compose()) == "4e1a2925cd268f28"
    assert workload(compose("data=folder", "data.path=x")) == "bebfea1c01d51da7"
