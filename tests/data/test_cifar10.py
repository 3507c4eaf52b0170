"""CIFAR-10's binary archive, with few records, and its refusals."""

import io
import tarfile
from pathlib import Path

import numpy as np
import pytest

from dae_lab.data.cifar10 import ARCHIVE, BATCHES, TEST_BATCH, Cifar10, unpack
from dae_lab.errors import DataError

SLICES = {"train": [0, 45000], "validation": [45000, 50000], "test": [50000, 60000]}


def archive(path: Path, records: np.ndarray, names: tuple[str, ...] = (*BATCHES, TEST_BATCH)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz") as tar:
        for name, batch in zip(names, np.split(records, len(names)), strict=True):
            member = tarfile.TarInfo(name)
            member.size = batch.size
            tar.addfile(member, io.BytesIO(batch.tobytes()))
    return path


def records(count: int) -> np.ndarray:
    batch = np.random.default_rng(0).integers(0, 256, (count, 3073), dtype=np.uint8)
    batch[:, 0] %= 10
    return batch


def test_planes_become_channels(tmp_path):
    wanted = records(18)
    x_train, y_train, x_test, y_test = unpack(archive(tmp_path / ARCHIVE, wanted))
    assert (x_train.shape, x_test.shape) == ((15, 32, 32, 3), (3, 32, 32, 3))
    np.testing.assert_array_equal(np.concatenate([y_train, y_test]), wanted[:, 0])
    assert x_train[4, 2, 5, 1] == wanted[4, 1 + 1024 + 2 * 32 + 5]  # green plane, row 2, column 5
    assert x_test[2, 31, 31, 2] == wanted[17, -1]


def test_an_archive_of_another_checksum_is_passed_over(tmp_path, caplog):
    path = archive(tmp_path / "cifar10" / ARCHIVE, records(6))
    with pytest.raises(DataError, match="its MD5 is"):
        Cifar10(**SLICES, cache=str(tmp_path), download=False).load()
    assert str(path) in caplog.text


def test_a_truncated_archive_is_refused(tmp_path):
    path = archive(tmp_path / ARCHIVE, records(6))
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(DataError, match="cannot be read"):
        unpack(path)


def test_a_batch_that_is_cut_short_is_refused(tmp_path):
    path = archive(tmp_path / ARCHIVE, records(6)[:, :3000])
    with pytest.raises(DataError, match=r"data_batch_1\.bin is cut short: 3,000 bytes"):
        unpack(path)


def test_an_archive_without_a_batch_is_refused(tmp_path):
    path = archive(tmp_path / ARCHIVE, records(6), tuple("abcdef"))
    with pytest.raises(DataError, match=r"data_batch_1\.bin"):
        unpack(path)


def test_what_was_fetched_before_is_read(tmp_path):
    images, labels = np.zeros((50_000, 32, 32, 3), np.uint8), np.full(50_000, 3, np.uint8)
    (tmp_path / "cifar10").mkdir()
    path = tmp_path / "cifar10" / "cifar10.npz"
    np.savez_compressed(path, x_train=images, y_train=labels, x_test=images[:10_000], y_test=labels[:10_000])
    dataset = Cifar10(**SLICES, cache=str(tmp_path), download=False).load()
    assert dataset.source == f"CIFAR-10, read from {path}"
    assert dataset.test.shape == (32, 32, 3)
    assert dataset.test.labels.dtype == np.int64
    assert {dataset.test.class_name(label) for label in dataset.test.labels} == {"cat"}


def test_other_arrays_are_refused(tmp_path, caplog):
    (tmp_path / "cifar10").mkdir()
    tiny = np.zeros((2, 32, 32, 3), np.uint8)
    np.savez(tmp_path / "cifar10" / "cifar10.npz", x_train=tiny, y_train=tiny, x_test=tiny, y_test=tiny)
    with pytest.raises(DataError, match="is not CIFAR-10"):
        Cifar10(**SLICES, cache=str(tmp_path), download=False).load()


def test_nowhere_says_what_to_do(tmp_path):
    with pytest.raises(DataError, match=rf"Put {ARCHIVE} into .*cifar10"):
        Cifar10(**SLICES, cache=str(tmp_path), download=False).load()
