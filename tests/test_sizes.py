"""Images of any size, and few of them, are trained on and judged in full, or refused before training."""

from dataclasses import replace
from itertools import product
from pathlib import Path

import mlflow
import numpy as np
import pytest
from processes import prepare

from dae_lab import experiment
from dae_lab.config.validate import check_shapes
from dae_lab.errors import ConfigError

SMALL = {
    "encoder": {
        "conv": ("encoder.filters=[2,3,4]",),
        "residual": ("encoder.filters=[2,3,4]",),
        "unet": ("encoder.filters=[2,2,3,3,4]",),
        "mlp": ("encoder.units=[5]",),
    },
    "latent": {
        "spatial": (),
        "conv1x1": ("latent.channels=2",),
        "dense": ("latent.z_dim=2",),
        "variational": ("latent.z_dim=3",),
        "sparse": ("latent.z_dim=4",),
        "contractive": ("latent.z_dim=1",),
        "vector_quantised": ("latent.channels=2", "latent.codes=3"),
    },
    "decoder": {
        "conv_transpose": ("decoder.filters=[3,2]",),
        "upsample_conv": ("decoder.filters=[3,2]",),
        "unet": ("decoder.filters=[3,2]",),
        "residual": ("decoder.filters=[3,2]",),
        "mlp": ("decoder.units=[5]",),
    },
}
"""Every option of a network's groups, made narrow."""
SIZES = [(3, 3, 1), (8, 8, 1), (27, 45, 1), (101, 101, 1), (28, 28, 3), (5, 64, 3)]
ONE_STEP = ("training.epochs=1", "training.batches=1", "training.batch_size=4", "tracking.log_model=false")
REDUCED = ("evaluation=scores", "evaluation.images=9", "evaluation.levels=[1]", "evaluation.report=true")
"""Without what depends on the images alone, and not on the network."""


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Path:
    return prepare(tmp_path_factory.mktemp("store"))


def network(encoder: str, latent: str, decoder: str) -> tuple[str, ...]:
    """The overrides of a narrow network."""
    chosen = {"encoder": encoder, "latent": latent, "decoder": decoder}
    groups = tuple(f"{group}={option}" for group, option in chosen.items())
    return (*groups, *(key for group, option in chosen.items() for key in SMALL[group][option]))


def alone(compose, group: str, option: str):
    """A config with one narrow option; the other groups make no difference."""
    beside = ("latent=dense", "encoder=mlp", "decoder=mlp")
    others = [other for other in beside if not other.startswith(group)]
    return compose("data=npz", "data.path=x", *others, f"{group}={option}", *SMALL[group][option])


def arrays(folder: Path, shape: tuple[int, ...], images: int, classes: int | None) -> tuple[str, ...]:
    """The overrides of random images, of so many classes; None: they have no labels."""
    pixels = np.random.default_rng(0).integers(0, 256, (images, *shape), dtype=np.uint8)
    labels = {} if classes is None else {"labels": np.arange(images) % classes}
    path = folder / f"{'x'.join(map(str, shape))}-{images}-{classes}.npz"
    np.savez(path, images=pixels, **labels)
    named = () if classes is None else ("data.labels=labels",)
    return ("data=npz", f"data.path={path}", *named)


def judged(config) -> tuple[experiment.Result, str]:
    """What a run ends with, and its page."""
    result = experiment.run(config)
    assert result.evaluation is not None
    assert result.evaluation.reconstruction.shape == result.evaluation.test[1].pixels.shape
    return result, Path(result.record.locate_artifact("report.html")).read_text()


FEW = (*REDUCED, "data.train=[0,1]", "data.validation=[]", "data.test=[1,2]")
COVERING: dict[tuple[str, ...], tuple[tuple[int, ...], int, int | None, tuple[str, ...]]] = {
    ("conv", "conv1x1", "conv_transpose"): ((27, 45, 1), 12, 2, ()),
    ("unet", "spatial", "unet"): ((101, 101, 1), 12, 1, REDUCED),
    ("residual", "vector_quantised", "residual"): ((13, 10, 3), 12, None, ()),
    ("residual", "dense", "upsample_conv"): ((3, 3, 1), 40, 40, REDUCED),
    ("unet", "variational", "mlp"): ((8, 8, 3), 2, 2, FEW),
    ("mlp", "sparse", "mlp"): ((5, 64, 1), 2, None, FEW),
    ("conv", "contractive", "unet"): ((11, 4, 3), 12, 2, REDUCED),
}
"""Networks with the shape, number and classes of their images: every option and kind of size at least once,
judged as by default twice, on a single image twice.
"""


