"""Pictures show the images they say they show, and are left out where there is nothing to show."""

from dataclasses import replace

import numpy as np
import pytest
from evaluations import HISTORY, TRAJECTORY, made, unlabelled

from dae_lab.pixels import to_float
from dae_lab.report.pictures import extremes, pictures

KERNELS = np.random.default_rng(0).standard_normal((3, 3, 1, 8)).astype(np.float32)
VIEWS = ["code_flattened", "code_pooled"]
ALL = [
    *("reconstructions", "baselines", "baseline_examples", "classes", "training", "noise_levels"),
    *("corruptions", *VIEWS, "decoded", "traversal", "kernels"),
]


def drawn(found, history=HISTORY, trajectory=TRAJECTORY, kernels=KERNELS):
    return pictures(found, history, trajectory, kernels, "sigma = 0.3", "bce")


def places(picture, image: np.ndarray) -> list[int]:
    """The x of every place at which ``image`` (h, w, 1) is shown, enlarged without smoothing."""
    canvas = np.asarray(picture)[:, :, 0]
    scale = -(-84 // max(image.shape[:2]))
    level = np.rint(np.clip(image[..., 0], 0, 1) * 255).astype(np.uint8).repeat(scale, 0).repeat(scale, 1)
    height, width = level.shape
    starts = np.lib.stride_tricks.sliding_window_view(canvas, width, axis=1)
    at = np.argwhere((starts == level[0]).all(axis=-1))
    return [x for y, x in at if np.array_equal(canvas[y : y + height, x : x + width], level)]


@pytest.mark.parametrize("count", [1, 2, 3, 4, 11, 12, 13, 100])
def test_no_image_is_shown_twice_and_the_groups_are_what_they_are_called(count):
    errors = np.random.default_rng(count).permutation(count) / count
    groups = extremes(errors)
    every = np.concatenate(list(groups.values()))
    assert len(set(every)) == len(every) == min(count, 12) - min(count, 12) % 3 or count < 3
    shown = [errors[some] for some in groups.values()]
    assert errors.min() in shown[0]
    assert count == 1 or errors.max() in shown[-1]
    assert all(first.max() < second.min() for first, second in zip(shown, shown[1:], strict=False))
    if "median" in groups:
        below, above = (errors < shown[1].min()).sum(), (errors > shown[1].max()).sum()
        assert abs(below - above) <= 1


def test_what_is_not_a_number_is_among_the_worst():
    errors = np.array([0.1, np.nan, 0.3, 0.2] + [0.15] * 20)
    assert extremes(errors)["worst"][-1] == 1


def test_the_names_come_in_the_order_of_the_page():
    assert list(drawn(made())) == ALL


@pytest.mark.parametrize(
    ("found", "given", "gone"),
    [
        (unlabelled(geometry=None), {}, {"classes", *VIEWS}),
        (made(convergence=None), {"trajectory": []}, set()),
        (made(generalisation=None), {}, {"noise_levels", "corruptions"}),
        (made(decoded=None), {}, {"decoded", "traversal"}),
        (made(), {"kernels": None}, {"kernels"}),
        (made(), {"history": []}, {"training"}),
    ],
    ids=["labels", "validation", "images=0", "skips", "dense", "no epoch"],
)
def test_what_makes_no_sense_is_left_out(found, given, gone):
    assert list(drawn(found, **given)) == [name for name in ALL if name not in gone]


def test_corruptions_of_no_strength_and_none_at_all_are_left_out():
    found = made()
    bare = replace(found, generalisation=replace(found.generalisation, levels={}, corruptions={}))
    assert set(ALL) - set(drawn(bare)) == {"noise_levels", "corruptions"}


CASES = {
    "one image": made(1),
    "two images": made(2),
    "three images": made(3),
    "a class of one image": made(20, labels=np.array([5] + [0, 1] * 9 + [1])),
    "non-square colour": made(13, (20, 30, 3)),
    "collapsed": made(error=np.inf),
    "no noise": made(sigma=0),
    "far outside [0, 1]": made(sigma=50),
    "a code of two values": made(code=(2,)),
    "a code of one value": made(code=(1,)),
    "no labels": unlabelled(),
    "one epoch": made(),
}


@pytest.mark.parametrize("case", CASES)
def test_every_picture_shows_something(case):
    found = CASES[case]
    short = {"history": HISTORY[:1], "trajectory": TRAJECTORY[:2]} if case == "one epoch" else {}
    for name, picture in drawn(found, **short).items():
        assert picture.mode == "RGB", name
        assert len(np.unique(np.asarray(picture).reshape(-1, 3), axis=0)) > 2, name


def test_best_median_and_worst_images_are_shown_as_they_are_and_no_others():
    found = made(24)
    picture = drawn(found)["reconstructions"]
    noisy, images = found.test
    chosen = set(np.concatenate(list(extremes(found.model["mse"]).values())).tolist())
    assert len(chosen) == 12
    for place in range(24):
        for some in (to_float(images.pixels), noisy, found.reconstruction):
            assert len(places(picture, some[place])) == (place in chosen)


def test_the_first_test_images_are_shown_with_the_answers_of_the_best_baselines():
    found = made(24)
    picture = drawn(found)["baseline_examples"]
    for place in range(10):
        for name in ("black", "median", "mean_image"):
            assert places(picture, found.baselines[name].examples[place]), name
        assert places(picture, found.reconstruction[place])
    assert not places(picture, found.reconstruction[10])


def test_the_traversal_goes_along_the_middle_row_and_up_the_middle_column():
    found = made()
    picture = drawn(found)["traversal"]
    grid = found.decoded.reshape(12, 12, 16, 16, 1)
    for line in ([grid[6, x] for x in range(12)], [grid[y, 6] for y in reversed(range(12))]):
        across = [places(picture, image)[0] for image in line]
        assert across == sorted(set(across))


def test_the_training_picture_has_reference_lines_only_beside_a_trajectory():
    """Without validation images no MSE was watched, so there is nothing to hold against the baselines."""
    found = made()
    alone = drawn(found, trajectory=[])["training"]
    beside = drawn(found)["training"]
    assert alone.size != beside.size or np.any(np.asarray(alone) != np.asarray(beside))
