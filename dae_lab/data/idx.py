"""The IDX format, in which MNIST and Fashion-MNIST are published: a big-endian header, then the pixels.

Bytes 0–1 are zero, byte 2 is the type of the values (8: unsigned byte), byte 3 the number of
dimensions; each dimension follows as a 32-bit integer. Source: the format's description on the MNIST
page of Y. LeCun, C. Cortes and C. Burges, 1998.
"""

import gzip
import hashlib
import math
import struct
import zlib
from pathlib import Path

import numpy as np

from dae_lab.errors import DataError

UNSIGNED_BYTE = 8


def read(path: Path, sha256: str) -> np.ndarray:
    """The array in a file, raw or gzip-compressed (``.gz``), if it is the one that ``sha256`` names.

    Args:
        path: the file.
        sha256: hex digest of the raw bytes.

    Returns:
        uint8, read-only, of the shape in the header.

    Raises:
        DataError: the file cannot be read, is cut short, is no IDX, or is another one.
    """
    try:
        data = path.read_bytes()
        if path.suffix == ".gz":
            data = gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} cannot be read: {error}") from error
    return check(decode(data, str(path)), sha256, str(path))


def decode(data: bytes, name: str) -> np.ndarray:
    """The uint8 array that raw IDX bytes hold, as a read-only view; ``name`` is for the error.

    Raises:
        DataError: no IDX of unsigned bytes, or more or fewer bytes than the header promises.
    """
    if len(data) < 4 or data[:2] != b"\0\0" or data[2] != UNSIGNED_BYTE or len(data) < 4 + 4 * data[3]:
        raise DataError(f"{name} is not an IDX file of unsigned bytes: it begins with {data[:4].hex(' ')}")
    shape = struct.unpack_from(f">{data[3]}I", data, 4)
    start = 4 + 4 * len(shape)
    expected = start + math.prod(shape)
    if len(data) != expected:
        fault = "is cut short" if len(data) < expected else "is too long"
        raise DataError(f"{name} {fault}: its header promises {expected:,} bytes, it has {len(data):,}")
    return np.frombuffer(data, np.uint8, offset=start).reshape(shape)


def header(array: np.ndarray) -> bytes:
    """The IDX header of a uint8 array; the array's bytes after it make the file."""
    return struct.pack(f">HBB{array.ndim}I", 0, UNSIGNED_BYTE, array.ndim, *array.shape)


def check(array: np.ndarray, sha256: str, name: str) -> np.ndarray:
    """The array itself, if written as a raw IDX file it would have this SHA-256.

    Raises:
        DataError: it would not.
    """
    if array.dtype != np.uint8:
        raise DataError(f"{name} holds {array.dtype} and not uint8")
    digest = hashlib.sha256(header(array))
    digest.update(np.ascontiguousarray(array).data)
    if digest.hexdigest() != sha256:
        raise DataError(
            f"{name} is damaged or another file: its SHA-256 is {digest.hexdigest()}, not {sha256}"
        )
    return array
