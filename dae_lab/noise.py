"""Corruptions: what noise does to an image. Stateless: (images, seeds) → noisy images.

Every image has its own seed pair, so its noise depends on nothing but the image and that pair:
not on the size of the batch, its place in it, or what was drawn before. Two corruptions of one
family with the same seeds draw the same field, only scaled, so arms that differ in strength stay
paired. All draws use Philox, the one generator that CPU and GPU have in common.

A config is checked with these classes, so TensorFlow is imported only inside of the methods that compute.
"""

from collections import defaultdict
from dataclasses import replace
from functools import cached_property, partial
from math import ceil, exp, prod
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from dae_lab.parts.part import Part
from dae_lab.parts.schema import Name, option
from dae_lab.progress import progress
from dae_lab.provenance import cores

if TYPE_CHECKING:
    import numpy as np
    import tensorflow as tf

    from dae_lab.data.images import Images

_PARALLEL = 32
"""So many images are corrupted at once: of large ones as much CPU time and, on two cores, four fifths of the
wall time that one after the other would take."""
_SMALL, _FEW_CORES = 1024, 4
"""On up to so many cores, images of up to so many values are corrupted one after the other, in four fifths of
the CPU time."""


def draw_normal(shape: Any, seed: Any) -> "tf.Tensor":
    """Standard normal values of ``shape`` under one seed pair (2,): float32."""
    import tensorflow as tf

    return tf.random.stateless_normal(shape, seed, alg="philox")


def draw_uniform(shape: Any, seed: Any, low: float = 0.0, high: float = 1.0) -> "tf.Tensor":
    """Values of ``shape``, uniform in [low, high), under one seed pair (2,): float32."""
    import tensorflow as tf

    return tf.random.stateless_uniform(shape, seed, low, high, alg="philox")


def derive_seed(seed: Any, number: int) -> "tf.Tensor":
    """Another seed pair (2,), for the ``number``-th independent draw of one image."""
    import tensorflow as tf

    return tf.random.fold_in(seed, number, alg="philox")


def image_seeds(rows, stream) -> "tf.Tensor":
    """One seed pair ``[row, stream]`` an image.

    Args:
        rows: integers (n,) below 2³¹, the images' row numbers in their source.
        stream: an integer or integer scalar tensor in [0, 2³¹), a sub-seed of ``dae_lab.seeds``.

    Returns:
        int32 (n, 2).
    """
    import tensorflow as tf

    rows = tf.cast(rows, tf.int32)
    return tf.stack([rows, tf.broadcast_to(tf.cast(stream, tf.int32), tf.shape(rows))], axis=1)


class Corruption(Part, group="noise"):
    """The base of all corruptions: a child says in ``corrupt`` what happens to one image.

    Attributes:
        strength: names of the keys that say how strong it is, in proportion.
    """

    clip: bool = option("cut the noisy image to [0, 1], as a camera would")
    resample: Literal["once", "epoch"] = option(
        "`once` draws the training noise once and keeps it, `epoch` draws it anew each epoch"
    )

    strength: ClassVar[tuple[str, ...]] = ()

    def __call__(self, images, seeds) -> "tf.Tensor":
        """Corrupt a batch, eagerly or inside a graph.

        Args:
            images: float32 (n, h, w, c) in [0, 1]; n may be unknown.
            seeds: int32 (n, 2), one pair an image, as from ``image_seeds``.

        Returns:
            float32 (n, h, w, c); within [0, 1] if ``clip``.

        Raises:
            TypeError: the images are not float32, for example still uint8.
        """
        import tensorflow as tf

        images, seeds = tf.convert_to_tensor(images), tf.convert_to_tensor(seeds)
        tf.debugging.assert_type(images, tf.float32)
        return self._graphs[tuple(images.shape[1:])](images, seeds)

    def corrupt(self, image: "tf.Tensor", seed: "tf.Tensor") -> "tf.Tensor":
        """The noisy version, before any clipping, of one image (h, w, c) under one seed pair (2,)."""
        raise NotImplementedError

    def clipped(self, image: "tf.Tensor", seed: "tf.Tensor") -> "tf.Tensor":
        """What ``corrupt`` gives, cut to [0, 1] if ``clip``."""
        import tensorflow as tf

        noisy = self.corrupt(image, seed)
        return tf.clip_by_value(noisy, 0.0, 1.0) if self.clip else noisy

    def scaled(self, factor: float) -> "Corruption":
        """This corruption, ``factor`` ≥ 0 times as strong; under equal seeds it draws the same field, scaled.

        Raises:
            ConfigError: it cannot be so strong, as a share of pixels above 1.
        """
        return replace(self, **{name: factor * getattr(self, name) for name in self.strength})

    def described(self) -> str:
        """Its strength for people, as ``sigma = 0.5``; empty where it has none."""
        return ", ".join(f"{name} = {getattr(self, name):g}" for name in self.strength)

    @cached_property
    def _graphs(self) -> dict:
        """``_batch`` as a graph, for each shape of image: mapped eagerly, it takes a hundred times as long.

        A partial, because TensorFlow counts the traces of a plain method over all instances, and
        warns of five corruptions in one process as of one that is traced five times.
        """
        import tensorflow as tf

        return defaultdict(lambda: tf.function(partial(self._batch), reduce_retracing=True, autograph=False))

    def _batch(self, images: "tf.Tensor", seeds: "tf.Tensor") -> "tf.Tensor":
        import tensorflow as tf

        return tf.map_fn(
            lambda pair: self.clipped(*pair),
            (images, seeds),
            fn_output_signature=tf.TensorSpec(images.shape[1:], tf.float32),
            parallel_iterations=_PARALLEL if prod(images.shape[1:]) > _SMALL or cores() > _FEW_CORES else 1,
        )


