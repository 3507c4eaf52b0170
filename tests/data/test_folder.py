"""A person's own image files."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from dae_lab.data.folder import load_folder
from dae_lab.data.images import Dataset
from dae_lab.errors import DataError


def load(path: Path, **changes: Any) -> Dataset:
    defaults: dict[str, Any] = {
        "train": None,
        "validation": None,
        "test": None,
        "size": [6, 8],
        "colour": "grey",
    }
    return load_folder(path=str(path), **{**defaults, **changes})


def save(path: Path, pixels: np.ndarray | int, **options: Any) -> Path:
    """Save pixels, or one grey of 6 × 8 pixels."""
    path.parent.mkdir(parents=True, exist_ok=True)
    array = np.full((6, 8), pixels, np.uint8) if isinstance(pixels, int) else pixels
    Image.fromarray(array).save(path, **options)
    return path


def greys(dataset: Dataset) -> list[int]:
    """The grey of each image, in row order."""
    parts = (dataset.train, dataset.validation, dataset.test)
    return [int(image[0, 0, 0]) for part in parts for image in part.pixels]


def test_files_are_sorted_by_name_and_have_no_labels(tmp_path):
    for grey in (3, 1, 9, 7, 5, 0, 2, 4, 6, 8):
        save(tmp_path / f"{grey}.png", grey)
    dataset = load(tmp_path)
    assert greys(dataset) == list(range(10))
    assert dataset.train.labels is None
    assert (len(dataset.train), len(dataset.validation), len(dataset.test)) == (8, 1, 1)
    assert dataset.train.shape == (6, 8, 1)
    assert dataset.source == f"10 images, read from {tmp_path}"


def test_sub_folders_are_classes_and_slices_stratified(tmp_path):
    for label, name in enumerate(("ant", "bee", "cat")):
        for i in range(10):
            save(tmp_path / name / f"{i}.jpg", 80 * label)
    dataset = load(tmp_path, train=[0, 15], validation=[15, 24], test=[24, 30])
    for part in (dataset.train, dataset.validation, dataset.test):
        np.testing.assert_array_equal(np.bincount(part.labels), np.full(3, len(part) // 3))
    np.testing.assert_allclose(greys(dataset), [0, 80, 160] * 10, atol=1)
    assert (
        dataset.fingerprint == load(tmp_path, train=[0, 15], validation=[15, 24], test=[24, 30]).fingerprint
    )


def test_grey_and_rgb(tmp_path):
    red = np.zeros((6, 8, 3), np.uint8)
    red[..., 0] = 200
    for i in range(2):
        save(tmp_path / f"{i}.png", red)
    np.testing.assert_array_equal(load(tmp_path, colour="rgb").train.pixels[0], red)
    assert np.all(load(tmp_path).train.pixels == round(200 * 0.299))


def test_size_is_height_and_width(tmp_path):
    for i in range(2):
        save(tmp_path / f"{i}.png", np.full((60, 40), 9, np.uint8))
    dataset = load(tmp_path, size=[30, 20])
    assert dataset.train.shape == (30, 20, 1)
    assert np.all(dataset.train.pixels == 9)


def test_sixteen_bits_transparency_and_rotation(tmp_path):
    save(tmp_path / "0.png", np.full((6, 8), 40000, np.uint16))
    transparent = np.full((6, 8, 4), 255, np.uint8)
    transparent[..., 3] = 0
    save(tmp_path / "1.png", transparent)
    exif = Image.Exif()
    exif[0x0112] = 6  # held a quarter turn to the right
    wide = np.zeros((8, 6), np.uint8)
    wide[:4] = 250
    save(tmp_path / "2.png", wide, exif=exif)
    dataset = load(tmp_path)
    images = np.concatenate([dataset.train.pixels, dataset.validation.pixels, dataset.test.pixels])
    assert np.all(images[0] == 40000 // 257)
    assert np.all(images[1] == 0)
    assert np.all(images[2][:, :4] == 0)
    assert np.all(images[2][:, 4:] == 250)


def test_hidden_and_other_files_are_left_alone(tmp_path):
    for i in range(2):
        save(tmp_path / f"{i}.PNG", i)
    (tmp_path / "notes.txt").write_text("not an image")
    (tmp_path / "._0.png").write_text("what a Mac leaves behind")
    (tmp_path / ".thumbnails").mkdir()
    (tmp_path / ".thumbnails" / "x.png").write_text("neither")
    assert greys(load(tmp_path)) == [0, 1]


def test_unreadable_images_are_all_named(tmp_path):
    good = save(tmp_path / "good.png", 1)
    (tmp_path / "cut.png").write_bytes(good.read_bytes()[:-30])
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "text.jpeg").write_text("no image")
    words = r"3 of 4 files cannot be read as images: cut\.png, empty\.jpg, text\.jpeg; mend or remove"
    with pytest.raises(DataError, match=words):
        load(tmp_path)


def test_many_unreadable_images_are_counted(tmp_path):
    for i in range(13):
        (tmp_path / f"{i:02}.png").touch()
    with pytest.raises(DataError, match=r"13 of 13 .*08\.png, 09\.png and 3 more"):
        load(tmp_path)


def test_images_beside_classes_are_refused(tmp_path):
    save(tmp_path / "stray.png", 1)
    save(tmp_path / "class" / "a.png", 1)
    with pytest.raises(DataError, match=r"both in itself \(stray\.png, …\) and in sub-folders"):
        load(tmp_path)


def test_empty_and_missing_folders_are_refused(tmp_path):
    with pytest.raises(DataError, match="holds no images"):
        load(tmp_path)
    with pytest.raises(DataError, match="is no folder"):
        load(tmp_path / "missing")
