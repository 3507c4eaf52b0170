"""A training as a whole: its first numbers, its end, and what it starts from."""

import numpy as np
import pytest

from dae_lab.errors import TrainingError
from dae_lab.losses import Output
from dae_lab.model import graph_cache
from dae_lab.model.autoencoder import build
from dae_lab.noise import corrupted
from dae_lab.pixels import to_float
from dae_lab.training import fit
from dae_lab.training.batches import TrainingData, evaluation_batches

SMALL = (
    *("encoder.filters=[4,8]", "encoder.strides=[2]", "decoder.filters=[4]", "decoder.strides=[2]"),
    *("decoder.output.layer=upsample_conv", "decoder.output.stride=2", "training.batch_size=20"),
)


def train(config, images, folder, validation=None) -> list[dict[str, float]]:
    fit.set_determinism(config.training.deterministic)
    corruption, validation = config.noise, images[:0] if validation is None else validation
    model = build(config, images.shape, to_float(images.pixels).mean(axis=(0, 1, 2)))
    graph_cache._last.clear()  # no test gets the model of another
    data = TrainingData(images, corruption, config.training, config.seed)
    model, history = fit.prepare(model, config, data.steps_per_epoch, folder)
    noisy = corrupted(validation, corruption, 1)
    batches = evaluation_batches(noisy, validation, config.evaluation.batch_size)
    return fit.fit(model, data, batches, folder, history)


GOLDEN = {
    "train/loss": [0.65198, 0.55379, 0.51903],
    "val/loss": [0.57944, 0.53639, 0.49162],
    "val/mse": [0.17526, 0.13499, 0.12944],
    "val/psnr": [7.5716, 8.7805, 8.9444],
}


def test_golden_trajectory(compose, digits, tmp_path, capsys):
    """The same code, seed and data give the same numbers, up to the rounding of other machines."""
    config = compose(*SMALL, "training.epochs=3", "optimizer.learning_rate=0.01")
    history = train(config, digits[:80], tmp_path, digits[80:])
    for key, values in GOLDEN.items():
        assert [epoch[key] for epoch in history] == pytest.approx(values, rel=1e-4)
    others = {"val/mae", "val/ssim", "val/bce", "val/bce_excess", "time/epoch_s"}
    assert [set(epoch) for epoch in history] == [{*GOLDEN, *others}] * 3
    assert "epoch 3/3  train/loss 0.5190" in capsys.readouterr().err


def test_without_validation_a_run_goes_on_too(compose, digits, tmp_path):
    config = compose(*SMALL, "training.epochs=1", "training.checkpoint_s=0")
    first = train(config, digits[:20], tmp_path)
    assert set(first[0]) == {"train/loss", "time/epoch_s"}
    assert train(config, digits[:20], tmp_path) == first


def test_a_loss_that_explodes_is_named_with_its_step(compose, digits, tmp_path):
    config = compose(
        *SMALL, "training.epochs=3", "optimizer.learning_rate=1e9", "training.steps_per_execution=1"
    )
    with pytest.raises(
        TrainingError, match=r"the training loss became (nan|inf) at step [2-9]: .*learning_rate"
    ):
        train(config, digits, tmp_path)


@pytest.mark.parametrize(
    ("preset", "expected"),
    [
        ("shallow_pool", lambda x: np.log(2)),
        ("spatial_latent", lambda x: np.log(2)),
        ("spatial_latent_mse", lambda x: np.square(0.5 - x).mean()),
        ("dense_latent", lambda x: np.square(0.5 - x).mean()),
        ("shallow_pool_linear_mse", lambda x: np.square(x).mean()),
    ],
)
def test_a_published_system_starts_where_a_grey_image_stands(compose, digits, preset, expected):
    """With zero biases and small kernels the first logits are near 0: the output is 0.5, or 0 if linear."""
    config, clean = compose(f"experiment={preset}"), to_float(digits.pixels)
    model = build(config, digits.shape, np.zeros(1))
    outputs = model(corrupted(digits, config.noise, 1))
    loss = model.denoising_loss(clean, Output(outputs["logits"], outputs["image"], model.activation))
    assert float(loss) == pytest.approx(expected(clean), rel=0.15)


@pytest.mark.parametrize("steps", [1, 2, 31, 32, 60, 469])
@pytest.mark.parametrize("limit", [1, 2, 7, 8, 1000])
def test_steps_in_one_execution_divide_the_epoch(steps, limit):
    number = fit.largest_divisor(steps, limit)
    assert 1 <= number <= limit
    assert steps % number == 0
    assert not any(steps % more == 0 for more in range(number + 1, min(steps, limit) + 1))
