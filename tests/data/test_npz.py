"""A person's own arrays: what is taken, and what is refused with which words."""

import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dae_lab.data.images import Dataset
from dae_lab.data.npz import load_npz
from dae_lab.errors import DataError

PIXELS = np.arange(10 * 4 * 4, dtype=np.uint8).reshape(10, 4, 4)


def load(path: Path, **changes: Any) -> Dataset:
    defaults: dict[str, Any] = {
        "train": None,
        "validation": None,
        "test": None,
        "images": "images",
        "labels": None,
    }
    return load_npz(path=str(path), **{**defaults, **changes})


def saved(folder: Path, **arrays: Any) -> Path:
    np.savez(folder / "own.npz", **arrays)
    return folder / "own.npz"


@pytest.mark.parametrize("shape", [(10, 4, 4), (10, 4, 4, 1)])
def test_shapes(tmp_path, shape):
    dataset = load(saved(tmp_path, images=PIXELS.reshape(shape)))
    assert dataset.train.shape == (*shape[1:], 1)[:3]
    assert dataset.train.pixels.dtype == np.uint8
    assert dataset.train.labels is None
    assert dataset.name == "own"


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_floats_are_kept_as_float32(tmp_path, dtype):
    images = (PIXELS / 160).astype(dtype)
    dataset = load(saved(tmp_path, images=images))
    assert dataset.train.pixels.dtype == np.float32
    np.testing.assert_array_equal(dataset.train.pixels[..., 0], images[:8].astype(np.float32))


def test_a_rounding_error_above_one_becomes_one(tmp_path):
    images = np.full((10, 4, 4), 1 + 1e-12)
    assert load(saved(tmp_path, images=images)).train.pixels.max() == 1


def test_labels(tmp_path):
    path = saved(tmp_path, x=PIXELS, y=np.arange(10, dtype=np.uint8))
    dataset = load(path, images="x", labels="y", train=[0, 5], validation=[], test=[5, 10])
    np.testing.assert_array_equal(dataset.test.labels, [5, 6, 7, 8, 9])
    assert dataset.test.labels.dtype == np.int64


@pytest.mark.parametrize(
    ("images", "words"),
    [
        (PIXELS.astype(np.float64), r"float64 from 0 to 159; save images\.astype\('uint8'\) if 255 is white"),
        (PIXELS.astype(np.int64), r"int64 from 0 to 159; save images\.astype\('uint8'\)"),
        (
            PIXELS / 80 - 1,
            r"float64 from -1 to 0\.9875; save \(\(images - -1\) / 1\.9875\)\.astype\('float32'\)",
        ),
        (PIXELS > 5, r"bool from 0 to 1; save \(images\)\.astype\('float32'\)"),
        (np.where(PIXELS == 7, np.nan, 0.5), "float64 and holds NaN; replace what is not finite"),
        (np.where(PIXELS == 7, np.inf, 0.5), "float64 from 0.5 to inf; replace what is not finite"),
        (PIXELS.astype(complex), "complex128; images are uint8, or floating"),
        (PIXELS.astype("U3"), "images are uint8, or floating"),
        (PIXELS[0], r"has shape \(4, 4\)"),
        (PIXELS.reshape(10, 2, 4, 2), r"images have 1 channel, or 3 .* these have 2"),
        (PIXELS[:0], r"has shape \(0, 4, 4\)"),
    ],
)
def test_what_is_no_image_is_refused(tmp_path, images, words):
    with pytest.raises(DataError, match=words):
        load(saved(tmp_path, images=images))


def test_the_range_is_explained(tmp_path):
    with pytest.raises(DataError, match=r"BCE, PSNR and SSIM are defined here on \[0, 1\]"):
        load(saved(tmp_path, images=PIXELS * 1.0))


@pytest.mark.parametrize("labels", [np.arange(9), np.arange(10) / 2, np.eye(10, dtype=int)])
def test_labels_that_do_not_fit_are_refused(tmp_path, labels):
    with pytest.raises(DataError, match="labels are 10 whole numbers, one an image"):
        load(saved(tmp_path, images=PIXELS, labels=labels), labels="labels")


def test_a_missing_array_is_answered_with_those_present(tmp_path):
    with pytest.raises(DataError, match="has no array 'images'; it has x, y"):
        load(saved(tmp_path, x=PIXELS, y=PIXELS))


class Touch:
    """Its unpickling creates a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def test_an_object_array_is_never_opened(tmp_path):
    trap = np.array([Touch(tmp_path / "opened")], dtype=object)
    for arrays, labels in (({"images": trap}, None), ({"images": PIXELS, "labels": trap}, "labels")):
        with pytest.raises(DataError, match="holds Python objects, which are never opened"):
            load(saved(tmp_path, **arrays), labels=labels)
    assert not (tmp_path / "opened").exists()


def test_a_pickle_is_never_opened(tmp_path):
    path = tmp_path / "own.npz"
    path.write_bytes(pickle.dumps(Touch(tmp_path / "opened")))
    with pytest.raises(DataError, match=r"is not an \.npz file"):
        load(path)
    assert not (tmp_path / "opened").exists()


@pytest.mark.parametrize("keep", [0, 10, 100, -1, -200])
def test_a_truncated_file_is_refused(tmp_path, keep):
    path = saved(tmp_path, images=PIXELS)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(DataError, match="or is cut short"):
        load(path)


def test_a_damaged_file_is_refused(tmp_path):
    path = saved(tmp_path, images=PIXELS)
    data = bytearray(path.read_bytes())
    data[200] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(DataError, match="is broken"):
        load(path)


def test_a_missing_file_and_a_single_array_are_refused(tmp_path):
    with pytest.raises(DataError, match="is not there"):
        load(tmp_path / "missing.npz")
    np.save(tmp_path / "one.npy", PIXELS)
    with pytest.raises(DataError, match=r"is not an \.npz file"):
        load(tmp_path / "one.npy")


def test_what_is_no_file_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.npz")
    with pytest.raises(DataError, match=r"pipe\.npz is not there: data\.path must be a file"):
        load(tmp_path / "pipe.npz")
