"""Which images are fitted, which are tuned on, and under which noise."""

import numpy as np
import pytest

from dae_lab.baselines.fitting import Fitted, FittingData, blocks, clip_to_range, fits_whole
from dae_lab.data.images import Images
from dae_lab.noise import corrupted
from dae_lab.pixels import to_float
from dae_lab.seeds import derive

SEED = 5


def fitting_data(made) -> FittingData:
    return FittingData(made.data, made.corruption, made.validation, 6, SEED)


def noisy(made, images, stream: str) -> np.ndarray:
    return corrupted(images, made.corruption, derive(SEED, stream))


@pytest.mark.parametrize(("validation", "tuned"), [(10, 10), (230, 200)])
def test_tuned_is_on_validation_images(problem, validation, tuned):
    made = problem(validation=validation)
    tuning = fitting_data(made).tuning
    assert tuning.title == f"{tuned} validation images"
    np.testing.assert_array_equal(tuning.noisy, made.validation[0][:200])
    np.testing.assert_array_equal(tuning.clean, to_float(made.validation[1].pixels[:200]))
    assert fitting_data(made).train.rows == range(60)


def test_tuned_is_on_images_left_out_of_the_fit_where_validation_images_are_test_images(problem):
    """As in article B's presets; also where the rows in common are not judged, for ``evaluation.limit``."""
    made = problem(rows={"train": [0, 60], "validation": [70, 80], "test": [60, 82]})
    some = fitting_data(made._replace(test=(made.test[0][:5], made.test[1][:5])))
    assert some.train.rows == range(54)
    assert some.tuning.title == "6 training images that were not fitted"
    np.testing.assert_array_equal(some.tuning.noisy, noisy(made, made.data.train[54:], "baseline noise"))
    np.testing.assert_array_equal(some.tuning.clean, to_float(made.data.train.pixels[54:]))


@pytest.mark.parametrize(("train", "fitted"), [(20, 18), (25, 23), (12000, 11000)])
def test_a_tenth_of_the_training_images_is_left_out_at_most_a_thousand(problem, train, fitted):
    made = problem(train=train, validation=0, shape=(3, 4, 1))
    assert len(fitting_data(made).train) == fitted
    assert len(fitting_data(made).tuning.clean) == min(200, train - fitted)


@pytest.mark.parametrize("train", [1, 19])
def test_few_images_are_all_fitted_and_tuned_on_under_another_noise(problem, train):
    made = problem(train=train, validation=0)
    some = fitting_data(made)
    assert len(some.train) == train
    assert some.tuning.title == f"{train} training images, the very ones that were fitted"
    np.testing.assert_array_equal(some.tuning.noisy, noisy(made, made.data.train, "baseline tuning noise"))
    assert not np.array_equal(some.tuning.noisy, noisy(made, made.data.train, "baseline noise"))


def test_the_error_and_level_of_noise(problem):
    made = problem()
    tuning = fitting_data(made).tuning
    error = np.mean((made.validation[0] - tuning.clean) ** 2)
    assert tuning.error(made.validation[0]) == pytest.approx(error)
    assert tuning.noise_level == pytest.approx(np.sqrt(error))
    assert tuning.at_most(3).title == "3 validation images"


def test_the_cut_leaves_what_is_in_range_and_what_is_no_number():
    answers = np.array([-np.inf, -0.1, 0, 0.25, 1, 1.5, np.inf, np.nan], np.float32)
    found = clip_to_range(answers)
    np.testing.assert_array_equal(found, np.array([0, 0, 0, 0.25, 1, 1, 1, np.nan], np.float32))
    assert found.dtype == np.float32


def test_a_bounded_fit_says_that_it_is_cut():
    denoise, note = Fitted(lambda noisy: 3 * noisy - 1, "a line").clipped()
    np.testing.assert_array_equal(denoise(np.array([0, 0.5, 1], np.float32)), [0, 0.5, 1])
    assert note == "a line; cut to [0, 1]"


def test_blocks_hold_every_image_once():
    images = Images(np.zeros((1200, 28, 28, 1), np.uint8), None, range(7, 1207))
    parts = list(blocks(images))
    assert [len(part) for part in parts] == [510, 510, 180]
    assert [part.rows.start for part in parts] == [7, 517, 1027]
    large = Images(np.broadcast_to(np.uint8(0), (3, 800, 800, 3)), None, range(3))
    assert [len(part) for part in blocks(large)] == [1, 1, 1]


def test_images_of_4096_values_fit_whole():
    assert fits_whole((64, 64, 1))
    assert not fits_whole((64, 65, 1))
    assert not fits_whole((64, 64, 3))
