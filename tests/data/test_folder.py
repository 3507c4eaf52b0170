"""A person's own image files."""

import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from dae_lab.data.folder import Folder
from dae_lab.data.images import Dataset
from dae_lab.errors import ConfigError, DataError


def load(path: Path, **changes: Any) -> Dataset:
    defaults: dict[str, Any] = {
        "train": None,
        "validation": None,
        "test": None,
        "size": [6, 8],
        "colour": "grey",
    }
    return Folder(path=str(path), **{**defaults, **changes}).load()


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


def test_what_is_changed_of_images_is_said(tmp_path):
    for number in range(10):
        Image.new("RGB", (101, 77), (number, 200, 0)).save(tmp_path / f"{number}.png")
    assert ", resampled from 101x77 to 8x6 (stretched), colour to grey, read from" in load(tmp_path).source
    assert "grey" not in load(tmp_path, colour="rgb").source
    Image.new("RGB", (16, 12), (9, 9, 9)).save(tmp_path / "a.png")
    assert "resampled from 101x77 and another size to 8x6" in load(tmp_path).source
    for number in range(10):
        Image.new("RGB", (16, 12), (number, number, number)).save(tmp_path / f"{number}.png")
    assert "10 images" not in load(tmp_path).source
    assert ", resampled from 16x12 to 8x6, read from" in load(tmp_path).source


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
    dataset = load(tmp_path)
    assert greys(dataset) == [0, 1]
    assert "passed over: 1 by suffix (.txt), 2 hidden" in dataset.source


@pytest.mark.parametrize("suffix", [".jpg", ".jpeg", ".jpe", ".jfif", ".JFIF"])
def test_all_suffixes_of_jpeg_are_read(tmp_path, suffix):
    for i in range(2):
        save(tmp_path / f"{i}{suffix}", 80 * i, format="JPEG")
    np.testing.assert_allclose(greys(load(tmp_path)), [0, 80], atol=1)


def divided(folder: Path, **counts: int) -> Path:
    """A folder with so many images of each of the classes ant and bee in each of its parts."""
    grey = iter(range(256))
    for part, count in counts.items():
        for name in ("ant", "bee"):
            for i in range(count):
                save(folder / part / name / f"{i}.png", next(grey))
    return folder


def test_folders_called_train_val_and_test_are_the_parts(tmp_path):
    dataset = load(divided(tmp_path, Testing=3, Train=6, valid=2))
    train, validation, test = dataset.train, dataset.validation, dataset.test
    assert (len(train), len(validation), len(test)) == (12, 4, 6)
    assert sorted(greys(dataset)[-6:]) == [0, 1, 2, 3, 4, 5]  # those of Testing, and nothing else
    assert [part.rows for part in (train, validation, test)] == [range(12), range(12, 16), range(16, 22)]
    np.testing.assert_array_equal(test.labels, [0, 1] * 3)
    assert test.class_names == ["ant", "bee"]
    assert "divided by the folders Train/, valid/, Testing/" in dataset.source


def test_without_a_folder_val_a_tenth_of_train_validates(tmp_path):
    divided(tmp_path, train=10, test=2)
    dataset = load(tmp_path)
    assert [len(part) for part in (dataset.train, dataset.validation, dataset.test)] == [18, 2, 4]
    assert "the last 10 % of train/ are used to validate" in dataset.source
    dataset = load(tmp_path, validation=[])
    assert [len(part) for part in (dataset.train, dataset.validation, dataset.test)] == [20, 0, 4]


def test_parts_without_classes_in_all_of_them_have_no_labels(tmp_path):
    divided(tmp_path, train=3)
    for i in range(3):
        save(tmp_path / "test" / f"{i}.png", 100 + i)
    dataset = load(tmp_path)
    assert dataset.train.labels is None
    assert greys(dataset)[-3:] == [100, 101, 102]


@pytest.mark.parametrize("part", ["train", "validation", "test"])
def test_rows_of_a_divided_folder_are_refused(tmp_path, part):
    with pytest.raises(ConfigError, match=rf"data\.{part}=\[0, 2\] is given.*divided into train/, test/"):
        load(divided(tmp_path, train=3, test=2), **{part: [0, 2]})


def test_a_test_folder_that_is_the_training_folder_is_refused(tmp_path):
    divided(tmp_path, train=3)
    (tmp_path / "test").symlink_to("train")
    with pytest.raises(DataError, match="must not be judged"):
        load(tmp_path)


def test_test_images_among_the_training_images_are_counted(tmp_path):
    divided(tmp_path, train=3, test=2)
    save(tmp_path / "test" / "ant" / "again.png", 0)
    (warning,) = [text for text in load(tmp_path).warnings if "among the training images" in text]
    assert warning.startswith("1 of 5")


def test_names_that_are_not_utf8_can_be_recorded(tmp_path):
    for name in (b"b\xffe", b"cat"):
        for i in range(2):
            save(tmp_path / os.fsdecode(b"\xfe") / os.fsdecode(name) / f"{i}.png", i)
    dataset = load(tmp_path / os.fsdecode(b"\xfe"))
    assert dataset.test.class_names == ["b\N{REPLACEMENT CHARACTER}e", "cat"]
    for text in (dataset.name, dataset.source):
        assert text.encode()


def test_unreadable_images_are_all_named(tmp_path):
    good = save(tmp_path / "good.png", 1)
    (tmp_path / "cut.png").write_bytes(good.read_bytes()[:-30])
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "text.jpeg").write_text("no image")
    Image.new("L", (8, 6)).save(tmp_path / "web.jpg", format="WEBP")
    (tmp_path / "link.png").symlink_to("nothing")
    with pytest.raises(
        DataError, match=r"5 of 6 files cannot be read as images: .*; mend or remove"
    ) as error:
        load(tmp_path)
    for name, reason in {
        "cut.png": "truncated",
        "empty.jpg": "empty",
        "text.jpeg": "neither PNG nor JPEG",
        "web.jpg": "a WEBP image",
        "link.png": "No such file",
    }.items():
        assert re.search(rf"{name} \([^)]*{reason}", str(error.value))


def test_an_image_that_is_too_large_is_named_with_its_size(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 20)  # 6 × 8 pixels are more than twice as many
    save(tmp_path / "huge.png", 1)
    with pytest.raises(DataError, match=r"huge\.png \(.*48 pixels"):
        load(tmp_path)


def test_a_file_that_is_not_regular_is_not_opened(tmp_path):
    save(tmp_path / "good.png", 1)
    os.mkfifo(tmp_path / "pipe.png")  # to open it for reading would wait for a writer
    with pytest.raises(DataError, match=r"1 of 2 .*pipe\.png \(not a regular file\)"):
        load(tmp_path)


def test_many_unreadable_images_are_counted(tmp_path):
    for i in range(13):
        (tmp_path / f"{i:02}.png").touch()
    with pytest.raises(DataError, match=r"13 of 13 .*08\.png [^,]*, 09\.png [^,]* and 3 more"):
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
