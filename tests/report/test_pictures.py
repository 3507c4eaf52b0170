"""Pictures show the images they say they show, and are left out where there is nothing to show."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from evaluations import HISTORY, TRAJECTORY, drawn, example, made, unlabelled

from dae_lab.evaluation.robustness import Robustness
from dae_lab.pixels import to_float
from dae_lab.report.pictures import extremes

ALL = [
    *("reconstructions", "baselines", "baseline_examples", "classes", "training", "noise_levels"),
    *("corruptions", "code_flattened", "code_pooled", "decoded", "traversal", "kernels"),
]
VIEWS = {"code_flattened", "code_pooled"}


def places(picture, image: np.ndarray) -> list[tuple[int, int]]:
    """Every (y, x) at which ``image`` (h, w, 1) is shown, enlarged without smoothing."""
    canvas = np.asarray(picture)[:, :, 0]
    scale = -(-84 // max(image.shape[:2]))
    level = np.rint(np.clip(image[..., 0], 0, 1) * 255).astype(np.uint8).repeat(scale, 0).repeat(scale, 1)
    found = []
    for y in range(len(canvas) - len(level) + 1):
        row, x = canvas[y].tobytes(), -1
        while (x := row.find(level[0].tobytes(), x + 1)) >= 0:
            if np.array_equal(canvas[y : y + len(level), x : x + level.shape[1]], level):
                found.append((y, x))
    return found


@pytest.mark.parametrize("count", [1, 2, 3, 4, 11, 12, 13, 100])
def test_no_image_is_shown_twice_and_the_groups_are_what_they_are_called(count):
    errors = np.random.default_rng(count).permutation(count) / count
    groups = extremes(errors)
    every = np.concatenate(list(groups.values()))
    assert len(set(every)) == len(every) == (count if count < 3 else 3 * min(4, count // 3))
    shown = [errors[some] for some in groups.values()]
    assert errors.min() in shown[0]
    assert count == 1 or errors.max() in shown[-1]
    assert all(first.max() < second.min() for first, second in pairwise(shown))
    if count >= 3:
        below, above = (errors < shown[1].min()).sum(), (errors > shown[1].max()).sum()
        assert abs(below - above) <= 1


def test_what_is_not_a_number_is_among_the_worst():
    errors = np.array([0.1, np.nan, 0.3, 0.2] + [0.15] * 20)
    assert extremes(errors)["worst"][-1] == 1


def test_the_names_come_in_the_order_of_the_page():
    assert list(example()[1]) == ALL


CASES = {
    "one image, far outside [0, 1]": (made(1, sigma=50), {}, set()),
    "a class of one image, in colour, not square": (
        made(13, (20, 30, 3), labels=np.array([5] + [0, 1] * 6)),
        {"kernels": np.ones((3, 3, 3, 4), np.float32)},
        set(),
    ),
    "collapsed, a code of one value, one epoch": (
        made(error=np.inf, code=(1,)),
        {"history": HISTORY[:1], "trajectory": TRAJECTORY[:2]},
        VIEWS,
    ),
    "no noise, no labels, skips": (
        unlabelled(sigma=0, decoded=None),
        {},
        {"classes", "decoded", "traversal", *VIEWS},
    ),
    "nothing": (
        unlabelled(robustness=None, geometry=None, decoded=None, convergence=None),
        {"kernels": None, "history": []},
        set(ALL[3:]),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_makes_no_sense_is_left_out_and_the_rest_shows_something(case):
    found, given, gone = CASES[case]
    pictures = drawn(found, **given)
    assert [name for name in pictures if name != "code_code"] == [name for name in ALL if name not in gone]
    for name, picture in pictures.items():
        assert picture.mode == "RGB", name
        assert picture.getcolors(2) is None, f"{name} is blank"


def test_without_other_noise_there_is_no_picture_of_it():
    nothing = Robustness(24, 0.1, {}, {})
    found = unlabelled(robustness=nothing, geometry=None, decoded=None)
    assert not {"noise_levels", "corruptions"} & set(drawn(found, history=[], kernels=None))


def test_best_median_and_worst_images_are_shown_as_they_are_and_no_others():
    found, pictures = example()
    noisy, images = found.test
    chosen = set(np.concatenate(list(extremes(found.model["mse"]).values())).tolist())
    assert len(chosen) == 12
    for place in range(24):
        for some in (to_float(images.pixels), noisy, found.reconstruction):
            assert len(places(pictures["reconstructions"], some[place])) == (place in chosen)


def test_the_first_test_images_are_shown_with_the_answers_to_them():
    found, pictures = example()
    for place in range(10):
        for name in ("median", "mean_image"):
            assert places(pictures["baseline_examples"], found.baselines[name].examples[place]), name
        assert places(pictures["baseline_examples"], found.reconstruction[place])
    assert not places(pictures["baseline_examples"], found.reconstruction[10])


def test_the_traversal_goes_along_the_middle_row_and_up_the_middle_column():
    found, pictures = example()
    grid = found.decoded.reshape(12, 12, 16, 16, 1)
    along, up = [grid[6, x] for x in range(12)], [grid[y, 6] for y in reversed(range(12))]
    for line, images in enumerate((along, up)):
        at = [places(pictures["traversal"], image) for image in images]
        rows = sorted({y for found in at for y, _ in found})
        across = [x for found in at for y, x in found if y == rows[line if len(rows) > 1 else 0]]
        assert across == sorted(set(across))
        assert len(across) == 12


def test_baselines_are_drawn_beside_a_trajectory_only():
    """Without validation images no MSE was watched, so there is nothing to hold against the baselines."""
    found = unlabelled(robustness=None, geometry=None, decoded=None)
    without = {name: replace(item, validation=None) for name, item in found.baselines.items()}
    both = (found, replace(found, baselines=without))
    bare = [drawn(some, trajectory=[], kernels=None)["training"] for some in both]
    assert np.array_equal(*map(np.asarray, bare))


def test_classes_are_called_by_their_names_in_every_picture_that_tells_them_apart():
    found, plain = example()
    names = ("0", "another", "2")  # of three classes, one has a name of its own
    named = drawn(replace(found, test=(found.test[0], replace(found.test[1], class_names=names))))
    changed = {name for name in plain if plain[name] != named[name]}
    assert changed == {"reconstructions", "baseline_examples", "classes", "code_flattened", "code_pooled"}
