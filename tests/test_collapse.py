"""Each kind of collapse is told from the others, and from models that work."""

import numpy as np
import pytest

from dae_lab.collapse import FIXED, diagnose
from dae_lab.pixels import to_float


@pytest.fixture(scope="module")
def sets(digits):
    clean = to_float(digits.pixels)
    noisy = np.clip(clean + np.random.default_rng(0).normal(0, 0.5, clean.shape), 0, 1).astype(np.float32)
    return clean, noisy, clean.mean(axis=0)


def label(sets, reconstruction, sigmoid=True) -> str:
    clean, noisy, mean = sets
    return diagnose(clean, noisy, np.float32(reconstruction), mean, sigmoid).label


def trembling(level, shape, size=0.005):
    """An output that still moves a little, as that of a real collapsed network does."""
    return level + np.random.default_rng(1).uniform(-size, size, shape)


def test_fixed_outputs_have_their_names(sets):
    clean, _, mean = sets
    shape = clean.shape
    checker = np.indices(shape[1:3]).sum(axis=0)[:, :, None] % 2
    outputs = {
        "black": trembling(0.005, shape),
        "white": trembling(0.995, shape),
        "constant": trembling(0.13, shape),
        "mean_image": mean + trembling(0, shape),
        "fixed_image": checker + trembling(0, shape),
    }
    assert {name: label(sets, output) for name, output in outputs.items()} == {name: name for name in outputs}
    assert set(outputs) == set(FIXED)


def test_handing_the_noise_through_is_identity(sets):
    clean, noisy, _ = sets
    assert label(sets, noisy) == "identity"
    assert label(sets, noisy + 0.01 * (clean - noisy)) == "identity"
    assert label(sets, 0.5 * (clean + noisy)) == "none"


def test_models_that_work_or_half_work_are_not_collapsed(sets):
    clean, _, mean = sets
    assert label(sets, clean) == "none"
    assert label(sets, 0.8 * mean + 0.2 * clean) == "none"  # its variance is 4 % of the clean images'
    assert label(sets, 0.95 * mean + 0.05 * clean) == "mean_image"  # 0.25 %


def test_without_noise_a_perfect_model_is_no_identity(sets):
    clean, _, mean = sets
    assert diagnose(clean, clean, clean, mean, sigmoid=True).label == "none"


@pytest.mark.parametrize("count", [1, 5])
def test_equal_images_tell_nothing(sets, count):
    clean = np.repeat(sets[0][:1], count, axis=0)
    found = diagnose(clean, clean + 0.1, np.zeros_like(clean), sets[2], sigmoid=True)
    assert found.label == "unknown"
    assert found.sentence() == ""
    assert np.isnan(found.variance_ratio)


def test_numbers_are_what_they_say(sets):
    clean, noisy, mean = sets
    output = np.float32(0.5) * clean
    found = diagnose(clean, noisy, output, mean, sigmoid=True, gradient_norm=2.0)
    assert found.variance_ratio == pytest.approx(0.25)
    assert found.mse == pytest.approx(np.mean((0.5 * clean) ** 2), rel=1e-5)
    assert found.energy == pytest.approx(np.mean(clean**2), rel=1e-5)
    assert found.saturated == pytest.approx(np.mean(output * (1 - output) < 1e-4))
    assert found.gradient_norm == 2.0
    assert np.isnan(diagnose(clean, noisy, output, mean, sigmoid=False).saturated)


def test_the_sentence_gives_the_numbers(sets):
    clean, noisy, mean = sets
    black = diagnose(clean, noisy, np.zeros_like(clean), mean, sigmoid=True)
    energy = f"{np.mean(clean.astype(np.float64) ** 2):.4f}"
    assert black.sentence() == (
        f"the output is black for every input; its MSE {energy} equals E[x²] of the clean images, {energy}, "
        "and 100.0% of its sigmoids are saturated"
    )
    grey = diagnose(clean, noisy, np.full_like(clean, 0.019), mean, sigmoid=True)
    assert grey.label == "black"
    assert abs(grey.mse - grey.energy) > 0.01 * grey.energy
    assert f"its MSE {grey.mse:.4f} is near E[x²] of the clean images, {energy}" in grey.sentence()
    assert diagnose(clean, noisy, clean, mean, sigmoid=True).sentence() == ""
    assert "noisy image itself" in diagnose(clean, noisy, noisy, mean, sigmoid=True).sentence()


def test_the_mean_of_dark_images_is_not_black():
    """Dots of four pixels in 28 × 28: the mean image is within 0.02 of black, and still the mean image."""
    clean = np.zeros((60, 28, 28, 1), np.float32)
    places = np.random.default_rng(0).integers(0, 27, (60, 2))
    for image, (row, column) in zip(clean, places, strict=True):
        image[row : row + 2, column : column + 2] = 1
    mean = clean.mean(axis=0)
    assert np.sqrt(np.mean(mean**2)) < 0.02
    repeated = np.broadcast_to(mean, clean.shape)
    assert diagnose(clean, clean + 0.1, repeated, mean, sigmoid=True).label == "mean_image"
    assert diagnose(clean, clean + 0.1, 0 * repeated, mean, sigmoid=True).label == "black"
