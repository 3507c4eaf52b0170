"""Filters against scikit-image's and SciPy's on one image at a time, and the choice of their strength."""

import numpy as np
import pytest
from scipy import ndimage
from skimage import restoration

from dae_lab.baselines.classical import FILTERS, tune
from dae_lab.baselines.fitting import Tuning
from dae_lab.pixels import to_float

NAMES = list(FILTERS)


def noisy_and_clean(images, count=6, shape=(20, 30, 3), sigma=0.3):
    clean = to_float(images(count, shape))
    noise = np.random.default_rng(1).normal(0, sigma, clean.shape)
    return (clean + noise).astype(np.float32), clean


def one_channel(name: str, image: np.ndarray, strength: float) -> np.ndarray:
    """The filter on one image (h, w)."""
    return {
        "median": lambda: ndimage.median_filter(image, int(strength)),
        "gaussian_filter": lambda: ndimage.gaussian_filter(image, strength, mode="nearest"),
        "total_variation": lambda: restoration.denoise_tv_chambolle(image, weight=strength),
        "wavelet": lambda: restoration.denoise_wavelet(image, sigma=strength, wavelet_levels=3),
    }[name]()


@pytest.mark.parametrize("name", [name for name in NAMES if name != "non_local_means"])
def test_every_channel_of_every_image_is_filtered_by_itself(images, name):
    noisy, _ = noisy_and_clean(images, count=3)
    strength = 3 if name == "median" else 0.6
    answers = FILTERS[name](noisy, strength)
    assert answers.dtype == np.float32
    for n, channel in np.ndindex(3, 3):
        expected = one_channel(name, noisy[n, ..., channel], strength)
        np.testing.assert_allclose(answers[n, ..., channel], expected, atol=1e-5)


def test_non_local_means_compares_patches_of_all_channels(images):
    noisy, _ = noisy_and_clean(images, count=2)
    answers = FILTERS["non_local_means"](noisy, 0.2)
    assert answers.dtype == np.float32
    for image, answer in zip(noisy, answers, strict=True):
        expected = restoration.denoise_nl_means(image, 5, 5, 0.2, channel_axis=2)
        np.testing.assert_allclose(answer, expected, atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_the_strength_is_the_best_of_the_grid(images, name):
    noisy, clean = noisy_and_clean(images, shape=(20, 30, 1))
    a_filter = FILTERS[name]
    assert 4 <= len(a_filter.strengths) <= 8
    scale = np.sqrt(np.mean((noisy - clean) ** 2, dtype=np.float64)) if a_filter.relative else 1
    strengths = np.array([0, *a_filter.strengths]) * scale
    errors = [np.mean((np.clip(a_filter(noisy, strength), 0, 1) - clean) ** 2) for strength in strengths]
    denoise, note = tune(a_filter, Tuning(noisy, clean, "made images")).clipped()
    assert np.mean((denoise(noisy) - clean) ** 2) == pytest.approx(min(errors), rel=1e-6)
    assert min(errors) < errors[0]  # it removes noise
    assert note.startswith(f"{a_filter.symbol} = {strengths[np.argmin(errors)]:.3g}")
    assert note.endswith(", chosen on 6 made images; cut to [0, 1]")


@pytest.mark.parametrize("name", NAMES)
def test_where_there_is_no_noise_nothing_is_done(images, name):
    _, clean = noisy_and_clean(images, shape=(20, 30, 1))
    denoise, note = tune(FILTERS[name], Tuning(clean, clean, "made images"))
    np.testing.assert_array_equal(denoise(clean), clean)
    assert note == "left as it is, chosen on 6 made images"


@pytest.mark.parametrize("shape", [(1, 3, 3, 1), (2, 5, 3, 3)])
@pytest.mark.parametrize("name", NAMES)
def test_tiny_and_constant_images_and_values_far_outside(name, shape):
    """No warning, no NaN, and no clipping: values far outside [0, 1] stay what they are."""
    clean = np.full(shape, 0.5, np.float32)
    for noisy in (clean, np.full(shape, 40, np.float32), np.full(shape, -7, np.float32)):
        for strength in (3, 5) if name == "median" else (0.01, 2):
            np.testing.assert_allclose(FILTERS[name](noisy, strength), noisy, rtol=1e-4)
    spread = np.random.default_rng(0).normal(0, 5, shape).astype(np.float32)
    denoise, _ = tune(FILTERS[name], Tuning(spread, clean, "made images"))
    assert np.isfinite(denoise(spread)).all()


def test_the_strength_is_chosen_by_what_is_left_after_the_cut():
    """Uncut, the answer 1.4 is worse than 0.7 where 1 is right; cut, it is right."""
    clean = np.ones((1, 4, 4, 1), np.float32)
    answers = {1.0: 0.7 * clean, 2.0: 1.4 * clean}
    assert Tuning(clean, clean, "made images").best([1.0, 2.0], answers.__getitem__) == 2.0


def test_a_strength_that_gives_nan_is_not_passed_over():
    clean = np.zeros((1, 4, 4, 1), np.float32)
    broken = {0.0: clean + 1, 1.0: clean * np.nan, 2.0: clean}
    assert Tuning(clean, clean, "made images").best([0.0, 1.0, 2.0], broken.__getitem__) == 1.0
