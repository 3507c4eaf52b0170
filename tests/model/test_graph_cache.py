"""A model that is used again is as a new one, to the last bit, and its graphs are not traced again."""

from pathlib import Path

import numpy as np
import pytest

from dae_lab.model import graph_cache
from dae_lab.model.autoencoder import Autoencoder, build
from dae_lab.noise import corrupted
from dae_lab.training import fit
from dae_lab.training.batches import TrainingData, evaluation_batches

SMALL = (
    "data=digits",
    "encoder.filters=[3]",
    "encoder.strides=[2]",
    "decoder.filters=[3]",
    "decoder.strides=[2]",
    "training.epochs=2",
    "training.batch_size=6",
    "encoder.dropout=0.3",
    "encoder.batch_norm=after_activation",
)


@pytest.fixture(autouse=True)
def _nothing_is_known():
    graph_cache._last.clear()
    yield
    graph_cache._last.clear()


def prepared(config, images, folder: Path):
    """The model that a run of ``config`` would train, and its history."""
    data = TrainingData(images, config.noise, config.training, config.seed)
    model = build(config, images.shape, np.full(1, 0.3))
    return fit.prepare(model, config, data.steps_per_epoch, folder)


def train(config, tiny, folder: Path):
    """The trained model, and all its variables."""
    images, validation, corruption = tiny(20), tiny(5, seed=1), config.noise
    model, history = prepared(config, images, folder)
    assert int(model.optimizer.iterations) == 0
    batches = evaluation_batches(
        corrupted(validation, corruption, 1), validation, config.evaluation.batch_size
    )
    data = TrainingData(images, corruption, config.training, config.seed)
    fit.fit(model, data, batches, folder, history)
    return model, [variable.numpy() for variable in (*model.variables, *model.optimizer.variables)]


@pytest.mark.parametrize("latent", ["variational", "contractive", "vector_quantised"])
def test_it_is_as_new(compose, tiny, tmp_path, latent, monkeypatch):
    steps = []
    step = Autoencoder.train_step
    monkeypatch.setattr(Autoencoder, "train_step", lambda *given: steps.append(1) or step(*given))
    chosen = (*SMALL, f"latent={latent}", "optimizer/schedule=cosine")
    first, numbers = train(compose(*chosen, "seed=0"), tiny, tmp_path / "0")
    count = len(steps)  # Python is run only when a graph is traced
    second, others = train(compose(*chosen, "seed=1"), tiny, tmp_path / "1")
    third, again = train(compose(*chosen, "seed=0"), tiny, tmp_path / "2")
    assert first is second is third
    for one, other in zip(numbers, again, strict=True):
        np.testing.assert_array_equal(one, other)
    assert any((one != other).any() for one, other in zip(numbers, others, strict=True))
    assert len(steps) == count > 0


@pytest.mark.parametrize(
    "change", ["loss=mse", "optimizer.learning_rate=0.5", "encoder.filters=[4]", "training.batch_size=5"]
)
def test_another_network_gets_its_own(compose, tiny, tmp_path, change):
    first, _ = prepared(compose(*SMALL), tiny(20), tmp_path)
    second, _ = prepared(compose(*SMALL, change), tiny(20), tmp_path)
    assert first is not second
    assert list(graph_cache._last.values()) == [second], "one is kept"


def test_images_of_another_size_get_their_own(compose, tiny, tmp_path):
    models = [
        prepared(compose(*SMALL), tiny(6, shape), tmp_path)[0] for shape in [(7, 9, 1), (7, 9, 1), (9, 7, 1)]
    ]
    assert models[0] is models[1]
    assert models[1] is not models[2]
    assert models[2].denoiser.output_shape == (None, 9, 7, 1)


def test_noise_is_no_part_of_it(compose, tiny, tmp_path):
    first, _ = prepared(compose(*SMALL), tiny(20), tmp_path)
    second, _ = prepared(compose(*SMALL, "noise.sigma=0.1"), tiny(20), tmp_path)
    assert first is second
