"""Splitting, stratification and the fingerprint."""

import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from dae_lab.data.images import Dataset, interleave, split
from dae_lab.errors import ConfigError, DataError

PIXELS = np.arange(100 * 4 * 4, dtype=np.uint8).reshape(100, 4, 4, 1)
LABELS = np.arange(100) % 10
SLICES: dict[str, Any] = {"train": [0, 60], "validation": [60, 80], "test": [80, 100]}


def dataset(pixels: np.ndarray = PIXELS, labels: np.ndarray | None = LABELS, **slices: Any) -> Dataset:
    return Dataset.of("test", "made up", pixels, labels, **{**SLICES, **slices})


def test_parts_are_views_with_their_rows():
    train, validation, test = split(PIXELS, LABELS, **SLICES)
    for part, rows in ((train, range(60)), (validation, range(60, 80)), (test, range(80, 100))):
        assert part.rows == rows
        assert len(part) == len(rows)
        assert part.shape == (4, 4, 1)
        assert np.shares_memory(part.pixels, PIXELS)
        assert np.shares_memory(part.labels, LABELS)
        np.testing.assert_array_equal(part.pixels, PIXELS[rows.start : rows.stop])


def test_parts_cannot_be_overwritten():
    train, _, _ = split(PIXELS.copy(), None, **SLICES)
    with pytest.raises(ValueError, match="read-only"):
        train.pixels[0] = 0


def test_no_labels_and_no_validation():
    train, validation, _ = split(PIXELS, None, train=[0, 60], validation=[], test=[80, 100])
    assert train.labels is None
    assert len(validation) == 0
    assert validation.shape == (4, 4, 1)


def test_null_is_80_10_10():
    assert [part.rows for part in split(PIXELS, None, train=None, validation=None, test=None)] == [
        range(80),
        range(80, 90),
        range(90, 100),
    ]


@pytest.mark.parametrize("rows", range(2, 30))
def test_null_uses_every_row_once(rows):
    parts = split(PIXELS[:rows], None, train=None, validation=None, test=None)
    assert [row for part in parts for row in part.rows] == list(range(rows))


def test_one_image_cannot_be_shared_out():
    with pytest.raises(DataError, match=r"data\.train is left open, but 1 images are too few"):
        split(PIXELS[:1], None, train=None, validation=None, test=None)


def test_rows_beyond_the_source_are_refused():
    with pytest.raises(DataError, match=r"data\.test \[80, 101\] reaches beyond the source, which has 100"):
        split(PIXELS, None, **{**SLICES, "test": [80, 101]})


def test_leaks_through_null_are_refused():
    with pytest.raises(ConfigError, match=r"train \[0, 95\] and validation \[80, 90\] share rows 80 to 89"):
        split(PIXELS, None, train=[0, 95], validation=None, test=None)


def test_fingerprint_is_of_what_is_used():
    first = dataset(test=[80, 99])
    unused, used, label = PIXELS.copy(), PIXELS.copy(), LABELS.copy()
    unused[99] += 1
    used[5, 0, 0, 0] += 1
    label[5] += 1
    same = [dataset(test=[80, 99]), dataset(unused, test=[80, 99])]
    others = [
        dataset(used, test=[80, 99]),
        dataset(labels=label, test=[80, 99]),
        dataset(labels=None, test=[80, 99]),
        dataset(test=[80, 98]),
        dataset(test=[80, 99], validation=[]),
        dataset(
            np.roll(PIXELS, 1, axis=0), np.roll(LABELS, 1), train=[1, 61], validation=[61, 80], test=[80, 99]
        ),
    ]
    assert {each.fingerprint for each in same} == {first.fingerprint}
    assert len({each.fingerprint for each in [first, *others]}) == 1 + len(others)


def test_equal_classes_come_in_turn():
    labels = np.repeat(np.arange(5), 7)
    np.testing.assert_array_equal(labels[interleave(labels)], np.tile(np.arange(5), 7))


def test_unequal_classes_are_spread_evenly():
    labels = np.repeat([0, 1, 2], [600, 300, 100])
    order = interleave(labels)
    np.testing.assert_array_equal(np.sort(order), np.arange(1000))
    for start in range(0, 1000, 100):
        counts = np.bincount(labels[order][start : start + 100], minlength=3)
        assert np.all(np.abs(counts - [60, 30, 10]) <= 1)


def warnings_of(pixels: np.ndarray) -> list[str]:
    return dataset(pixels).warnings


@pytest.mark.parametrize(
    ("pixels", "shown"),
    [
        ((PIXELS > 7).astype(np.uint8), "between 0 and 1, where 0 is black and 255 white"),
        (PIXELS // 16, "between 0 and 15"),
        ((PIXELS / 255 / 255).astype(np.float32), "between 0 and 0.00392157, where 0 is black and 1 white"),
        (1 - (PIXELS / 255 / 255).astype(np.float32), "between 0.996078 and 1"),
        (np.full_like(PIXELS, 9), "the same value, 9"),
    ],
)
def test_pixels_that_hardly_use_the_range_are_warned_of(pixels, shown):
    (warning,) = warnings_of(pixels)
    assert shown in warning
    if pixels.min() < pixels.max():
        advice = warning.partition("rescale them: ")[2]
        assert not warnings_of(eval(advice, {"np": np, "images": pixels}).astype(np.float32))


def test_dark_images_with_one_bright_pixel_are_not_warned_of():
    dark = np.zeros_like(PIXELS)
    dark[50, 2, 2] = 60
    assert not warnings_of(dark)
    assert not warnings_of((dark / 255).astype(np.float32))


def test_few_test_images_are_warned_of():
    (warning,) = dataset(test=[95, 100]).warnings
    assert "5 test images" in warning


def test_classes_are_called_by_their_names_or_else_by_their_numbers():
    named = dataset(class_names=["ant", "bee"]).test[:5]
    assert [named.class_name(label) for label in (0, 1, 2, -1)] == ["ant", "bee", "2", "-1"]
    assert dataset().test.class_name(3) == "3"


def test_importing_the_room_imports_no_framework():
    code = "import sys, dae_lab.data, dae_lab.data.mnist, dae_lab.data.folder, dae_lab.data.packaged\n"
    code += (
        "print([m for m in ('tensorflow', 'keras', 'sklearn', 'PIL', 'rich', 'scipy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
