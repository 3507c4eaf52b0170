"""A person's own arrays: what is taken, and what is refused with which words."""

import os
import pickle
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dae_lab.data.images import Dataset
from dae_lab.data.npz import Npz
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
    return Npz(path=str(path), **{**defaults, **changes}).load()


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


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_rounding_errors_outside_the_interval_are_clipped(tmp_path, dtype):
    unit = np.finfo(dtype).eps
    images = np.full((10, 4, 4), 0.5, dtype)
    images[:, 0, 0], images[:, 1, 1] = 1 + 2 * unit, -2 * unit
    pixels = load(saved(tmp_path, images=images)).train.pixels
    assert (pixels.min(), pixels.max()) == (0, 1)
    images[:, 0, 0] = 1.01
    with pytest.raises(DataError, match=r"to 1\.0"):
        load(saved(tmp_path, images=images))


def test_what_is_refused_is_printed_as_it_is(tmp_path):
    images = np.linspace(0, 1, 160, dtype=np.float32).reshape(10, 4, 4) * np.float32(1.000001)
    with pytest.raises(DataError, match=r"float32 from 0 to 1\.000001"):
        load(saved(tmp_path, images=images))


KINDS = ("float16", "float32", "float64", "int8", "uint8", "int16", "uint16", "int64", "uint64", "bool")


@pytest.mark.parametrize("seed", range(200))
def test_following_the_advice_is_accepted(tmp_path, seed):
    rng = np.random.default_rng(seed)
    kind = np.dtype(KINDS[seed % len(KINDS)])
    shape = [(4, 5, 6), (4, 5, 6, 3), (4, 3, 5, 6), (4, 5, 6, 4), (4, 25)][rng.integers(5)]
    if kind.kind == "f":
        images = rng.random(shape) * 10.0 ** rng.integers(-4, 4) + rng.choice([0, -0.5, 1e-7, 3])
        images[0, 0] = rng.choice([np.nan, np.inf, 0.5, 0.5])
    else:
        images = np.minimum(rng.integers(0, 256, shape), rng.choice([1, 20, 255]))
        images = images * rng.choice([1, 1, -1, 257])
    images.flat[0] = 0  # not all pixels are the same
    images = images.astype(kind)
    for _ in range(3):  # shape, infinite values, range
        try:
            dataset = load(saved(tmp_path, images=images))
        except DataError as error:
            advice = re.search(r"; save (.+?)(?: if |: BCE|$)", str(error))
            images = eval(advice[1], {"np": np, "images": images})
    dataset = load(saved(tmp_path, images=images))
    assert dataset.train.pixels.min() >= 0
    assert dataset.test.pixels.max() <= (255 if dataset.test.pixels.dtype == np.uint8 else 1)


def test_labels(tmp_path):
    path = saved(tmp_path, x=PIXELS, y=np.arange(10, dtype=np.uint8))
    dataset = load(path, images="x", labels="y", train=[0, 5], validation=[], test=[5, 10])
    np.testing.assert_array_equal(dataset.test.labels, [5, 6, 7, 8, 9])
    assert dataset.test.labels.dtype == np.int64


def test_labels_that_no_int64_holds_are_refused(tmp_path):
    """They would have become negative numbers."""
    labels = np.full(10, 2**64 - 1, np.uint64)
    with pytest.raises(
        DataError, match=r"holds 18446744073709551615; labels are at most 92\d+: save np\.unique"
    ):
        load(saved(tmp_path, images=PIXELS, labels=labels), labels="labels")
    labels[:] = 2**63 - 1
    dataset = load(saved(tmp_path, images=PIXELS, labels=labels), labels="labels")
    assert set(dataset.train.labels) == {2**63 - 1}


@pytest.mark.parametrize("value", [0, 1])
@pytest.mark.parametrize("kind", ["float16", "float32", "float64", "int8", "uint8", "uint16", "bool"])
def test_images_that_are_all_one_value_are_refused(tmp_path, kind, value):
    with pytest.raises(DataError, match=rf"{kind} from {value} to {value}; all values are the same"):
        load(saved(tmp_path, images=np.full((10, 4, 4), value, kind)))


@pytest.mark.parametrize(
    ("images", "words"),
    [
        (PIXELS.astype(np.float64), r"float64 from 0 to 159; save images\.astype\('uint8'\) if 255 is white"),
        (PIXELS.astype(np.int64), r"int64 from 0 to 159; save images\.astype\('uint8'\)"),
        (
            PIXELS / 80 - 1,
            r"float64 from -1 to 0\.9875; save np\.interp\(",
        ),
        (PIXELS > 5, r"bool from 0 to 1; save images\.astype\('float32'\)"),
        (PIXELS.astype(np.uint16) * 400, r"uint16 from 0 to 63600; save images / 65535\.0 if 65535 is white"),
        (np.full((5, 4, 4), 7.0), "float64 from 7 to 7; all values are the same"),
        (
            np.where(PIXELS == 7, np.nan, 0.5),
            "float64 and holds NaN; save .* if what is not finite should be black",
        ),
        (np.where(PIXELS == 7, np.inf, 0.5), "float64 from 0.5 to inf; save np.where"),
        (PIXELS.astype(complex), "complex128; images are uint8, or floating"),
        (PIXELS.astype("U3"), "images are uint8, or floating"),
        (PIXELS[0], r"has shape \(4, 4\)"),
        (PIXELS.reshape(10, 16), r"has shape \(10, 16\); .*; save images\.reshape\(-1, 4, 4\)"),
        (
            PIXELS.reshape(10, 2, 4, 2),
            r"own\.npz, array images has shape \(10, 2, 4, 2\); .* 1 or 3 channels",
        ),
        (PIXELS.reshape(10, 1, 4, 4), r"save np\.moveaxis\(images, 1, -1\) if the channels"),
        (PIXELS.reshape(4, 4, 1, 10), r"save np\.moveaxis\(images, -1, 0\) if the images"),
        (PIXELS.reshape(1, 10, 4, 4), r"save np\.moveaxis\(images, 0, -1\) if the channels"),
        (PIXELS.reshape(5, 4, 2, 4), r"save images\[\.\.\., :3\] if"),
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


@pytest.mark.parametrize(
    "labels", [np.arange(10.0), np.eye(10), np.array(list("abcabcabca")), np.arange(10) / 2]
)
def test_following_the_advice_on_labels_is_accepted(tmp_path, labels):
    with pytest.raises(DataError) as error:
        load(saved(tmp_path, images=PIXELS, labels=labels), labels="labels")
    advice = re.search(r": save (.+?)(?: if |$)", str(error.value))
    labels = eval(advice[1], {"np": np, "labels": labels})
    assert len(load(saved(tmp_path, images=PIXELS, labels=labels), labels="labels").train.labels) == 8


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


def test_a_device_is_not_opened():
    with pytest.raises(DataError, match="is no regular file"):
        load(Path("/dev/zero"))


def test_what_is_no_file_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.npz")
    with pytest.raises(DataError, match=r"pipe\.npz"):
        load(tmp_path / "pipe.npz")
