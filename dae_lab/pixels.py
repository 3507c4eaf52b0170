"""How stored pixels become numbers."""

import numpy as np

from dae_lab.errors import DataError


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
