"""IDX files, whole and damaged."""

import gzip
import hashlib

import numpy as np
import pytest

from dae_lab.data import idx
from dae_lab.errors import DataError

ARRAY = np.arange(5 * 3 * 2, dtype=np.uint8).reshape(5, 3, 2)
RAW = bytes.fromhex("00000803 00000005 00000003 00000002") + ARRAY.tobytes()
PACKED = gzip.compress(RAW, mtime=0)  # without the hour: the tests' names are made of it
SHA256 = hashlib.sha256(RAW).hexdigest()


def test_header_is_the_published_one():
    assert idx.header(ARRAY) + ARRAY.tobytes() == RAW


@pytest.mark.parametrize(("name", "data"), [("a-idx3-ubyte", RAW), ("a-idx3-ubyte.gz", PACKED)])
def test_raw_and_compressed_files_are_read(tmp_path, name, data):
    path = tmp_path / name
    path.write_bytes(data)
    np.testing.assert_array_equal(idx.read(path, SHA256), ARRAY)


def test_truncated_says_how_many_bytes():
    with pytest.raises(DataError, match="a is cut short: its header promises 46 bytes, it has 40"):
        idx.decode(RAW[:40], "a")


def test_too_long_says_how_many_bytes():
    with pytest.raises(DataError, match="a is too long: its header promises 46 bytes, it has 47"):
        idx.decode(RAW + b"x", "a")


@pytest.mark.parametrize("data", [b"", b"\0\0", b"PNG and so on", b"\0\0\x0d\x01\0\0\0\0", RAW[:9]])
def test_other_formats_are_refused(data):
    with pytest.raises(DataError, match="a is not an IDX file of unsigned bytes"):
        idx.decode(data, "a")


@pytest.mark.parametrize("data", [PACKED[:-9], b"no gzip", PACKED[:20] + b"\xff" * 30])
def test_a_broken_gzip_is_refused(tmp_path, data):
    path = tmp_path / "a.gz"
    path.write_bytes(data)
    with pytest.raises(DataError, match=r"a\.gz cannot be read"):
        idx.read(path, SHA256)


def test_a_changed_pixel_is_refused(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(RAW[:-1] + b"\xff")
    with pytest.raises(DataError, match=f"a is damaged or another file: .*not {SHA256}"):
        idx.read(path, SHA256)


def test_arrays_in_another_order_have_the_same_checksum():
    idx.check(np.asfortranarray(ARRAY), SHA256, "a")
    with pytest.raises(DataError, match="int64"):
        idx.check(ARRAY.astype(np.int64), SHA256, "a")
