"""Principal components: the best linear code of the clean images, as wide as the model's."""

import numpy as np
import scipy.linalg

from dae_lab.baselines.fitting import Fitted, blocks
from dae_lab.baselines.linear import affine
from dae_lab.baselines.moments import Moments
from dae_lab.data.images import Images
from dae_lab.pixels import to_float


def pca(train: Images, code_size: int) -> Fitted:
    """Projection on the first ``code_size`` principal components of the clean training images.

    Of all linear codes of that width, the one with the least MSE on these images before it is cut to [0, 1]:
    the yardstick for what a network's code is worth. There are at most h·w·c components, and at most m - 1
    of m images.
    Source: Baldi and Hornik, "Neural Networks and Principal Component Analysis", 1989.
    """
    values = int(np.prod(train.shape))
    moments = Moments(values, 0)
    for block in blocks(train):
        flat = to_float(block.pixels).reshape(len(block), values)
        moments.add(flat, flat[:, :0])
    mean, covariance = moments.means[0], moments.covariances[0]
    width = min(code_size, values, len(train) - 1)
    axes = scipy.linalg.eigh(covariance)[1][:, values - width :]
    projection = axes @ axes.T
    return Fitted(affine(projection, mean - mean @ projection), _note(width, code_size, values, len(train)))


def _note(width: int, code_size: int, values: int, images: int) -> str:
    if width == values:
        return f"as many components as an image has values, {values:,}: the noise is handed through"
    components = f"{width:,} component{'s' * (width != 1)}"
    if width < code_size and width == images - 1:
        return f"{components}, all there are in {images:,} clean training images"
    return f"{components}, fitted on {images:,} clean training images"
