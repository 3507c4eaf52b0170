"""Every option of every group composes, validates and learns: found in conf/, so a new one is tested too."""

import numpy as np
import pytest
import tensorflow as tf
from hydra.utils import instantiate
from PIL import Image

from dae_lab import optimizers
from dae_lab.config.places import conf_folder
from dae_lab.data.images import Images
from dae_lab.model.autoencoder import build, parameter_counts
from dae_lab.training.batches import training_batches

CONF = conf_folder()
OPTIONS = sorted(
    file.relative_to(CONF).with_suffix("").as_posix()
    for file in CONF.rglob("*.yaml")
    if file.parent != CONF and file.relative_to(CONF).parts[0] not in ("experiment", "hydra")
)
PRESETS = sorted(file.stem for file in CONF.joinpath("experiment").glob("*.yaml"))

SMALL = ("data=digits", "encoder.filters=[3]", "encoder.strides=[2]", "decoder.filters=[3]", "decoder.strides=[2]")
NEEDS = {
    "encoder/mlp": ("data=digits", "latent=dense", "decoder=mlp"),
    "encoder/residual": ("data=digits",),
    "encoder/unet": ("data=digits", "decoder=unet"),
    "decoder/mlp": ("data=digits", "latent=dense", "encoder=mlp"),
    "decoder/unet": ("data=digits", "encoder=unet"),
    "decoder/output/dense": ("data=digits", "latent=dense", "encoder=mlp", "decoder=mlp"),
    "noise/none": (*SMALL, "noise.resample=epoch"),
}
COUNTS = {
    "shallow_pool": (1101, 100, 1001),
    "shallow_pool_linear_mse": (1101, 100, 1001),
    "conv_only": (10, 0, 10),
    "conv_pool": (191, 100, 91),
    "conv_conv": (191, 100, 91),
    "dense_latent": (200_963, 98_946, 102_017),
    "spatial_latent": (185_217, 92_672, 92_545),
    "spatial_latent_mse": (185_217, 92_672, 92_545),
}


def one_step(config, images: Images):
    """The model after one training step and one test step, with its first and its next losses."""
    model = build(config, images.shape, np.full(images.shape[-1], 0.1))
    model.compile(optimizer=optimizers.build(config.optimizer, 1, config.training.epochs))
    corruption = instantiate(config.noise, _convert_="object")
    noisy, clean = next(iter(training_batches(images, corruption, config, 0)))
    before = [variable.numpy() for variable in model.trainable_variables]
    logs = model.train_step((noisy, clean)) | model.test_step((noisy, clean))
    assert noisy.shape == clean.shape == (len(images), *images.shape)
    assert all(np.isfinite(value) for value in logs.values())
    assert any(np.any(old != new) for old, new in zip(before, model.trainable_variables, strict=True))
    image = model.denoiser(noisy, training=False)
    assert (image.dtype, image.shape) == (tf.float32, clean.shape)
    np.testing.assert_array_equal(image, model(noisy, training=False)["image"])
    return model


def files_for(option: str, folder) -> tuple[str, ...]:
    """Data of a person's own, where the option reads them."""
    pixels = np.random.default_rng(0).integers(0, 256, (20, 8, 8), dtype=np.uint8)
    if option == "data/npz":
        np.savez(folder / "own.npz", images=pixels)
        return (f"data.path={folder / 'own.npz'}",)
    if option == "data/folder":
        for number, image in enumerate(pixels):
            Image.fromarray(image).save(folder / f"{number}.png")
        return (f"data.path={folder}", "data.size=[8,8]")
    return ()


@pytest.mark.parametrize("option", OPTIONS)
def test_an_option_learns(compose, tiny, tmp_path, option):
    group, _, name = option.rpartition("/")
    own = files_for(option, tmp_path)
    small = SMALL if group not in ("encoder", "decoder", "data") else SMALL[1:] if group == "data" else SMALL[:1]
    config = compose(*NEEDS.get(option, small), f"{group}={name}", *own)
    shape = config.data.image_shape()
    images = instantiate(config.data, _convert_="object").train[:2] if own else tiny(2, shape)
    model = one_step(config, images)
    assert parameter_counts(model)["parameters"] == model.count_params() - model.step_losses.shape[0]


@pytest.mark.parametrize("preset", PRESETS)
def test_a_published_system_learns_and_has_its_parameters(compose, tiny, preset):
    config = compose(f"experiment={preset}")
    assert config.name == preset
    model = one_step(config, tiny(2, (28, 28, 1)))
    assert tuple(parameter_counts(model).values()) == COUNTS[preset]
