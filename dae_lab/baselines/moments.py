"""Means and covariances, from which linear denoisers are fitted."""

import numpy as np


class Moments:
    """Means and covariances of inputs x (p,) and outputs y (q,), added up in float64, block by block."""

    def __init__(self, inputs: int, outputs: int) -> None:
        self._rows = 0
        self._sum_x, self._sum_y = np.zeros(inputs), np.zeros(outputs)
        self._sum_xx, self._sum_xy = np.zeros((inputs, inputs)), np.zeros((inputs, outputs))

    def add(self, x: np.ndarray, y: np.ndarray) -> None:
        """Take in floats x (rows, p) and y (rows, q); a row of each belongs together."""
        x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
        self._rows += len(x)
        self._sum_x += x.sum(axis=0)
        self._sum_y += y.sum(axis=0)
        self._sum_xx += x.T @ x
        self._sum_xy += x.T @ y

    def of_neighbourhoods(self, shape: tuple[int, int, int], size: int) -> "Moments":
        """Where x and y are images (h, w, c): the moments of their ``neighbourhoods`` and middle pixels.

        Products of neighbours are products of pixels, so what was added up need only be sorted.
        """
        values, channels = int(np.prod(shape)), shape[-1]
        pixels = np.arange(values).reshape(-1, channels).T
        # Where in an image each feature of each pixel is; -1, an appended 0, is beyond the edge.
        places = neighbourhoods(np.arange(1, values + 1).reshape(1, *shape), size).T.astype(int) - 1
        small = Moments(len(places), channels)
        small._rows = self._rows * pixels.shape[1]
        small._sum_x = np.append(self._sum_x, 0)[places].sum(axis=-1)
        small._sum_y = self._sum_y[pixels].sum(axis=-1)
        small._sum_xx = np.pad(self._sum_xx, (0, 1))[places[:, None], places].sum(axis=-1)
        small._sum_xy = np.pad(self._sum_xy, (0, 1))[places[:, None], pixels].sum(axis=-1)
        return small

    @property
    def means(self) -> tuple[np.ndarray, np.ndarray]:
        """E[x] (p,) and E[y] (q,), float64."""
        return self._sum_x / self._rows, self._sum_y / self._rows

    @property
    def covariances(self) -> tuple[np.ndarray, np.ndarray]:
        """Cov(x, x) (p, p) and Cov(x, y) (p, q), float64, divided by the number of rows."""
        x, y = self.means
        return self._sum_xx / self._rows - np.outer(x, x), self._sum_xy / self._rows - np.outer(x, y)


def neighbourhoods(images: np.ndarray, size: int) -> np.ndarray:
    """The ``size`` × ``size`` pixels around every pixel, zeros beyond the edge, as in a convolution.

    Args:
        images: float (n, h, w, c). size: odd.

    Returns:
        float64 (n·h·w, size·size·c), in the order of a convolution kernel (size, size, c).
    """
    count, height, width, channels = images.shape
    margin = size // 2
    padded = np.pad(images, ((0, 0), (margin, margin), (margin, margin), (0, 0)))
    # Features first in memory: every feature then is one shifted copy of the images, which is fast.
    features = np.empty((size, size, channels, count, height, width))
    for row, column in np.ndindex(size, size):
        shifted = padded[:, row : row + height, column : column + width]
        features[row, column] = np.moveaxis(shifted, -1, 0)
    return features.reshape(-1, count * height * width).T
