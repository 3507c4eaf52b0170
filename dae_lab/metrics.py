"""Metrics: how near a reconstruction is to the clean image, the same for every run, whatever its loss.

``METRICS`` is the one table of them. Training, early stopping, records, tables, figures, claims, sweeps and
the report read it, so a metric that is added here, or by ``register``, appears in all of them.

Formulas take float32 images (n, h, w, c), clean ones in [0, 1], and give one float32 value an image; they are
applied by ``dae_lab.scoring``. A reconstruction may leave [0, 1], as linear outputs do, and is then measured
as it is, except by the cross-entropy. TensorFlow is imported inside the functions that compute, because
configs are checked without it.
"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from dae_lab.errors import ConfigError, DataError

if TYPE_CHECKING:
    import tensorflow as tf

SSIM_WINDOW = 7
_SSIM_C1, _SSIM_C2 = 0.01**2, 0.03**2  # (K1·L)², (K2·L)² of Wang et al. 2004 for the data range L = 1
_SMALLEST_MSE = 1e-10
_SMALLEST_PROBABILITY = 1e-7


@dataclass(frozen=True)
class Metric:
    """One measure of reconstructions: what it is called, how it is read, how it is computed.

    Attributes:
        name: a Python identifier in lower case; runs record it as ``val/<name>`` and ``test/<name>``.
        title: for tables and figures.
        definition: a sentence or two for the report, with the formula and its source.
        better: whether ``lower`` or ``higher`` values are better.
        low, high: the bounds of its values.
        unit: as ``dB``; empty for a number without one.
        decimals: how many are shown.
        recorded: ``train`` and ``val``, each epoch's value; ``test``, the trained model's.
        shown: ``headline``: at the top of a run's report, and wherever a smaller place is named; ``summary``:
            in the short tables of runs and sweeps; ``report``: in the report's full table.
        per_image: clean images and reconstructions, float32 (n, h, w, c), to values, float32 (n,); it is
            called eagerly and inside TensorFlow graphs. None where ``from_means`` gives the value.
        from_means: the value from the means over images of the other metrics and of E[x²], ``energy``.
    """

    name: str
    title: str
    definition: str
    better: Literal["lower", "higher"] = "lower"
    low: float = 0.0
    high: float = math.inf
    unit: str = ""
    decimals: int = 4
    recorded: tuple[str, ...] = ("val", "test")
    shown: Literal["headline", "summary", "report"] = "report"
    per_image: "Callable[[tf.Tensor, tf.Tensor], tf.Tensor] | None" = None
    from_means: Callable[[Mapping[str, float], float], float] | None = None

    @property
    def rises(self) -> bool:
        """Whether higher values are better."""
        return self.better == "higher"

    @property
    def arrow(self) -> str:
        """``↑`` where higher values are better, else ``↓``."""
        return "↑" if self.rises else "↓"

    @property
    def heading(self) -> str:
        """Title, unit and direction for the head of a table, as ``PSNR, dB ↑``."""
        return f"{', '.join(filter(None, [self.title, self.unit]))} {self.arrow}"


def register(metric: Metric) -> None:
    """Add a metric from outside dae_lab; it is computed, recorded and shown like those of this file.

    Call it before configs are validated. An added metric of the same name is replaced.

    Raises:
        ConfigError: the name is that of a metric of dae_lab, or cannot be recorded; or the metric has no
            formula.
    """
    if metric.name in _BUILT_IN:
        raise ConfigError(f"metric {metric.name}: dae_lab has a metric of this name; choose another")
    if not re.fullmatch("[a-z][a-z0-9_]*", metric.name):
        raise ConfigError(
            f"metric {metric.name!r}: a name has lower-case letters, digits and underscores, a letter first"
        )
    if metric.per_image is None:
        raise ConfigError(f"metric {metric.name}: per_image must be a function")
    METRICS[metric.name] = metric


def recorded_in(part: str) -> list[Metric]:
    """The metrics that are recorded for ``train``, ``val`` or ``test``, in the order of ``METRICS``."""
    return [metric for metric in METRICS.values() if part in metric.recorded]


def shown_in(*places: str) -> list[Metric]:
    """The metrics that are shown in ``places``, see ``Metric.shown``, in the order of ``METRICS``."""
    return [metric for metric in METRICS.values() if metric.shown in places]


def image_metrics() -> tuple[Metric, ...]:
    """The metrics that have a value for each image, in the order of ``METRICS``."""
    return tuple(metric for metric in METRICS.values() if metric.per_image)


def mse(clean, reconstruction) -> "tf.Tensor":
    """Mean squared error of each image, float32 (n,)."""
    import tensorflow as tf

    return _image_mean(tf.math.squared_difference(clean, reconstruction))


def mae(clean, reconstruction) -> "tf.Tensor":
    """Mean absolute error of each image, float32 (n,)."""
    import tensorflow as tf

    return _image_mean(tf.abs(clean - reconstruction))


def psnr(clean, reconstruction) -> "tf.Tensor":
    """Peak signal-to-noise ratio of each image, 10·log₁₀(1/MSE) in dB, float32 (n,).

    The MSE is taken as at least 1e-10, so that equal images get 100 dB and not infinity.
    """
    import tensorflow as tf

    error = tf.maximum(mse(clean, reconstruction), _SMALLEST_MSE)
    return (-10 / math.log(10)) * tf.math.log(error)


def ssim(clean, reconstruction, window: int = SSIM_WINDOW) -> "tf.Tensor":
    """Structural similarity of each image, float32 (n,): the mean of ``ssim_map``."""
    return _image_mean(ssim_map(clean, reconstruction, window))


def ssim_map(clean, reconstruction, window: int = SSIM_WINDOW) -> "tf.Tensor":
    """Structural similarity in every square window that lies inside the image.

    Uniform weights, sample covariance, K1 = 0.01, K2 = 0.03, data range 1: as scikit-image's
    ``structural_similarity`` by default. Source: Wang et al., "Image Quality Assessment", 2004.

    Args:
        clean, reconstruction: float32 (n, h, w, c), h and w known.
        window: odd; on images with a shorter side, the largest odd number that fits is taken.

    Returns:
        float32 (n, h - window + 1, w - window + 1, c).

    Raises:
        DataError: a side is shorter than 3 pixels, so no window has a variance.
    """
    import tensorflow as tf

    window = _largest_window(window, clean.shape[1:3])
    count = window * window
    # Variances do not change with the origin, and lose fewest digits of float32 to one amid the values.
    x_origin, y_origin = (
        tf.reduce_mean(image, axis=[1, 2], keepdims=True) for image in (clean, reconstruction)
    )
    x, y = clean - x_origin, reconstruction - y_origin
    moments = _box_mean(tf.concat([x, y, x * x + y * y, x * y], axis=-1), window)
    x, y, squares, products = tf.split(moments, 4, axis=-1)
    sample = count / (count - 1)
    variances = sample * (squares - x * x - y * y)
    covariance = sample * (products - x * y)
    x, y = x + x_origin, y + y_origin
    luminance = (2 * x * y + _SSIM_C1) / (x * x + y * y + _SSIM_C1)
    return luminance * (2 * covariance + _SSIM_C2) / (variances + _SSIM_C2)


def bce(clean, reconstruction) -> "tf.Tensor":
    """Binary cross-entropy of each image in nats a pixel, float32 (n,)."""
    return _image_mean(bce_map(clean, reconstruction))


def bce_map(clean, probability) -> "tf.Tensor":
    """Binary cross-entropy of every pixel in nats, with p and 1 - p each cut to [1e-7, 1].

    Each is cut by itself, because float32 has no number 1 - 1e-7: white errors would cost less than black
    ones.
    """
    import tensorflow as tf

    white, black = (tf.clip_by_value(p, _SMALLEST_PROBABILITY, 1) for p in (probability, 1 - probability))
    return -(clean * tf.math.log(white) + (1 - clean) * tf.math.log(black))


def bce_excess(clean, reconstruction) -> "tf.Tensor":
    """``bce`` above ``bce_floor``: the Kullback-Leibler divergence, in nats a pixel, float32 (n,)."""
    return bce(clean, reconstruction) - bce_floor(clean)


def bce_floor(clean) -> "tf.Tensor":
    """The cross-entropy of a perfect reconstruction, in nats a pixel, float32 (n,).

    Not 0, because grey pixels have an entropy, -x·ln x - (1 - x)·ln(1 - x): about 0.058 on MNIST.
    """
    import tensorflow as tf

    clean = tf.convert_to_tensor(clean)
    return -_image_mean(tf.math.xlogy(clean, clean) + tf.math.xlog1py(1 - clean, -clean))


def _image_mean(values: "tf.Tensor") -> "tf.Tensor":
    import tensorflow as tf

    return tf.reduce_mean(values, axis=range(1, values.shape.rank))


def _largest_window(window: int, sides) -> int:
    """The largest odd window, at most ``window``, that fits into both sides."""
    shortest = min(sides)
    if shortest < 3:
        raise DataError(f"images of {sides[0]}x{sides[1]} pixels have no SSIM: each side needs at least 3")
    return min(window, shortest - 1 + shortest % 2)


def _box_mean(images: "tf.Tensor", window: int) -> "tf.Tensor":
    """Means over all window x window squares: rows first, then columns, which halves the time."""
    from tensorflow.nn import avg_pool2d

    return avg_pool2d(avg_pool2d(images, (window, 1), 1, "VALID"), (1, window), 1, "VALID")


def _normalised_error(means: Mapping[str, float], energy: float) -> float:
    return means["mse"] / energy if energy else math.nan


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric(
            "loss",
            "loss",
            "What training minimises, penalties included; values of different losses cannot be compared.",
            low=-math.inf,
            recorded=("train", "val"),
        ),
        Metric("mse", "MSE", "Mean of (x̂ − x)² over pixels and channels.", shown="headline", per_image=mse),
        Metric(
            "nmse",
            "MSE / E[x²]",
            "The error in units of the energy E[x²], the mean square of the clean images and the MSE of a "
            "black answer: mean MSE over mean energy, 1 for black.",
            decimals=3,
            recorded=("test",),
            from_means=_normalised_error,
        ),
        Metric("mae", "MAE", "Mean of |x̂ − x| over pixels and channels.", per_image=mae),
        Metric(
            "psnr",
            "PSNR",
            "Peak signal-to-noise ratio, 10·log₁₀(1 / MSE) in dB, with an MSE of at least 1e-10, so at most "
            "100 dB. The mean over images of this is not the PSNR of the mean MSE.",
            better="higher",
            low=-math.inf,
            unit="dB",
            decimals=2,
            shown="headline",
            per_image=psnr,
        ),
        Metric(
            "ssim",
            "SSIM",
            f"Structural similarity, in [−1, 1]: windows of {SSIM_WINDOW}×{SSIM_WINDOW} pixels (on smaller "
            "images the largest odd side that fits) inside the image, uniform weights, sample covariance, "
            "K1 = 0.01, K2 = 0.03, data range 1. Wang et al., “Image Quality Assessment”, 2004; as "
            "scikit-image’s structural_similarity.",
            better="higher",
            low=-1.0,
            high=1.0,
            shown="headline",
            per_image=ssim,
        ),
        Metric(
            "bce",
            "BCE",
            "Binary cross-entropy, −x·ln p − (1 − x)·ln(1 − p), in nats a pixel; p and 1 − p are taken as at "
            "least 1e-7.",
            unit="nats",
            per_image=bce,
        ),
        Metric(
            "bce_excess",
            "BCE excess",
            "BCE minus that of a perfect reconstruction, which is not 0 where pixels are grey: the "
            "Kullback–Leibler divergence, in nats a pixel.",
            low=-math.inf,
            unit="nats",
            shown="summary",
            per_image=bce_excess,
        ),
    )
}
"""By name, in the order in which tables show them."""
_BUILT_IN = frozenset(METRICS)