def test_every_option_is_covered():
    for options, covered in zip(SMALL.values(), zip(*COVERING, strict=True), strict=True):
        assert set(covered) == set(options)


@pytest.mark.parametrize("parts", COVERING, ids="-".join)
def test_a_network_is_judged_on_images_of_any_size(compose, tmp_path, store, parts):
    shape, images, classes, more = COVERING[parts]
    data = arrays(tmp_path, shape, images, classes)
    result, page = judged(compose(*data, *network(*parts), *ONE_STEP, *more, f"tracking.dir={store}"))
    assert len(result.evaluation.robustness.corruptions) == (0 if more else 7)
    labels = result.evaluation.test[1].labels
    assert len(result.evaluation.classes) == (0 if labels is None else len(np.unique(labels)))
    whole = result.evaluation.decoded is not None
    assert whole == ("unet" not in parts[2]) == ('id="figure-decoded"' in page)


def test_a_code_too_wide_to_be_looked_at_whole_is_looked_at_pooled(compose, tmp_path, store):
    data = arrays(tmp_path, (96, 96, 1), images=12, classes=None)
    result, page = judged(compose(*data, *ONE_STEP, *REDUCED, f"tracking.dir={store}"))
    assert list(result.evaluation.geometry.views) == ["pooled"]
    assert result.evaluation.decoded is None
    assert "more than 65,536 values" in page


def test_a_model_of_odd_images_is_loaded_by_pyfunc(compose, tmp_path, store):
    data = arrays(tmp_path, (27, 45, 3), images=12, classes=None)
    residual = ("decoder.output.residual=true", "decoder.output.activation=linear")
    narrow = network("unet", "spatial", "unet")
    scores = ("evaluation=scores", "tracking.log_model=true", f"tracking.dir={store}")
    result = experiment.run(compose(*data, *narrow, *residual, *ONE_STEP, *scores))
    mlflow.set_tracking_uri(f"sqlite:///{store}/mlflow.db")
    loaded = mlflow.pyfunc.load_model(f"runs:/{result.record.run_id}/model")
    noisy = result.evaluation.test[0]
    np.testing.assert_allclose(loaded.predict(noisy), result.evaluation.reconstruction, atol=1e-5)


NETWORKS = list(product(*SMALL.values()))
FIT = [
    (encoder, latent, decoder)
    for encoder, latent, decoder in NETWORKS
    if encoder != "mlp" or (decoder == "mlp" and latent not in ("conv1x1", "vector_quantised"))
]
"""Features that are no images are for latents and decoders that need none."""


@pytest.mark.parametrize("shape", SIZES, ids=str)
def test_every_network_takes_every_size_or_none(compose, shape):
    whole = compose("data=npz", "data.path=x")
    for parts in NETWORKS:
        options = dict(zip(SMALL, parts, strict=True))
        groups = {group: getattr(alone(compose, group, option), group) for group, option in options.items()}
        config = replace(whole, **groups)
        if parts in FIT:
            check_shapes(config, shape)
        else:
            with pytest.raises(
                ConfigError, match=r"^(latent|decoder) needs an image-shaped input .*: choose"
            ):
                check_shapes(config, shape)


@pytest.mark.long
@pytest.mark.parametrize("shape", SIZES, ids=str)
@pytest.mark.parametrize("encoder", SMALL["encoder"])
def test_every_network_is_judged_on_every_size(compose, tmp_path, store, encoder, shape):
    data = arrays(tmp_path, shape, images=12, classes=2)
    for parts in (parts for parts in FIT if parts[0] == encoder):
        judged(compose(*data, *network(*parts), *ONE_STEP, *REDUCED, f"tracking.dir={store}"))