class Deterministic(Corruption):
    """The base of corruptions that draw nothing: ``corrupt`` takes (..., h, w, c), so a batch at once."""

    def _batch(self, images: "tf.Tensor", seeds: "tf.Tensor") -> "tf.Tensor":
        return self.clipped(images, seeds)


class Identity(Deterministic):
    """The image as it is."""

    def corrupt(self, image, seed):
        return image


class Gaussian(Corruption):
    """x + n with n ~ N(0, sigma²), drawn for every pixel and channel."""

    sigma: float = option("standard deviation, in units of the pixel range [0, 1]", ge=0, le=1000)

    strength = ("sigma",)

    def corrupt(self, image, seed):
        return image + self.sigma * draw_normal(image.shape, seed)


class GaussianRange(Corruption):
    """As ``Gaussian``, with sigma ~ U[low, high) drawn for each image: blind denoising.

    Source: Zhang et al., "Beyond a Gaussian Denoiser", 2017 (DnCNN-B).
    """

    low: float = option("smallest standard deviation, in units of the pixel range [0, 1]", ge=0, le=1000)
    high: float = option("largest standard deviation, likewise", ge=0, le=1000)

    strength = ("low", "high")

    def __post_init__(self) -> None:
        if self.low > self.high:
            raise ValueError(f"low must be at most high; got low={self.low:g}, high={self.high:g}")

    def corrupt(self, image, seed):
        sigma = (
            draw_uniform((), derive_seed(seed, 1), self.low, self.high) if self.low < self.high else self.low
        )
        return image + sigma * draw_normal(image.shape, seed)


class Uniform(Corruption):
    """x + u with u ~ U[-width, width), drawn for every pixel and channel; variance width²/3."""

    width: float = option("half the width of the interval, in units of the pixel range [0, 1]", ge=0, le=1000)

    strength = ("width",)

    def corrupt(self, image, seed):
        return image + self.width * draw_uniform(image.shape, seed, -1.0, 1.0)


class Speckle(Corruption):
    """x + x·n with n ~ N(0, sigma²), drawn for every pixel and channel; black stays black."""

    sigma: float = option("standard deviation, as a share of the pixel's own value", ge=0, le=1000)

    strength = ("sigma",)

    def corrupt(self, image, seed):
        return image + image * (self.sigma * draw_normal(image.shape, seed))


class Poisson(Corruption):
    """Poisson(x·peak)/peak, drawn for every pixel and channel; mean x, variance x/peak.

    Darker than black, as after an unclipped step of a chain, is black: no photons.
    """

    peak: float = option("expected number of photons at white", ge=1e-3, le=1e9)

    strength = ("peak",)

    def scaled(self, factor: float) -> Corruption:
        """With noise of ``factor`` times the standard deviation, hence 1/factor² times the light; 0: none."""
        if factor == 0:
            return Identity(clip=self.clip, resample=self.resample)
        return replace(self, peak=self.peak / factor**2)

    def corrupt(self, image, seed):
        import tensorflow as tf

        expected = tf.maximum(image, 0.0) * self.peak
        photons = tf.random.stateless_poisson(image.shape, seed, expected, tf.float32)
        return photons * (1 / self.peak)  # not "/ peak": only some graph compilers rewrite a division


class SaltAndPepper(Corruption):
    """Each pixel is hit with probability amount, all its channels together.

    A pixel that is hit turns white with probability salt, else black.
    """

    amount: float = option("share of the pixels that are hit", ge=0, le=1)
    salt: float = option("share of those hit that turn white; the others turn black", ge=0, le=1)

    strength = ("amount",)

    def corrupt(self, image, seed):
        import tensorflow as tf

        draw = draw_uniform((*image.shape[:2], 1), seed)
        impulse = tf.cast(draw < self.amount * self.salt, tf.float32)
        return tf.where(draw < self.amount, impulse, image)


