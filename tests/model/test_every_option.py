"""Every option of every group composes, validates and learns: found in conf/, so a new one is tested too."""

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from dae_lab.config.run import Config
from dae_lab.data.images import Images
from dae_lab.model.autoencoder import Autoencoder, build, parameter_counts
from dae_lab.noise import image_seeds
from dae_lab.paths import conf_folder
from dae_lab.pixels import to_float

CONF = conf_folder()
GROUPS = sorted(path.relative_to(CONF).as_posix() for path in CONF.rglob("*") if path.is_dir())
OPTIONS = [
    f"{group}/{file.stem}"
    for group in GROUPS
    if not group.startswith(("hydra", "experiment", "claim"))
    for file in sorted(CONF.joinpath(group).glob("*.yaml"))
]
PRESETS = sorted(file.stem for file in CONF.joinpath("experiment").glob("*.yaml"))

PIXELS = ("data=digits",)
ONE_LAYER = ("encoder.filters=[]", "encoder.strides=[1]", "decoder.filters=[]", "decoder.strides=[1]")
BESIDE = {
    "encoder/mlp": (*PIXELS, "latent=dense", "decoder=mlp"),
    "encoder/residual": PIXELS,
    "encoder/conv": PIXELS,
    "encoder/unet": (*PIXELS, "decoder=unet"),
    "decoder/mlp": (*PIXELS, "latent=dense", "encoder=mlp"),
    "decoder/conv_transpose": PIXELS,
    "decoder/upsample_conv": PIXELS,
    "decoder/residual": PIXELS,
    "decoder/unet": (*PIXELS, "encoder=unet"),
    "decoder/output/dense": (*PIXELS, "latent=dense", "encoder=mlp", "decoder=mlp"),
    **dict.fromkeys([option for option in OPTIONS if option.startswith("data/")], ONE_LAYER),
}
"""What an option needs, or is told to be quick; all others are added to a single convolution."""

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
"""Parameters in all, of the encoder, of the decoder, as the articles print them."""


def learn(config: Config, images: Images) -> Autoencoder:
    """The model that ``config`` describes, after one training step and one test step."""
    model = build(config, images.shape, np.full(images.shape[-1], 0.1))
    model.compile(optimizer=config.optimizer.build(1, config.training.epochs))
    clean = tf.constant(to_float(images.pixels))
    noisy = config.noise(clean, image_seeds(images.rows, 1))
    before = [variable.numpy() for variable in model.trainable_variables]
    logs = model.train_step((noisy, clean)) | model.test_step((noisy, clean))
    assert all(np.isfinite(value) for value in logs.values())
    assert any(np.any(old != new) for old, new in zip(before, model.trainable_variables, strict=True))
    image = model.denoiser(noisy, training=False)
    assert (image.dtype, image.shape) == (tf.float32, clean.shape)
    return model


def own_files(option: str, folder) -> tuple[str, ...]:
    """Data of a person's own, for the options that read them."""
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
    own = own_files(option, tmp_path)
    config = compose(f"{group}={name}", *BESIDE.get(option, PIXELS + ONE_LAYER), *own)
    images = config.data.load().train[:2] if own else tiny(2, config.data.image_shape())
    learn(config, images)


@pytest.mark.parametrize("preset", PRESETS)
def test_a_published_system_learns_and_has_its_parameters(compose, tiny, preset):
    config = compose(f"experiment={preset}")
    assert config.name == preset
    assert tuple(parameter_counts(learn(config, tiny(2, (28, 28, 1)))).values()) == COUNTS[preset]
