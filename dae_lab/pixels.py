"""Stored pixels as numbers, and in blocks."""

import numpy as np

from dae_lab.errors import DataError

BLOCK_VALUES = 800_000
"""Pixel values in a block, about a thousand digits: memory does not grow with the data."""

RESCALE = "np.interp(images, (images.min(), images.max()), (0, 1))"
"""An expression that makes the darkest pixel black, 0, and the brightest white, 1."""


def blocks(shape: tuple[int, ...], values: int = BLOCK_VALUES) -> list[slice]:
    """Slices that cut images (n, h, w, c) into blocks of at most ``values`` pixel values, at least one image.

    >>> blocks((5, 10, 10, 1), values=200)
    [slice(0, 2, None), slice(2, 4, None), slice(4, 6, None)]
    """
    step = max(1, values // int(np.prod(shape[1:])))
    return [slice(start, start + step) for start in range(0, shape[0], step)]


def to_float(pixels: np.ndarray) -> np.ndarray:
    """Pixels as float32 in [0, 1].

    Args:
        pixels: an array of any shape, uint8, or float32 already in [0, 1] (not checked again here).

    Returns:
        float32: uint8 divided by 255; a float32 array as it is, not copied.

    Raises:
        DataError: pixels of any other type.
    """
    if pixels.dtype == np.uint8:
        return np.divide(pixels, 255, dtype=np.float32)
    if pixels.dtype == np.float32:
        return pixels
    raise DataError(f"pixels are {pixels.dtype}: give uint8 in 0…255, or float32 in [0, 1]")
