"""Which files a folder holds, and what its sub-folders stand for."""

from pathlib import Path

import pytest

from dae_lab.data.layout import Layout, read_layout
from dae_lab.errors import DataError


def layout(folder: Path, *names: str) -> Layout:
    """The layout of ``folder`` with files of these names; they are not opened."""
    for name in names:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    return read_layout(folder)


def names(found: Layout, folder: Path) -> list[str]:
    return [file.relative_to(folder).as_posix() for file in found.files]


def test_whole_numbers_are_ordered_as_numbers(tmp_path):
    found = layout(tmp_path, *(f"{number}/x.png" for number in range(12)))
    assert found.class_names == [str(number) for number in range(12)]
    assert names(found, tmp_path) == [f"{number}/x.png" for number in range(12)]


def test_other_names_are_ordered_by_the_alphabet(tmp_path):
    assert layout(tmp_path, "b/x.png", "10/x.png", "2/x.png").class_names == ["10", "2", "b"]


def test_linked_folders_and_files_are_followed(tmp_path):
    layout(tmp_path / "far", "here/0.png", "deeper/1.png")
    home = tmp_path / "home"
    layout(home, "ant/x.png")
    (home / "bee").symlink_to(tmp_path / "far")
    (home / "ant" / "y.png").symlink_to(tmp_path / "far" / "here" / "0.png")
    found = read_layout(home)
    assert sorted(names(found, home)) == ["ant/x.png", "ant/y.png", "bee/deeper/1.png", "bee/here/0.png"]
    assert found.class_names == ["ant", "bee"]


def test_loops_of_links_end(tmp_path):
    home, far = tmp_path / "home", tmp_path / "far"
    layout(home, "ant/0.png")
    layout(far, "1.png")
    (home / "ant" / "self").symlink_to(".")
    (home / "ant" / "root").symlink_to(home)
    (home / "ant" / "above").symlink_to(tmp_path)
    (home / "bee").symlink_to(far)
    (far / "back").symlink_to(home)  # a loop over a link to elsewhere
    found = read_layout(home)
    assert sorted(names(found, home)) == ["ant/0.png", "bee/1.png"]
    assert found.passed_over == "4 by a loop of links"


def test_what_is_passed_over_is_counted(tmp_path):
    found = layout(tmp_path, "0.png", "a.gif", "b.gif", "c.txt", "README", ".DS_Store", ".git/x.png")
    assert found.passed_over == "4 by suffix (.gif, .txt), 2 hidden"
    with pytest.raises(DataError, match=r"holds no images; 1 by suffix \(\.webp\)"):
        layout(tmp_path / "webp", "x.webp")


@pytest.mark.parametrize(
    ("files", "words"),
    [
        (["train/a/0.png", "val/a/0.png"], "no images in a folder test/.*Rename"),
        (["val/a/0.png", "test/a/0.png"], "no images in a folder train/"),
        (["train/a/0.png"], "holds nothing but train/: give that folder as data.path"),
        (["train/0.png", "test/0.png", "extra/0.png"], "next to extra"),
        (["train/0.png", "test/0.png", "sample.png"], r"next to sample\.png"),
        (["train/0.png", "Training/0.png", "test/0.png"], "two folders for the same part"),
        (["train/0.png", "train/a/0.png", "test/0.png"], "both in itself"),
        (["mine/train/0.png", "mine/test/0.png"], "give .*/mine as data.path"),
        (["a/train/0.png", "a/test/0.png", "b/train/0.png", "b/test/0.png"], "train/a/ and test/a/"),
    ],
)
def test_a_division_that_leaves_something_open_is_refused(tmp_path, files, words):
    with pytest.raises(DataError, match=words):
        layout(tmp_path, *files)


def test_a_class_may_be_called_train(tmp_path):
    found = layout(tmp_path, "bus/0.png", "train/0.png", "truck/0.png")
    assert found.class_names == ["bus", "train", "truck"]
    assert not found.parts


def test_links_that_multiply_are_refused_at_once(tmp_path):
    """Two links to the next folder in each of 24: sixteen million ways lead to the last."""
    for number in range(24):
        (tmp_path / f"f{number}").mkdir()
        for name in ("a", "b"):
            (tmp_path / f"f{number}" / name).symlink_to(tmp_path / f"f{number + 1}")
    layout(tmp_path / "f24", "x.png")
    with pytest.raises(DataError, match=r"is reached by more than 10 ways, over links"):
        read_layout(tmp_path / "f0")