class Masking(Corruption):
    """Each pixel is set to 0 with probability amount, all its channels together.

    Source: Vincent et al., "Stacked Denoising Autoencoders", JMLR 11, 2010, section 3.3; there
    exactly this share of an image's pixels is hit, here it is so on average.
    """

    amount: float = option("share of the pixels that are set to 0", ge=0, le=1)

    strength = ("amount",)

    def corrupt(self, image, seed):
        import tensorflow as tf

        draw = draw_uniform((*image.shape[:2], 1), seed)
        return tf.where(draw < self.amount, 0.0, image)


class Occlusion(Corruption):
    """One axis-aligned rectangle, anywhere inside the image with equal probability, set to value.

    Its sides are round(size·h) and round(size·w) pixels; all channels are covered.
    """

    size: float = option("sides of the rectangle, as a share of the image's sides", ge=0, le=1)
    value: float = option("grey of the rectangle: 0 is black, 1 is white", ge=0, le=1)

    strength = ("size",)

    def corrupt(self, image, seed):
        import tensorflow as tf

        draw = draw_uniform((2,), seed)
        rows = self._covered(image.shape[0], draw[0])
        columns = self._covered(image.shape[1], draw[1])
        return tf.where(rows[:, None, None] & columns[None, :, None], float(self.value), image)

    def _covered(self, side: int, draw: "tf.Tensor") -> "tf.Tensor":
        """Which of a side's pixels are covered, bool (side,); draw in [0, 1) places the rectangle."""
        import tensorflow as tf

        length = round(self.size * side)
        start = tf.cast(draw * (side - length + 1), tf.int32)
        place = tf.range(side)
        return (place >= start) & (place < start + length)


class Blur(Deterministic):
    """Convolution with a normalised Gaussian, mirrored at the edges, each channel by itself.

    The kernel reaches ceil(3·sigma) pixels, or as far as mirroring can go (side - 1).
    """

    sigma: float = option("standard deviation of the kernel, in pixels", ge=0, le=1000)

    strength = ("sigma",)

    def corrupt(self, image, seed):
        return self._along(-2, self._along(-3, image))

    def _along(self, axis: int, image: "tf.Tensor") -> "tf.Tensor":
        import tensorflow as tf

        side, rank = image.shape[axis], image.shape.rank
        radius = min(ceil(3 * self.sigma), side - 1)
        padding = [[radius, radius] if i == rank + axis else [0, 0] for i in range(rank)]
        padded = tf.pad(image, padding, mode="REFLECT")
        # A sum of shifted images: convolutions may round differently for batches of different size.
        rest = (slice(None),) * (-axis - 1)
        shifted = [padded[(..., slice(i, i + side), *rest)] for i in range(2 * radius + 1)]
        return tf.add_n([share * part for share, part in zip(self._kernel(radius), shifted, strict=True)])

    def _kernel(self, radius: int) -> list[float]:
        if radius == 0:
            return [1.0]
        weights = [exp(-0.5 * (i / self.sigma) ** 2) for i in range(-radius, radius + 1)]
        return [weight / sum(weights) for weight in weights]


class Chain(Corruption):
    """Corruptions one after the other, each under its own sub-seed of the image's seed.

    Every step clips as its own ``clip`` says; ``resample`` is the chain's, a step's own is not read.
    """

    _convert_: Literal["all"] = "all"  # recorded by every version, so a part of the fingerprint
    steps: dict[Name, Corruption] = option("the corruptions in order, a name each")

    def __post_init__(self) -> None:
        if not self.steps:
            raise ValueError("steps is empty: name at least one corruption, as in gaussian@steps.gaussian")

    def scaled(self, factor: float) -> Corruption:
        """Every step scaled."""
        steps = {name: step.scaled(factor) for name, step in self.steps.items()}
        return replace(self, steps=steps)

    def described(self) -> str:
        """The strengths of its steps."""
        steps = self.steps.items()
        return ", ".join(f"{name}: {step.described()}" for name, step in steps)

    def corrupt(self, image, seed):
        for place, step in enumerate(self.steps.values()):
            image = step.clipped(image, derive_seed(seed, place))
        return image


def corrupted(images: "Images", corruption: Corruption, stream: int) -> "np.ndarray":
    """All ``images`` with noise of the sub-seed ``stream``: float32 (n, h, w, c)."""
    import numpy as np

    from dae_lab.pixels import blocks, to_float

    noisy = np.empty(images.pixels.shape, np.float32)
    parts = blocks(noisy.shape)
    with progress("Adding noise to blocks of images", total=len(parts)) as advance:
        for some in parts:
            seeds = image_seeds(np.asarray(images.rows[some]), stream)
            noisy[some] = corruption(to_float(images.pixels[some]), seeds)
            advance()
    return noisy
