"""Principal components against scikit-learn's."""

import numpy as np
import pytest
from sklearn.decomposition import PCA

from dae_lab.baselines.pca import pca
from dae_lab.data.images import Images
from dae_lab.pixels import to_float


@pytest.mark.parametrize("shape", [(6, 5, 1), (4, 5, 3)])
def test_reconstructions_are_scikit_learns(images, shape):
    train = images(80, shape)
    noisy = np.random.default_rng(1).normal(0.5, 1, (7, *shape)).astype(np.float32)
    denoise, note = pca(Images(train, None, range(80)), 4)
    fit = PCA(4, svd_solver="full").fit(to_float(train).reshape(80, -1))
    expected = fit.inverse_transform(fit.transform(noisy.reshape(7, -1))).reshape(noisy.shape)
    np.testing.assert_allclose(denoise(noisy), expected, atol=1e-4)
    assert denoise(noisy).dtype == np.float32
    assert note == "4 components, fitted on 80 clean training images"


def test_a_code_as_large_as_the_image_hands_the_noise_through(images):
    noisy = np.random.default_rng(1).normal(0.5, 1, (7, 6, 5, 1)).astype(np.float32)
    denoise, note = pca(Images(images(80, (6, 5, 1)), None, range(80)), 6272)
    np.testing.assert_allclose(denoise(noisy), noisy, atol=1e-5)
    assert note == "as many components as an image has values, 30: the noise is handed through"


@pytest.mark.parametrize("count", [1, 3])
def test_few_images_have_few_components(images, count):
    train = images(count, (6, 5, 1))
    denoise, note = pca(Images(train, None, range(count)), 6272)
    np.testing.assert_allclose(denoise(to_float(train)), to_float(train), atol=1e-5)
    noise = np.random.default_rng(1).normal(size=(500, 6, 5, 1)).astype(np.float32)
    answers = denoise(noise) - denoise(np.zeros((1, 6, 5, 1), np.float32))
    assert np.linalg.matrix_rank(answers.reshape(500, -1), tol=1e-3) == count - 1
    assert note.endswith(f"all there are in {count} clean training images")


def test_one_component_is_not_called_components(images):
    assert pca(Images(images(9), None, range(9)), 1).note.startswith("1 component, ")
