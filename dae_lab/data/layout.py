"""Which image files a folder holds, and what its sub-folders stand for: classes, or the parts of a run."""

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dae_lab.data.images import interleave
from dae_lab.errors import DataError
from dae_lab.paths import as_text

SUFFIXES = {".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".jfi", ".jif"}
SHOWN_SUFFIXES = 5  # of files that are no images, in the data line
MOST_WAYS = 10
"""Ways that may lead to one folder by links; where links lead to links they double at every step."""

PART_FOLDERS = {
    "train": ("train", "training"),
    "validation": ("val", "valid", "validation"),
    "test": ("test", "testing"),
}
"""Part of a run → the names, in any case, of a sub-folder that holds it."""

_PART_OF = {name: part for part, names in PART_FOLDERS.items() for name in names}


@dataclass(frozen=True)
class Layout:
    """The images of a folder.

    files: in row order: the training part first, then validation and test, if the folder is divided.
    labels: (n,) int64 class numbers; None where there are no classes.
    class_names: by class number.
    parts: part → its sub-folder's name and its number of files; empty where the folder is not divided.
    passed_over: what was not read, as ``3 by suffix (.txt), 2 hidden``; empty where all was.
    """

    files: list[Path]
    labels: np.ndarray | None
    class_names: list[str]
    parts: dict[str, tuple[str, int]]
    passed_over: str


def read_layout(folder: Path) -> Layout:
    """List the image files under ``folder`` and interpret its sub-folders.

    Sub-folders called train and test (and val) divide the images into the parts of a run; the folders in
    them, or else the sub-folders themselves, are the classes. Rows of different classes are interleaved.

    Raises:
        DataError: no folder, no images in it, or sub-folders whose meaning is not clear.
    """
    if not folder.is_dir():
        raise DataError(f"{as_text(folder)} is no folder: data.path must be a folder of PNG or JPEG files")
    files, passed_over = _list_images(folder)
    if not files:
        left = f"; {passed_over} in it" if passed_over else ""
        raise DataError(
            f"{as_text(folder)} holds no images{left}: PNG or JPEG files are needed, in it or one sub-folder "
            "a class"
        )
    folders = _part_folders(folder, files)
    sections = [[file for file in files if file.is_relative_to(folder / name)] for name in folders.values()]
    roots = [folder / name for name in folders.values()]
    parts = {
        part: (name, len(section)) for (part, name), section in zip(folders.items(), sections, strict=True)
    }
    ordered, labels, names = _classify(sections, roots) if parts else _classify([files], [folder])
    return Layout(ordered, labels, names, parts, passed_over)


def _list_images(folder: Path) -> tuple[list[Path], str]:
    """The image files under ``folder``, sorted by name, and what was passed over."""

    def refuse(error: OSError) -> None:
        raise DataError(f"{as_text(error.filename)} cannot be listed: {error.strerror}") from error

    images, others = [], Counter[str]()
    ways = Counter[tuple[int, int]]()
    hidden = loops = 0
    for place, folders, names in os.walk(folder, onerror=refuse, followlinks=True):
        _count_way(Path(place), ways)
        shown = [name for name in folders if not name.startswith(".")]
        files = [Path(place, name) for name in names if not name.startswith(".")]
        hidden += len(folders) - len(shown) + len(names) - len(files)
        folders[:] = [name for name in shown if not _leads_back(Path(place, name), folder)]
        loops += len(shown) - len(folders)
        images += [file for file in files if file.suffix.lower() in SUFFIXES]
        others.update(file.suffix.lower() for file in files if file.suffix.lower() not in SUFFIXES)
    images.sort(key=lambda file: file.relative_to(folder).parts)
    return images, _describe_passed_over(others, hidden, loops)


def _count_way(folder: Path, ways: Counter[tuple[int, int]]) -> None:
    """Add one to the ways that lead to ``folder``, by device and inode.

    Raises:
        DataError: there are more than ``MOST_WAYS``, or it is gone.
    """
    try:
        status = folder.stat()
    except OSError as error:
        raise DataError(f"{as_text(folder)} cannot be listed: {error.strerror}") from error
    ways[status.st_dev, status.st_ino] += 1
    if ways[status.st_dev, status.st_ino] > MOST_WAYS:
        raise DataError(
            f"{as_text(folder.resolve())} is reached by more than {MOST_WAYS} ways, over links: its images "
            f"would be read as often; remove links until there is one"
        )


def _leads_back(path: Path, folder: Path) -> bool:
    """Whether ``path``, somewhere under ``folder``, is a link to a folder that it lies in itself."""
    if not path.is_symlink():
        return False
    target = path.resolve()
    above = [parent for parent in path.parents if parent.is_relative_to(folder)]
    return any(parent.resolve().is_relative_to(target) for parent in above)


def _describe_passed_over(others: Counter[str], hidden: int, loops: int) -> str:
    kinds = ", ".join(as_text(suffix) for suffix, _ in others.most_common(SHOWN_SUFFIXES) if suffix)
    parts = {
        f"by suffix{f' ({kinds})' if kinds else ''}": others.total(),
        "hidden": hidden,
        "by a loop of links": loops,
    }
    return ", ".join(f"{count:,} {what}" for what, count in parts.items() if count)


def _part_folders(folder: Path, files: Sequence[Path]) -> dict[str, str]:
    """Part → the sub-folder that holds it, training first; empty where ``folder`` is not divided.

    Raises:
        DataError: the folder is divided in a way that leaves a part open, or inside its sub-folders.
    """
    tops = sorted({file.relative_to(folder).parts[0] for file in files if file.parent != folder})
    found = {name: part for name in tops if (part := _PART_OF.get(name.lower()))}
    where = as_text(folder)
    if len(set(found.values())) < 2 and found.keys() != set(tops):
        _refuse_division_inside(folder, files)
        return {}
    if not found:
        return {}
    listed = " and ".join(f"{as_text(name)}/" for name in found)
    others = [name for name in tops if name not in found]
    others += [file.name for file in files if file.parent == folder]
    if len(found) == 1 and not others:
        raise DataError(f"{where} holds nothing but {listed}: give that folder as data.path")
    if others:
        raise DataError(
            f"{where} holds {listed} next to {as_text(others[0])}: it must hold either the parts of a run, "
            "train/, val/ and test/, or classes; move the rest out of it"
        )
    if len(set(found.values())) < len(found):
        raise DataError(f"{where} holds {listed}, two folders for the same part of a run: join them")
    if not {"train", "test"} <= set(found.values()):
        lacking = "test" if "train" in found.values() else "train"
        raise DataError(
            f"{where} holds {listed}, but no images in a folder {lacking}/: a run needs both to train on and "
            f"to test on. {_remedy(lacking)}"
        )
    return {part: name for part in PART_FOLDERS for name in found if found[name] == part}


def _remedy(lacking: str) -> str:
    if lacking == "train":
        return "Add the training images"
    return "Rename the other one to test/; a tenth of train/ is then used to validate"


def _refuse_division_inside(folder: Path, files: Iterable[Path]) -> None:
    """Raise a DataError if the sub-folders of ``folder`` are themselves divided into parts."""
    paths = (file.relative_to(folder).parts for file in files)
    inside: dict[str, set[str]] = {}
    for parts in paths:
        if len(parts) > 2 and parts[1].lower() in _PART_OF:
            inside.setdefault(parts[0], set()).add(parts[1])
    for top, names in inside.items():
        if len({_PART_OF[name.lower()] for name in names}) > 1:
            listed = " and ".join(f"{as_text(top)}/{as_text(name)}/" for name in sorted(names))
            raise DataError(
                f"{as_text(folder)} holds {listed}: give {as_text(folder / top)} as data.path, or, if "
                f"{as_text(top)} is a class, let the parts hold the classes, as train/{as_text(top)}/ and "
                f"test/{as_text(top)}/"
            )


def _classify(
    sections: Sequence[Sequence[Path]], roots: Sequence[Path]
) -> tuple[list[Path], np.ndarray | None, list[str]]:
    """The files of all sections in row order, their classes if every section has them, and their names."""
    groups = [_groups(files, root) for files, root in zip(sections, roots, strict=True)]
    if not all(groups):
        return [file for files in sections for file in files], None, []
    names = _in_order({name for some in groups for name in some})
    number = {name: place for place, name in enumerate(names)}
    ordered: list[Path] = []
    labels = []
    for files, some in zip(sections, groups, strict=True):
        own = np.array([number[name] for name in some], np.int64)
        order = interleave(own)
        ordered += [files[row] for row in order]
        labels.append(own[order])
    return ordered, np.concatenate(labels), [as_text(name) for name in names]


def _groups(files: Sequence[Path], root: Path) -> list[str]:
    """The class folder of each file; empty where the files lie in ``root`` itself."""
    groups = [file.relative_to(root).parts[0] if file.parent != root else "" for file in files]
    if "" not in groups:
        return groups
    if any(groups):
        raise DataError(
            f"{as_text(root)} holds images both in itself ({as_text(files[groups.index('')].name)}, …) and "
            "in sub-folders: move them all into sub-folders, one a class, or all out of them"
        )
    return []


def _in_order(names: set[str]) -> list[str]:
    """Class folders in the order of their labels: whole numbers as numbers, other names by the alphabet."""
    if all(name.isascii() and name.isdecimal() for name in names):
        return sorted(names, key=lambda name: (int(name), name))
    return sorted(names)
